"""A llama-server that does what its script says: the things that the real one will not do on command.

`tests.fakes.scripted.install` puts an executable into a folder; beside it lie `<name>.script.json` (no variable
names it, because the product scrubs environments), `<name>.record.jsonl` (one line per start) and
`<name>.events.jsonl` (requests and signals). It imports only light modules: tests start it hundreds of times.
"""
# ruff: noqa: PTH100, PTH109, PTH115, PTH118, PTH120, PTH123, PTH208 - pathlib is a quarter of the start

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from typing import Any, NoReturn

from tests.fakes import llama_http

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")

DEFAULTS: dict[str, Any] = {
    # probes
    "help_file": f"{DATA}/help_b11434.txt",
    "devices_file": f"{DATA}/list_devices_none.txt",
    "version": "version: 0.6.0-dev (build 0, commit unknown)\nbuilt with GNU 12.2.0 for Linux x86_64\n",
    # start
    "stderr": "",  # printed first
    "child": 0,  # a forked child of the same session stays this many seconds and ignores TERM
    "bind_after": 0,  # seconds; until then connections are refused
    "port_busy": False,  # fails as if another process had the port
    "loading": 0,  # seconds of 503 after the bind
    # life
    "hang": [],  # path prefixes that are never answered; "/" is everything
    "hang_after": 0,  # ... once this many requests were counted (/health, /slots and the like do not count)
    "crash": None,  # {"at": "start" | "loading" | "ready" | "request" | "chunk", "after": seconds or count,
    #                  "stderr": text, "exit": code} or with "signal" in place of "exit"
    "log_flood": 0,  # lines written to stderr once ready; a reader that stalls freezes every answer
    "ignore_term": 0,  # so many TERMs go unnoticed; -1: all
    # answers
    "model": None,  # the name it claims, whatever argv says
    "content": "The quick brown fox jumps over a lazy dog.",  # verbatim, so also XML tool calls
    "chunks": 8,
    "pace": 0,  # seconds before each chunk; not streamed: chunks x pace before the answer
}


class Life:
    """State that the main thread and the connections share."""

    def __init__(self, path: str, argv: list[str]) -> None:
        self.path = path
        self.argv = argv
        self.script = _script(path)
        self.loading = True
        self.stopping = threading.Event()
        self.requests = 0
        self.terms = 0
        self.began = time.monotonic()
        self._log_lock = threading.Lock()

    def log(self, text: str, *, level: str = "I", tag: str = "srv  llama_server") -> None:
        ms = int((time.monotonic() - self.began) * 1000)
        stamp = f"{ms // 60000}.{ms // 1000 % 60:02}.{ms % 1000:03}.000"
        with self._log_lock:
            sys.stderr.write(f"{stamp} {level} {tag}: {text}\n")
            sys.stderr.flush()

    def event(self, **what: Any) -> None:
        append(f"{self.path}.events.jsonl", what)

    def crash_if(self, at: str, reached: float) -> None:
        """Dies as the script says when this stage has come so far."""
        crash = self.script["crash"]
        if crash is None or crash["at"] != at or reached < crash.get("after", 0):
            return
        sys.stderr.write(crash.get("stderr", ""))
        sys.stderr.flush()
        if "signal" in crash:
            os.kill(os.getpid(), signal.Signals[crash["signal"]])
            time.sleep(60)
        os._exit(crash.get("exit", 1))

    def hangs(self, path: str) -> bool:
        prefixes = self.script["hang"]
        return self.requests >= self.script["hang_after"] and any(path.startswith(p) for p in prefixes)


def _script(path: str) -> dict[str, Any]:
    """A list of scripts belongs to the starts in their order; the last one repeats."""
    with open(f"{path}.script.json", encoding="utf-8") as file:
        script: Any = json.load(file)
    if isinstance(script, list):
        script = script[min(_starts(path), len(script) - 1)]
    if unknown := script.keys() - DEFAULTS.keys():
        sys.exit(f"unknown keys in {path}.script.json: {sorted(unknown)}")
    return {**DEFAULTS, **script}


def _starts(path: str) -> int:
    try:
        with open(f"{path}.record.jsonl", encoding="utf-8") as file:
            return sum(not json.loads(line)["probe"] for line in file)
    except FileNotFoundError:
        return 0


def append(path: str, what: dict[str, Any]) -> None:
    """One write per line: lines of several processes never mix."""
    line = json.dumps(what).encode() + b"\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line)
    os.close(file)


