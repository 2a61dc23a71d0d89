"""Asks an engine binary about itself: `--help`, `--version`, `--list-devices`.

The binary runs with a scrubbed environment, a time limit and bounded output, in a session of its own that is
killed whole. Help and version are kept in the state directory by the binary's checksum; devices come and go, so they
are asked for every time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.runtimes import Device, parse_devices, parse_version
from reconciler.host.binaries import sha256

TIME_LIMIT = 10.0
OUTPUT_LIMIT = 1 << 20

#: Part of the cache's key: a record of another layout is not found, so it needs no migration.
CACHE_LAYOUT = 1


class ProbeFailed(Exception):
    """The binary did not answer; the message says what it did instead."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    stdout: str
    stderr: str

    def last_line(self) -> str:
        lines = [line.strip() for line in (self.stdout + "\n" + self.stderr).splitlines() if line.strip()]
        return lines[-1] if lines else "it printed nothing"


@dataclass(frozen=True, slots=True)
class Texts:
    """What one binary says for as long as it is the same binary."""

    version: str
    help: str


def ask(
    argv: Sequence[str], *, environment: Mapping[str, str], folder: Path, time_limit: float = TIME_LIMIT
) -> Answer:
    """Runs `argv` to its end. Raises ProbeFailed where it cannot start, takes too long or prints too much."""
    words = " ".join(argv)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
            umask=0o077,
        )
    except OSError as error:
        raise ProbeFailed(f"Cannot run {words}: {error.strerror}") from error
    try:
        stdout, stderr = _collect(process, time_limit=time_limit)
    except ProbeFailed as failure:
        raise ProbeFailed(f"{words} {failure}") from None
    finally:
        # The leader is not reaped yet, so its number is still its own and its group's.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
    return Answer(status, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


def _collect(process: subprocess.Popen[bytes], *, time_limit: float) -> tuple[bytes, bytes]:
    """Both outputs, read until the process has ended; what it left running may hold its pipes open."""
    deadline = time.monotonic() + time_limit
    outputs = {pipe.fileno(): bytearray() for pipe in (process.stdout, process.stderr) if pipe}
    with selectors.DefaultSelector() as selector:
        for output in outputs:
            selector.register(output, selectors.EVENT_READ)
        while True:
            ready = selector.select(0.01) if selector.get_map() else []
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                outputs[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fd)
            if sum(map(len, outputs.values())) > OUTPUT_LIMIT:
                raise ProbeFailed(f"printed more than {OUTPUT_LIMIT >> 20} MiB")
            if not ready and _has_ended(process, pause=not selector.get_map()):
                break
            if time.monotonic() > deadline:
                raise ProbeFailed(f"did not end within {time_limit:g} s")
    stdout, stderr = outputs.values()
    return bytes(stdout), bytes(stderr)


def _has_ended(process: subprocess.Popen[bytes], *, pause: bool) -> bool:
    """Without reaping: until then nobody else can have the process's number."""
    if pause:
        time.sleep(0.002)
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def texts(
    argv: Sequence[str],
    files: Sequence[Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    cache: Path,
) -> Texts:
    """Help and version of the binary behind `argv`, which consists of `files`."""
    record = cache / f"{_key(argv, [sha256(file) for file in files], environment)}.json"
    if (known := _read(record)) is not None:
        return known
    asked = ask([*argv, "--help"], environment=environment, folder=folder)
    if asked.status != 0 or not asked.stdout.strip():
        raise ProbeFailed(f"{argv[-1]} --help ended with {asked.status}: {asked.last_line()}")
    version = ask([*argv, "--version"], environment=environment, folder=folder)
    # llama-server states its version on stderr.
    found = Texts(parse_version(version.stdout + "\n" + version.stderr), asked.stdout)
    _write(record, found)
    return found


def devices(
    argv: Sequence[str], *, environment: Mapping[str, str], folder: Path
) -> tuple[Device, ...] | None:
    """The GPUs that the build can use now; None where it does not know `--list-devices`."""
    answer = ask([*argv, "--list-devices"], environment=environment, folder=folder)
    return parse_devices(answer.stdout) if answer.status == 0 else None


def _key(argv: Sequence[str], checksums: Sequence[str], environment: Mapping[str, str]) -> str:
    facts = (CACHE_LAYOUT, tuple(argv), checksums, sorted(environment.items()))
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


def _read(record: Path) -> Texts | None:
    """A record that cannot be read, or is not one of ours, counts as none: it is written anew."""
    try:
        found = json.loads(record.read_bytes())
        version, text = found["version"], found["help"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Texts(version, text) if isinstance(version, str) and isinstance(text, str) else None


def _write(record: Path, found: Texts) -> None:
    """Whole or not at all. Without a writable state directory the next probe simply asks again."""
    with contextlib.suppress(OSError):
        record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=record.parent, delete=False) as file:
            file.write(json.dumps({"version": found.version, "help": found.help}).encode())
        Path(file.name).replace(record)
