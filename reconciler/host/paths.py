"""Paths that manifests write, held inside the directories that the Host allows.

What is wrong with the text (it leaves the allowed directories, has the wrong suffix) raises `PathRefused`. What is
wrong with the machine (no such file yet, no permission, not a GGUF) is an outcome: it heals when the machine does.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reconciler.errors import PathRefused

GGUF_MAGIC = b"GGUF"
GGUF_SUFFIXES = (".gguf",)


@dataclass(frozen=True, slots=True)
class FileAbsent:
    """The machine cannot serve this file now; the path itself is allowed."""

    path: Path
    reason: Literal["FileMissing", "FileUnreadable", "NotAGguf"]
    message: str


def confine(
    written: str,
    *,
    bases: Sequence[Path],
    roots: Sequence[Path],
    suffixes: Sequence[str] = (),
    gguf: bool = False,
) -> Path | FileAbsent:
    """The file that `written` names, with all symlinks resolved.

    A relative path is looked for under each of `bases` in turn (for models the model directory; for other files
    the manifest's directory and then the model directory); where it is in none, it is missed where it might be.
    The suffix is judged on the name as written and the
    magic on the file that it leads to, because the blobs of a Hugging Face cache have no suffix.
    """
    _check_text(written, suffixes)
    resolved = _found([base / written for base in bases], roots)
    if not _inside(resolved, roots):
        raise _outside(written, resolved, roots)
    return _opened(written, resolved, gguf=gguf)


def _check_text(written: str, suffixes: Sequence[str]) -> None:
    if not written:
        raise PathRefused("the path is empty", next_step="name a file")
    if "\0" in written:
        raise PathRefused(f"{written!r} contains a NUL byte", next_step="remove it")
    if ".." in Path(written).parts:
        raise PathRefused(
            f"{written!r} contains '..'", next_step="write the path from an allowed directory downwards"
        )
    if written.startswith("~"):
        raise PathRefused(
            f"{written!r} begins with '~', which nothing expands", next_step="write the whole path"
        )
    if suffixes and not written.lower().endswith(tuple(suffixes)):
        raise PathRefused(
            f"{written!r} does not end in {' or '.join(suffixes)}", next_step="name such a file"
        )


def _found(candidates: Sequence[Path], roots: Sequence[Path]) -> Path:
    """The first that is there, else the first that may be."""
    resolved = [Path(os.path.realpath(path)) for path in candidates]
    there = (end for path, end in zip(candidates, resolved, strict=True) if os.path.lexists(path))
    return next(there, None) or next((end for end in resolved if _inside(end, roots)), resolved[0])


def _inside(resolved: Path, roots: Sequence[Path]) -> bool:
    return any(resolved.is_relative_to(os.path.realpath(root)) for root in roots)


def _outside(written: str, resolved: Path, roots: Sequence[Path]) -> PathRefused:
    listed = ", ".join(str(root) for root in roots) or "none"
    leads = "" if str(resolved) == written else f" leads to {resolved} and"
    return PathRefused(
        f"{written!r}{leads} lies outside the allowed directories ({listed})",
        next_step="move the file there, or add its directory to Host.spec.paths.allowed",
    )


def _opened(written: str, resolved: Path, *, gguf: bool) -> Path | FileAbsent:
    try:
        # All links are resolved: whoever puts one here now wants to lead us out. A FIFO must not make us wait.
        handle = os.open(resolved, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return _unopened(written, resolved, error)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise PathRefused(f"{resolved} is not a regular file", next_step="name a file")
        if gguf and os.read(handle, len(GGUF_MAGIC)) != GGUF_MAGIC:
            return FileAbsent(
                resolved, "NotAGguf", f"{resolved} is not a GGUF file: it does not begin with GGUF"
            )
    finally:
        os.close(handle)
    return resolved


def _unopened(written: str, resolved: Path, error: OSError) -> FileAbsent:
    if error.errno == errno.ELOOP:
        raise PathRefused(
            f"{written!r} is a circle of symbolic links", next_step="repair the links"
        ) from error
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return FileAbsent(resolved, "FileMissing", f"{resolved} does not exist")
    return FileAbsent(resolved, "FileUnreadable", f"Cannot read {resolved}: {os.strerror(error.errno or 0)}")
