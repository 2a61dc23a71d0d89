"""Manifest files as they lie in trees: found in a fixed order, read within bounds."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import CommandLineWrong
from reconciler.spec.documents import MOST_BYTES

SUFFIXES = (".yaml", ".yml")
MOST_FILES = 10_000


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """`name` is what diagnostics print; `folder` is what relative paths in the manifest start from."""

    name: str
    folder: Path
    raw: bytes = b""
    trouble: str = ""


def read_manifests(paths: Sequence[str]) -> list[ManifestFile]:
    """All manifest files under `paths` (`-` is standard input), each once, sorted by name."""
    found: dict[str, ManifestFile] = {}
    for path in paths:
        for file in _from_stdin() if path == "-" else _from_path(Path(path)):
            found.setdefault(file.name, file)
            if len(found) > MOST_FILES:
                raise CommandLineWrong(
                    f"{path} holds more than {MOST_FILES} manifest files",
                    next_step="name the directories that count",
                )
    return [found[name] for name in sorted(found)]


def _from_stdin() -> Iterator[ManifestFile]:
    yield ManifestFile("<stdin>", Path.cwd(), sys.stdin.buffer.read(MOST_BYTES + 1))


def _from_path(path: Path) -> Iterator[ManifestFile]:
    if path.is_dir():
        unread: list[ManifestFile] = []
        # Kubernetes-style mounts lead to their files through links, and editors leave hidden ones beside them.
        for folder, folders, names in os.walk(path, onerror=lambda error: unread.append(_unread(error))):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if name.endswith(SUFFIXES) and not name.startswith("."):
                    yield _read(Path(folder) / name)
        # What it holds is unknown: the rest of the tree must not pass for the whole.
        yield from unread
    elif path.exists():
        yield _read(path)
    else:
        raise CommandLineWrong(
            f"{path} does not exist", next_step="name a manifest file or a directory of them"
        )


def _unread(error: OSError) -> ManifestFile:
    folder = Path(str(error.filename))
    return ManifestFile(str(folder), folder.parent, trouble=f"cannot be read: {error.strerror}")


def _read(path: Path) -> ManifestFile:
    try:
        # A FIFO in a tree must not make us wait for its writer.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return ManifestFile(str(path), path.parent, trouble="is not a regular file")
            return ManifestFile(str(path), path.parent, file.read(MOST_BYTES + 1))
    except OSError as error:
        return ManifestFile(str(path), path.parent, trouble=f"cannot be read: {error.strerror}")
