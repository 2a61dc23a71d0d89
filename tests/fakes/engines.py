"""Starts an engine for a test, waits until it serves, and stops it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.eventually import eventually

QUIET = ("--host", "127.0.0.1", "--offline", "--no-ui", "--fit", "off")


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Any  # parsed JSON, or text
    text: str


@dataclass(frozen=True, slots=True)
class Engine:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ask(self, path: str, body: object = None, *, key: str | None = None, timeout: float = 10.0) -> Reply:
        """GET, or POST with a body; ConnectionError while nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            method, data = ("GET", None) if body is None else ("POST", json.dumps(body))
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            is_json = answer.headers.get_content_type() == "application/json"
            return Reply(answer.status, json.loads(text) if is_json else text, text)
        finally:
            connection.close()

    def chat(self, content: str = "hello", **more: Any) -> Reply:
        body = {"messages": [{"role": "user", "content": content}], "temperature": 0, **more}
        return self.ask("/v1/chat/completions", body)

    def ready(self) -> bool:
        return self.ask("/health").status == 200

    def wait_until_ready(self, *, within: float = 30.0) -> None:
        """Fails at once, with its last words, when the engine ends instead."""
        eventually(lambda: self.process.poll() is not None or self.ready(), within=within)
        assert self.process.poll() is None, f"exit {self.process.returncode}: {self.log.read_text()[-2000:]}"

    def stop(self, *, grace: float = 3.0) -> int:
        """TERM, TERM, KILL: the first may be lost, and a hang ignores both."""
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            self.process.send_signal(number)
            try:
                return self.process.wait(timeout=grace)
            except subprocess.TimeoutExpired:
                continue
        return self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def started(
    command: Sequence[str | Path], *arguments: str, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[Engine]:
    """The engine from its first moment on: nothing has been waited for. `--port` is added."""
    port = free_port()
    argv = [*map(str, command), *QUIET, "--port", str(port), *arguments]
    everything = {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": "/nonexistent", **(env or {})}
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=everything
        )
    engine = Engine(process, port, log)
    try:
        yield engine
    finally:
        if process.poll() is None:
            engine.stop()


@contextmanager
def serving(
    command: Sequence[str | Path], *arguments: str, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[Engine]:
    """The engine once /health says 200."""
    with started(command, *arguments, log=log, env=env) as engine:
        engine.wait_until_ready()
        yield engine
