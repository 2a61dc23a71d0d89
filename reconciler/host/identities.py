"""How a file is known again without reading it: when one of these differs, it is another file or another content.

The device is left out on purpose: a mount comes back under another number, and its files are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileIdentity:
    inode: int
    size: int
    mtime_ns: int


def file_identity(path: Path) -> FileIdentity:
    status = path.stat()
    return FileIdentity(status.st_ino, status.st_size, status.st_mtime_ns)
