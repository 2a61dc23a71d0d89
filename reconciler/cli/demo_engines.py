"""The one engine of `reconciler demo`: manifests of its own, read, prepared and started like everybody's."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli.outputs import as_yaml
from reconciler.cli.stop_signals import StopSignals
from reconciler.control.launches import launch_of
from reconciler.control.preparations import Preparation
from reconciler.control.sources import read_sources
from reconciler.core.commandlines import LOOPBACK
from reconciler.core.runtimes import RuntimeRecord
from reconciler.core.tinymodels.kinds import build
from reconciler.errors import ManifestsInvalid, ReconcilerError, RuntimeUnusable
from reconciler.host.models import write_model
from reconciler.host.places import Places, make_private
from reconciler.host.processes import Started, ending, start, stop
from reconciler.host.readiness import wait_ready
from reconciler.host.secrets import new_engine_key
from reconciler.spec.kinds import API_VERSION
from reconciler.spec.runtimes import RuntimeKind

MODEL = "demo"
READY_WITHIN = 60.0
ANSWER_WITHIN = 60.0
GRACE = 5.0
#: Small, so that the demo takes next to no memory.
CONTEXT = {"size": 4096, "parallel": 2, "promptCache": "16Mi"}


@dataclass(frozen=True, slots=True)
class DemoEngine:
    """An engine that answers."""

    url: str
    key: str
    runtime: str
    seconds: float
    started: Started
    model: str = MODEL

    def request(self, question: str) -> dict[str, object]:
        """The body of a chat request, which both APIs read; without randomness, so that all answers are one."""
        return {
            "model": self.model,
            "messages": [{"role": "user", "content": question}],
            "max_tokens": 64,
            "temperature": 0,
        }

    def answer(self, question: str) -> str:
        """What the model says, asked as any client would ask."""
        request = urllib.request.Request(  # noqa: S310 - our own URL
            f"{self.url}/v1/chat/completions",
            data=json.dumps(self.request(question)).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        # A proxy of the environment has nothing to do with loopback.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=ANSWER_WITHIN) as response:
                return str(json.load(response)["choices"][0]["message"]["content"]).strip()
        except urllib.error.HTTPError as error:
            said = error.read(2000).decode(errors="replace")
            raise ReconcilerError(f"Cannot get an answer: the engine says {error.code}: {said}") from error
        except (OSError, ValueError, LookupError) as error:
            raise ReconcilerError(f"Cannot get an answer from the engine: {error}") from error

    def wait(self) -> None:
        """Until a signal comes. That the engine ends by itself is a failure."""
        raise ReconcilerError(f"Cannot go on: the engine {ending(self.started)}")


@contextmanager
def running_engine(port: int, runtime: RuntimeKind | None, signals: StopSignals) -> Iterator[DemoEngine]:
    """An engine in directories of its own; both are gone afterwards."""
    with ExitStack() as ending:
        with signals.held():
            name = ending.enter_context(tempfile.TemporaryDirectory(prefix="reconciler-demo-"))
        held = ending.enter_context(_held_port(port))
        folder, key = Path(name), new_engine_key()
        write_model(folder / f"{MODEL}.gguf", build(name=MODEL))
        preparation, record = _prepared(folder, runtime)
        launch = launch_of(preparation, port=held, api_key=key, places=_places(folder), environ=os.environ)
        started: Started | None = None
        try:
            with signals.held():
                started = start(launch)
            seconds = wait_ready(started, port=held, within=READY_WITHIN)
            yield DemoEngine(f"http://{LOOPBACK}:{held}", key, record.kind, seconds, started)
        finally:
            try:
                signals.ignore()
            finally:
                if started is not None:
                    stop(started, grace=GRACE)


def _prepared(folder: Path, runtime: RuntimeKind | None) -> tuple[Preparation, RuntimeRecord]:
    """The first usable one of the runtimes in question; else what is wrong with the first."""
    failures = []
    for name in (runtime,) if runtime else ("embedded", "llama-server"):
        preparation = _read(folder, name)
        record = preparation.engine.record
        if record is not None and record.usable:
            return preparation, record
        if record is not None:
            failures.append(RuntimeUnusable(str(record.reason), record.message, next_step=record.next_step))
    raise failures[0]


def _read(folder: Path, runtime: str) -> Preparation:
    objects = (
        {"kind": "Host", "metadata": {"name": MODEL}, "spec": {"runtime": runtime}},
        {
            "kind": "ModelDeployment",
            "metadata": {"name": MODEL},
            "spec": {"model": {"path": f"{MODEL}.gguf"}, "context": CONTEXT},
        },
    )
    text = "---\n".join(as_yaml({"apiVersion": API_VERSION, **one}) for one in objects)
    (folder / "demo.yaml").write_text(text)
    reading = read_sources([str(folder)], environ=_environment(folder))
    for problem in reading.diagnostics:
        if problem.is_error:
            raise ManifestsInvalid(f"Cannot prepare the demo: {problem}")
    return reading.preparations[0]


def _environment(folder: Path) -> dict[str, str]:
    """Ours, with every directory of an owner moved into the folder, and without settings for real fleets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCAL_LLM_")}
    moved = {name: str(folder / "own") for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")}
    (folder / "own").mkdir(mode=0o700, exist_ok=True)
    # Where the folder's path is too long for sockets, the next place for them is below this one.
    return kept | moved | {"TMPDIR": str(folder)}


def _places(folder: Path) -> Places:
    """The directories of an owner that lives as long as the demo."""
    places = Places(folder / "data", folder / "state", folder / "run")
    make_private(places)
    return places


@contextmanager
def _held_port(port: int) -> Iterator[int]:
    """A port that nobody else gets: bound and never listening, so that the engine can bind beside it."""
    with socket.socket() as holder:
        # Engines bind with this option too. It lets them in here, and lets nobody in where somebody listens.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind((LOOPBACK, port))
        except OSError as error:
            raise ReconcilerError(
                f"Cannot use port {port}: {error.strerror}", next_step="leave --port out for one that is free"
            ) from error
        yield int(holder.getsockname()[1])
