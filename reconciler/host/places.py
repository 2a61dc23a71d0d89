"""The three directories of an owner: data (never deletable), state (deletable at any time), runtime (sockets).

All are private. A directory that someone else may have made, or may write to, is refused instead of used.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import PathRefused

PROGRAM = "reconciler"

#: A Unix socket's address has 108 bytes with its final NUL; some clients allow only about 100.
LONGEST_SOCKET_PATH = 99
LONGEST_SOCKET_NAME = "/gateway.sock"

_OWNER = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
_OTHERS = 0o077
_OTHERS_WRITE = 0o022


@dataclass(frozen=True, slots=True)
class Places:
    data: Path
    state: Path
    runtime: Path

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def engine_home(self) -> Path:
        """HOME of every engine: empty, so that no configuration file of a user reaches one."""
        return self.state / "engine-home"

    @property
    def engine_work(self) -> Path:
        """Where engines run. Apart from HOME: what one writes here is no configuration."""
        return self.state / "engine-work"


def places(owner: str, environment: Mapping[str, str], *, run: Path = Path("/run")) -> Places:
    """Where the directories of `owner` are. Makes nothing."""
    if not _OWNER.fullmatch(owner):
        raise PathRefused(
            f"{owner!r} cannot name an owner",
            next_step="use up to 63 of a-z, 0-9, '-' and '.', as for a Host",
        )
    home = Path(environment.get("HOME") or Path.home())
    return Places(
        data=_xdg(environment, "XDG_DATA_HOME", home / ".local/share") / PROGRAM / owner,
        state=_xdg(environment, "XDG_STATE_HOME", home / ".local/state") / PROGRAM / owner,
        runtime=_runtime(owner, environment, run),
    )


def make_places(owner: str, environment: Mapping[str, str], *, run: Path = Path("/run")) -> Places:
    """The directories of `owner`, made where they are missing and checked where they are not."""
    found = places(owner, environment, run=run)
    for place in (found.data, found.state, found.runtime):
        _make_private(place.parent)
    make_private(found)
    return found


def make_probe_places(owner: str, environment: Mapping[str, str]) -> Places:
    """Only what asking a binary needs: a command that changes nothing leaves no other directory behind."""
    found = places(owner, environment)
    _make_private(found.state.parent)
    for place in (found.state, found.engine_home):
        _make_private(place)
    return found


def make_private(found: Places) -> None:
    """All directories of an owner, for nobody but us."""
    for place in (found.data, found.state, found.runtime, found.logs, found.engine_home, found.engine_work):
        _make_private(place)


def _xdg(environment: Mapping[str, str], name: str, fallback: Path) -> Path:
    # The XDG specification: a relative path is invalid and is to be ignored.
    written = Path(environment.get(name, ""))
    return written if written.is_absolute() else fallback


def _runtime(owner: str, environment: Mapping[str, str], run: Path) -> Path:
    candidates = [
        *_session_folder(environment),
        *_system_folder(run / PROGRAM),
        # The name must be known to the CLI too, so it can be guessed; `_make_private` refuses a guessed one.
        Path(environment.get("TMPDIR") or tempfile.gettempdir()) / f"{PROGRAM}-{os.getuid()}",
    ]
    for folder in candidates:
        if len(os.fsencode(folder / owner)) + len(LONGEST_SOCKET_NAME) <= LONGEST_SOCKET_PATH:
            return folder / owner
    raise PathRefused(
        f"no directory for the sockets of {owner!r} is short enough: {candidates[-1] / owner}",
        next_step="set XDG_RUNTIME_DIR to a short private directory",
    )


def _session_folder(environment: Mapping[str, str]) -> list[Path]:
    written = Path(environment.get("XDG_RUNTIME_DIR", ""))
    # A service or `su` may carry the variable of another user or of a session that has ended.
    if not written.is_absolute() or not written.is_dir() or not _is_ours(written.stat()):
        return []
    return [written / PROGRAM]


def _system_folder(folder: Path) -> list[Path]:
    """For root, and for the user of a unit with RuntimeDirectory=reconciler."""
    usable = os.access(folder.parent, os.W_OK) or (folder.is_dir() and _is_ours(folder.lstat()))
    return [folder] if usable else []


def _make_private(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    _check_private(folder)


def _check_private(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or not _is_ours(found):
        raise PathRefused(
            f"{folder} is not a directory of this user, so someone else may have put it there",
            next_step="remove it, or set XDG_RUNTIME_DIR, XDG_STATE_HOME or XDG_DATA_HOME to private directories",
        )
    if found.st_mode & _OTHERS_WRITE:
        raise PathRefused(
            f"others may write to {folder}", next_step=f"look through it, then chmod 700 {folder}"
        )
    if found.st_mode & _OTHERS:
        folder.chmod(0o700)


def _is_ours(found: os.stat_result) -> bool:
    return found.st_uid == os.getuid()