def record_start(path: str, argv: list[str], *, probe: bool) -> None:
    fds = {}
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the listing's own descriptor is closed by now
            fds[int(fd)] = os.readlink(f"/proc/self/fd/{fd}")
    with open(
        "/proc/self/environ", encoding="utf-8"
    ) as file:  # as it came: the interpreter adds to os.environ
        environment = dict(entry.split("=", 1) for entry in file.read().split("\0") if "=" in entry)
    umask = os.umask(0o077)
    os.umask(umask)
    start = {
        "argv": argv,
        "env": environment,
        "cwd": os.getcwd(),
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "pgid": os.getpgid(0),
        "sid": os.getsid(0),
        "umask": umask,
        "fds": fds,
        "stdin": fds.get(0),
        "probe": probe,
    }
    append(f"{path}.record.jsonl", start)


PROBES = {"--help": "help_file", "-h": "help_file", "--usage": "help_file", "--list-devices": "devices_file"}


def answer_probe(life: Life) -> NoReturn:
    for arg in life.argv:
        if arg == "--version":
            sys.stderr.write(life.script["version"])  # the real one says this on stderr
            sys.exit(0)
        if arg in PROBES:
            with open(life.script[PROBES[arg]], encoding="utf-8") as file:
                sys.stdout.write(file.read())
            sys.exit(0)
    raise AssertionError(life.argv)


def leave_child(seconds: float) -> None:
    if seconds and os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(seconds)
        os._exit(0)


def listen(life: Life) -> socket.socket:
    options = llama_http.options(life.argv)
    host, port = options["host"], int(options["port"])
    unix = host.endswith(".sock")
    server = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
    if not unix:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind(host if unix else (host, port))
    except OSError:
        fail_to_bind(life, host, port)
    if life.script["port_busy"]:
        fail_to_bind(life, host, port)
    server.listen(128)
    return server


def fail_to_bind(life: Life, host: str, port: int) -> NoReturn:
    life.log(
        f"couldn't bind HTTP server socket, hostname: {host}, port: {port}",
        level="E",
        tag="srv         start",
    )
    life.log("operator(): cleaning up before exit...", tag="srv    operator()")
    life.log("exiting due to HTTP server error", level="E")
    os._exit(1)


def load(life: Life) -> None:
    """A signal during the load kills: the real one installs its handlers only after it."""
    life.log(f"loading model '{llama_http.options(life.argv)['model']}'", tag="srv    load_model")
    began = time.monotonic()
    while (left := life.script["loading"] - (time.monotonic() - began)) > 0:
        life.crash_if("loading", time.monotonic() - began)
        time.sleep(min(left, 0.01))
    life.crash_if("loading", float("inf"))


def obey_signals(life: Life) -> None:
    def on_signal(number: int, _: object) -> None:
        life.event(signal=signal.Signals(number).name)
        life.terms += 1
        if life.script["ignore_term"] < 0 or life.terms <= life.script["ignore_term"]:
            return
        if life.stopping.is_set():
            os._exit(1)
        life.stopping.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)


def flood(life: Life) -> None:
    for number in range(life.script["log_flood"]):
        life.log(f"flood {number} " + "x" * 180)


def serve(life: Life, door: llama_http.Door) -> NoReturn:
    ready_at = time.monotonic()
    while not life.stopping.wait(0.01):
        life.crash_if("ready", time.monotonic() - ready_at)
    life.log("operator(): cleaning up before exit...", tag="srv    operator()")
    while door.in_flight():  # like the real one: decoding has stopped, only the clients can end it
        time.sleep(0.005)
    os._exit(0)


def main(path: str, argv: list[str]) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    life = Life(path, argv)
    probe = any(arg in PROBES or arg == "--version" for arg in argv)
    record_start(path, argv, probe=probe)
    if probe:
        answer_probe(life)
    sys.stderr.write(life.script["stderr"])
    life.log("initializing ...")
    life.crash_if("start", float("inf"))
    leave_child(life.script["child"])
    time.sleep(life.script["bind_after"])
    door = llama_http.Door(life, listen(life))
    door.open()
    load(life)
    obey_signals(life)
    life.loading = False
    life.log("model loaded")
    life.log(f"listening on {door.url}")
    threading.Thread(target=flood, args=(life,), daemon=True).start()
    serve(life, door)
