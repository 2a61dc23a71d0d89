"""Starts and stops engines. A process is known by boot id, number and raw start time, never by number alone.

Each runs in a session of its own with stdin null, a private working directory, and an append-only log that gets
everything from the first byte: an engine whose pipe nobody reads freezes, its health answer included.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.core.last_words import last_words
from reconciler.errors import ReconcilerError, StartFailed

#: llama-server can lose a first SIGTERM, and ends at once on the second.
SECOND_TERM_WAIT = 1.0
KILL_WAIT = 10.0
#: After all of that, the exit status is there at once or not for a long time.
REAP_WAIT = 1.0

POLL = 0.005

#: How much of a log is searched for the cause of an end.
TAIL = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Everything that a start needs. `cwd` is a private directory."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    log_path: Path
    cwd: Path


@dataclass(frozen=True, slots=True)
class Identity:
    boot_id: str
    pid: int
    start_ticks: int


@dataclass(frozen=True, slots=True)
class Started:
    """A process that we started. It leads a session of its own, whose number is its own."""

    identity: Identity
    launch: Launch
    log_offset: int
    popen: subprocess.Popen[bytes] = field(repr=False, compare=False)

    @property
    def pid(self) -> int:
        return self.identity.pid


def start(launch: Launch) -> Started:
    """Starts the process, or raises StartFailed with the reason that a Runtime would show."""
    with _opened_log(launch.log_path) as log:
        offset = os.fstat(log).st_size
        try:
            popen = subprocess.Popen(
                launch.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(launch.env),
                cwd=launch.cwd,
                start_new_session=True,
                close_fds=True,
                umask=0o077,
            )
        except OSError as error:
            raise _not_started(launch, error) from error
    with contextlib.suppress(ProcessLookupError, PermissionError):
        # Its memory holds the key of the launch and people's prompts: no copy of that goes to disk.
        resource.prlimit(popen.pid, resource.RLIMIT_CORE, (0, 0))
    # Unreaped, the process keeps its entry even if it has ended by now.
    found = identity_of(popen.pid, zombies=True)
    if found is None:
        raise StartFailed("StartFailed", f"Cannot read /proc/{popen.pid}/stat", next_step="mount /proc")
    return Started(found, launch, offset, popen)


def stop(started: Started, *, grace: float) -> int:
    """Ends the process and what it left in its session; returns its exit status, negative for a signal."""
    end(started.identity, grace=grace)
    try:
        return started.popen.wait(REAP_WAIT)
    except subprocess.TimeoutExpired:
        raise ReconcilerError(
            f"Cannot end process {started.pid}: it outlived SIGKILL",
            next_step="it hangs in the kernel, often in a GPU's driver; a restart of the machine ends it",
        ) from None


def ending(started: Started) -> str:
    """How a process that has ended did, and why, by its log: `ended with 1: out of memory`."""
    status = started.popen.wait()
    how = f"with {status}" if status >= 0 else f"by {_signal_name(-status)}"
    return f"ended {how}: {last_words(_said(started)) or 'it logged nothing'}"


def end(process: Identity, *, grace: float) -> None:
    """TERM, the grace, TERM again, KILL, each to the group of a session leader that is still the one meant."""
    for number, patience in (
        (signal.SIGTERM, grace),
        (signal.SIGTERM, SECOND_TERM_WAIT),
        (signal.SIGKILL, KILL_WAIT),
    ):
        if not _signal_session(process, number) or _ends_within(process, patience):
            break
    # A dead leader that nobody has reaped still holds the number of its session.
    _signal_session(process, signal.SIGKILL)


def identity_of(pid: int, *, zombies: bool = False) -> Identity | None:
    """Who has this number now; a dead process that nobody has reaped is nobody, unless asked for."""
    found = _stat(pid)
    if found is None or (found.state in "ZXx" and not zombies):
        return None
    return Identity(_boot_id(), pid, found.start_ticks)


@dataclass(frozen=True, slots=True)
class _Stat:
    state: str
    session: int
    start_ticks: int


def _stat(pid: int) -> _Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may contain anything, parentheses included.
    fields = text.rpartition(")")[2].split()
    return _Stat(state=fields[0], session=int(fields[3]), start_ticks=int(fields[19]))


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _signal_session(process: Identity, number: signal.Signals) -> bool:
    """False where the leader is gone, or its number belongs to somebody else by now."""
    found = _stat(process.pid)
    if found is None or found.session != process.pid or identity_of(process.pid, zombies=True) != process:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    return True


def _ends_within(process: Identity, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    except OSError:
        # An old kernel or a sandbox without pidfds.
        return _polled_end(process, deadline)
    with os.fdopen(handle):
        if identity_of(process.pid) != process:
            return True
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))


def _polled_end(process: Identity, deadline: float) -> bool:
    while identity_of(process.pid) == process:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True


@contextlib.contextmanager
def _opened_log(path: Path) -> Iterator[int]:
    """Only for appending: two launches, or a rotation, never write over each other."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(path, flags, 0o600)
    except OSError as error:
        raise StartFailed("LogNotWritable", f"Cannot write {path}: {error.strerror}") from error
    try:
        os.fchmod(handle, 0o600)
        yield handle
    finally:
        os.close(handle)


def _not_started(launch: Launch, error: OSError) -> StartFailed:
    program = launch.argv[0]
    if str(error.filename) == str(launch.cwd):
        return StartFailed("StartFailed", f"Cannot enter {launch.cwd}: {error.strerror}")
    reason, next_step = {
        errno.ENOENT: ("RuntimeMissing", "install it, or correct Runtime.spec.path"),
        errno.ENOTDIR: ("RuntimeMissing", "correct Runtime.spec.path"),
        errno.EACCES: ("RuntimeNotExecutable", f"chmod +x {program}"),
        errno.ENOEXEC: ("RuntimeWrongArchitecture", "install a build for this machine"),
        errno.E2BIG: ("StartFailed", "shorten args, extraArgs and env"),
    }.get(error.errno or 0, ("StartFailed", "try it in a shell"))
    return StartFailed(reason, f"Cannot start {program}: {error.strerror}", next_step=next_step)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # a real-time one


def _said(started: Started) -> str:
    """The end of what this launch logged; what an earlier one logged is no cause."""
    try:
        with started.launch.log_path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(started.log_offset, size - TAIL))
            return log.read(TAIL).decode(errors="replace")
    except OSError:
        return ""  # the state directory may be deleted at any time
