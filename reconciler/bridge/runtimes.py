"""Guardian's backends as Runtimes. A binary that is not known is asked for, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from reconciler.core.names import folded
from reconciler.spec.problems import Problem
from reconciler.spec.shapes import nearest

#: The llama.cpp of ggml-org: what the built-in Runtime llama-server finds.
OFFICIAL = "official"
FORK = "ik_fork"
_EVERYWHERE = frozenset({"/", "usr", "local", "opt", "home", "build", "bin"})


@dataclass(frozen=True, slots=True)
class Backend:
    """A Runtime to write. `note`: what somebody has to do about it."""

    name: str
    path: str
    note: str = ""

    def manifest(self, api_version: str) -> dict[str, object]:
        kind = "llamafile" if self.path.endswith(".llamafile") else "llama-server"
        return {
            "apiVersion": api_version,
            "kind": "Runtime",
            "metadata": {"name": self.name},
            "spec": {"kind": kind, "path": self.path},
        }


def backend_of(written: str, known: Mapping[str, str]) -> Backend | Problem | None:
    """The Runtime of a `backend:`; None is the Host's own, a Problem a name that nobody has explained."""
    if written in known:
        return Backend(folded(written), known[written])
    if "/" in written:
        return Backend(_name_of(written), written)
    if written in {"", OFFICIAL}:
        return None
    if written == FORK:
        note = f"models.yaml does not say where the binary of {FORK} is: correct the path in runtimes.yaml"
        return Backend(folded(written), f"/path/to/{FORK}/llama-server", note)
    names = [OFFICIAL, FORK, *known]
    guess = nearest(written, names)
    hint = f"did you mean {guess}?" if guess else f"--backend {written}=PATH names its binary"
    return Problem((), f"no backend is named {written!r}", hint)


def _name_of(path: str) -> str:
    """The last folder that tells builds apart: /opt/ik_llama.cpp/build/bin/llama-server is ik-llama.cpp."""
    telling = [part for part in PurePosixPath(path).parts[:-1] if part not in _EVERYWHERE]
    return folded(telling[-1] if telling else PurePosixPath(path).stem)
