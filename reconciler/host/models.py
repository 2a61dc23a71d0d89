"""Model files on this machine: opens them, hands their headers to `core.gguf`, writes small ones.

A header is read with bounded reads and never mapped: a file that shrinks under a mapping would end the
controller with SIGBUS. A path may name anything, so nothing here waits for a FIFO or follows a device.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.core.gguf import splits
from reconciler.core.gguf.facts import ModelFacts, model_facts
from reconciler.core.gguf.headers import Header, parse_header
from reconciler.errors import GgufInvalid

FIRST_READ = 1 << 20
MAX_HEADER = 256 << 20


def read_facts(path: Path, *, limit: int = MAX_HEADER) -> ModelFacts:
    """The facts of a model, of all its shards when it is split; `limit` bounds the header of each file."""
    with _named(path):
        headers = [_header(path, limit)]
        later = _later_shards(path, headers[0])
    for number, sibling in enumerate(later, start=1):
        with _named(sibling):
            headers.append(_header(sibling, limit))
            if splits.shard_number(headers[-1]) != number:
                raise GgufInvalid(f"split.no is {splits.shard_number(headers[-1])}, expected {number}")
    with _named(path):
        return model_facts(splits.joined(headers))


def write_model(path: Path, data: bytes) -> None:
    """Writes a model so that nobody ever sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _later_shards(path: Path, header: Header) -> tuple[Path, ...]:
    """The other files of the model that starts in `path`; none when it is not split."""
    count = splits.shard_count(header)
    if count == 1:
        return ()
    number = splits.shard_number(header)
    if number != 0:
        first = splits.first_shard(path.name)
        raise GgufInvalid(
            f"shard {number + 1} of {count}, expected the first",
            next_step=f"name {first}" if first else "name the first shard",
        )
    siblings = tuple(path.with_name(name) for name in splits.shard_names(path.name, count))
    missing = [sibling.name for sibling in siblings if not sibling.exists()]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise GgufInvalid(
            f"{len(missing)} of {count} shards are missing: {shown}",
            next_step="put them beside the first shard",
        )
    return siblings[1:]


def _header(path: Path, limit: int) -> Header:
    with _opened(path) as (descriptor, size):
        return parse_header(_Growing(descriptor, limit).first, file_size=size)


class _Growing:
    """The first bytes of an open file, read in doubling steps as the parser asks for more."""

    def __init__(self, descriptor: int, limit: int) -> None:
        self._descriptor = descriptor
        self._limit = limit
        self._data = bytearray()

    def first(self, size: int) -> bytearray:
        if size > self._limit:
            raise GgufInvalid(
                f"the header is larger than {self._limit} bytes, no plausible model has such a one"
            )
        wanted = min(max(size, FIRST_READ, 2 * len(self._data)), self._limit)
        while len(self._data) < wanted:
            piece = os.pread(self._descriptor, wanted - len(self._data), len(self._data))
            if not piece:
                break
            self._data += piece
        return self._data


@contextmanager
def _opened(path: Path) -> Iterator[tuple[int, int]]:
    """A descriptor and the size. Opens without waiting (a FIFO would block); refuses all but regular files."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise GgufInvalid(f"{kind}, expected a GGUF file")
        yield descriptor, status.st_size
    finally:
        os.close(descriptor)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Puts the path before whatever is wrong with the file."""
    try:
        yield
    except GgufInvalid as error:
        raise GgufInvalid(f"{path}: {error.message}", next_step=error.next_step) from None
    except OSError as error:
        raise GgufInvalid(f"Cannot read {path}: {error.strerror or error}") from error
