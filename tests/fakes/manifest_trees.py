"""A directory of manifests with models beside it, read, validated and started as the product does it."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.control.launches import launch_of
from reconciler.control.preparations import Preparation
from reconciler.control.sources import Reading, read_sources
from reconciler.core.tinymodels.kinds import build
from reconciler.host.places import make_places
from reconciler.host.processes import Launch, Started, start, stop
from reconciler.host.readiness import wait_ready
from tests.fakes import scripted
from tests.fakes.engines import Engine, Reply, free_port
from tests.fakes.scripted import ScriptedServer

API = "models.reconciler/v1alpha1"
KEY = "engine-key-" + "k" * 32
#: A model is the same bytes every time, and takes longer to make than most tests to run.
model_bytes = functools.cache(build)


@dataclass(frozen=True, slots=True)
class Running:
    """An engine that was started from a manifest."""

    started: Started
    engine: Engine
    launch: Launch

    def ask(self, path: str, body: object = None, *, key: str | None = KEY) -> Reply:
        return self.engine.ask(path, body, key=key)

    def chat(self, content: str = "hello") -> Reply:
        messages = [{"role": "user", "content": content}]
        return self.ask("/v1/chat/completions", {"messages": messages, "max_tokens": 4, "temperature": 0})

    def environment(self) -> dict[str, str]:
        text = Path(f"/proc/{self.started.pid}/environ").read_text()
        return dict(entry.split("=", 1) for entry in text.split("\0") if entry)


@dataclass(frozen=True, slots=True)
class ManifestTree:
    """`folder` holds the manifests; a Host, once added, has `models` below it."""

    folder: Path

    @property
    def models(self) -> Path:
        return self.folder / "models"

    def model(self, name: str, kind: str = "chat", *, folder: Path | None = None) -> Path:
        path = (folder or self.models) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model_bytes(kind))
        return path

    def text(self, file: str, text: str) -> Path:
        """Manifests as somebody wrote them; `apiVersion` is put before each."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        documents = text.lstrip("\n").split("---\n")
        path.write_text("---\n".join(f"apiVersion: {API}\n{document}" for document in documents))
        return path

    def add(self, kind: str, name: str, spec: Mapping[str, Any], *, file: str = "") -> Path:
        path = self.folder / (file or f"{kind.lower()}-{name}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        manifest = {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec}
        path.write_text(json.dumps(manifest))
        return path

    def host(self, **spec: Any) -> Path:
        self.models.mkdir(exist_ok=True)
        return self.add("Host", "box", {"paths": {"models": "models"}, **spec})

    def deployment(self, name: str = "chat", path: str = "chat.gguf", **spec: Any) -> Path:
        model = {"path": path, **spec.pop("model", {})}
        return self.add("ModelDeployment", name, {"model": model, **spec})

    def runtime(self, name: str, path: Path | None = None, kind: str = "llama-server", **spec: Any) -> Path:
        return self.add("Runtime", name, {"kind": kind, **({"path": str(path)} if path else {}), **spec})

    def scripted(self, *scripts: dict[str, Any], name: str = "llama-server", **spec: Any) -> ScriptedServer:
        """A Runtime whose binary is the scripted server; under the built-in name everybody uses it."""
        server = scripted.install(self.folder / ".bin" / name, *scripts)
        self.runtime(name, server.path, **spec)
        return server

    def read(self, **options: Any) -> Reading:
        return read_sources([str(self.folder)], environ=os.environ, **options)

    def told(self, **options: Any) -> list[str]:
        """Every diagnostic, with paths below the tree shortened."""
        return [str(one).replace(f"{self.folder}/", "") for one in self.read(**options).diagnostics]

    def prepared(self, name: str = "chat") -> Preparation:
        return next(one for one in self.read().preparations if one.name == name)

    def command(self, name: str = "chat") -> list[str]:
        """What follows the binary."""
        return list(self.prepared(name).arguments(8081))

    def launch(
        self, name: str = "chat", *, port: int | None = None, reading: Reading | None = None
    ) -> Launch:
        """At `port`, or where the deployment says, or at 8081."""
        reading = reading or self.read()
        prepared = next(one for one in reading.preparations if one.name == name)
        places = make_places(reading.settings.name, os.environ)
        port = port or prepared.spec.port or 8081
        return launch_of(prepared, port=port, api_key=KEY, places=places, environ=os.environ)

    @contextmanager
    def serving(self, name: str = "chat") -> Iterator[Running]:
        """The engine of a deployment, started as the product starts it, once it is ready."""
        port = free_port()
        launch = self.launch(name, port=port)
        started = start(launch)
        try:
            wait_ready(started, port=port, within=30)
            yield Running(started, Engine(started.popen, port, launch.log_path), launch)
        finally:
            stop(started, grace=5)


def value_after(argv: list[str], option: str) -> str:
    """What follows an option that stands there exactly once."""
    assert 1 == argv.count(option), argv
    return argv[argv.index(option) + 1]
