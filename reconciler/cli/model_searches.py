"""What `reconciler init` finds under a models directory: models, what belongs to them, and what is no model."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from reconciler.cli.terminals import printable
from reconciler.core.gguf.facts import ModelFacts, ModelKind
from reconciler.core.names import folded
from reconciler.errors import GgufInvalid
from reconciler.host.models import read_facts

_SHARD = re.compile(r"-(\d{5})-of-(\d{5})$")
_QUANTISATION = re.compile(
    r"[-_.]+(?:ud[-_.])?(?:i?q\d\w*|t?q\d_\d|(?:bf|fp?)(?:16|32)|mxfp4\w*|nvfp4\w*|i\d-quant|imat)$",
    re.IGNORECASE,
)
_PROJECTOR = re.compile(r"^mmproj(?:[-_.]+model)?[-_.]*|[-_.]+mmproj$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model file, relative to the models directory, with the projector that lies beside it."""

    path: str
    facts: ModelFacts
    projector: str = ""


@dataclass(slots=True)
class Search:
    """Everything that was looked at: models, and other files with the reason why they are none."""

    models: list[FoundModel] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def search(root: Path) -> Search:
    """All GGUF files under the directory, hidden folders left out, in the order of their paths."""
    found = Search()
    projectors: list[str] = []
    for path in _unique(root, found):
        try:
            facts = read_facts(root / path)
        except GgufInvalid as failure:
            found.skipped.append((path, _reason(failure, root / path)))
            continue
        if facts.kind is ModelKind.PROJECTOR:
            projectors.append(path)
        elif facts.kind is ModelKind.ADAPTER:
            found.skipped.append((path, "a LoRA adapter; name it in spec.model.loras of its model"))
        else:
            found.models.append(FoundModel(path, facts))
    _attach(found, projectors)
    found.skipped.sort()
    return found


def _unique(root: Path, found: Search) -> Iterator[str]:
    """The files under the directory that may be models, each once."""
    # Not Path.resolve: that raises at a circle of links.
    inside = Path(os.path.realpath(root))
    seen: dict[Path, str] = {}
    for path in _gguf_files(root, found):
        real = Path(os.path.realpath(root / path))
        if reason := _no_model(path, real, inside):
            found.skipped.append((path, reason))
        elif (first := seen.setdefault(real, path)) != path:
            found.skipped.append((path, f"the same file as {first}"))
        else:
            yield path


def _gguf_files(root: Path, found: Search) -> Iterable[str]:
    def note(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            found.skipped.append((str(error.filename), f"cannot be read: {error.strerror}"))

    paths: list[str] = []
    for folder, folders, names in os.walk(root, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        here = Path(folder).relative_to(root)
        paths += [(here / name).as_posix() for name in names if name.lower().endswith(".gguf")]
    return sorted(path for path in paths if not path.rpartition("/")[2].startswith("."))


def _no_model(path: str, real: Path, inside: Path) -> str:
    if not real.is_relative_to(inside):
        return f"a link to {real}, outside of the models directory"
    if not path.isprintable() or len(path) > 4096:
        return "a name that no manifest can hold; rename it"
    shard = _SHARD.search(_stem(path))
    if shard and int(shard[1]) != 1:
        return f"part {int(shard[1])} of a split model; its first file stands for all"
    return ""


def _reason(failure: GgufInvalid, path: Path) -> str:
    """Without the path, which the report names already."""
    return printable(failure.message.removeprefix(f"{path}: "))


def _attach(found: Search, projectors: list[str]) -> None:
    """A projector belongs to the models of its folder that have its name, or to the only family there."""
    for projector in projectors:
        beside = [model for model in found.models if _folder(model.path) == _folder(projector)]
        family = _family(_PROJECTOR.sub("", _stem(projector)))
        mates = [model for model in beside if _family(_stem(model.path)) == family]
        if not mates and len({_family(_stem(model.path)) for model in beside}) == 1 and not family:
            mates = beside
        free = [model for model in mates if not model.projector]
        if not free:
            reason = "its model has another one" if mates else "no model beside it has its name"
            found.skipped.append((projector, f"a projector; {reason}"))
        for model in free:
            index = found.models.index(model)
            found.models[index] = FoundModel(model.path, model.facts, projector)


def _family(stem: str) -> str:
    """The name without what differs between files of one model: shard and quantisation."""
    stem = _SHARD.sub("", stem).casefold()
    while (shorter := _QUANTISATION.sub("", f"-{stem}").removeprefix("-")) != stem:
        stem = shorter
    return stem.strip("-_.")


def base_name(path: str) -> str:
    """A name for the deployment of a model file, as manifests allow it."""
    return folded(_SHARD.sub("", _stem(path)))


def _stem(path: str) -> str:
    return PurePosixPath(path).stem


def _folder(path: str) -> str:
    return path.rpartition("/")[0]
