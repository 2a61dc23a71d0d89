"""Model files on this machine: opens them, hands their headers to `core.gguf`, writes small ones.

A header is read with bounded reads and never mapped: a file that shrinks under a mapping would end the
controller with SIGBUS. A path may name anything, so nothing here waits for a FIFO or follows a device.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.gguf import splits
from reconciler.core.gguf.facts import ModelFacts, model_facts
from reconciler.core.gguf.headers import Header, parse_header
from reconciler.errors import GgufInvalid
from reconciler.host.identities import FileIdentity, identity_in

FIRST_READ = 1 << 20
MAX_HEADER = 256 << 20


@dataclass(frozen=True, slots=True)
class Shard:
    path: Path
    identity: FileIdentity


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model and the files that it is made of: one, or all shards in their order."""

    facts: ModelFacts
    shards: tuple[Shard, ...]


def is_gguf(path: Path) -> bool:
    """Whether a regular, readable file starts as GGUF files do; its name plays no part."""
    try:
        with _opened(path) as (descriptor, _):
            return os.pread(descriptor, 4, 0) == b"GGUF"
    except (GgufInvalid, OSError):
        return False


def read_facts(path: Path, *, limit: int = MAX_HEADER) -> ModelFacts:
    """The facts of a model, of all its shards when it is split; `limit` bounds the header of each file."""
    return read_model(path, limit=limit).facts


def read_model(path: Path, *, limit: int = MAX_HEADER) -> ModelFile:
    """The facts of a model with the identity of every file that it is made of."""
    with _named(path):
        header, identity = _header(path, limit)
        siblings = _siblings_of(path, header)
    headers, shards = [header], [Shard(path, identity)]
    for number, sibling in enumerate(siblings[1:], start=1):
        with _named(sibling):
            header, identity = _header(sibling, limit)
            if splits.shard_number(header) != number:
                raise GgufInvalid(f"split.no is {splits.shard_number(header)}, expected {number}")
        headers.append(header)
        shards.append(Shard(sibling, identity))
    with _named(path):
        return ModelFile(model_facts(splits.joined(headers)), tuple(shards))


def split_siblings(path: Path) -> tuple[Path, ...]:
    """All files of the model that starts in `path`; only `path` when it is not split."""
    with _named(path):
        header, _ = _header(path, MAX_HEADER)
        return _siblings_of(path, header)


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


def _siblings_of(path: Path, header: Header) -> tuple[Path, ...]:
    count = splits.shard_count(header)
    if count == 1:
        return (path,)
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
    return siblings


def _header(path: Path, limit: int) -> tuple[Header, FileIdentity]:
    with _opened(path) as (descriptor, status):
        return parse_header(_Growing(descriptor, limit).first, file_size=status.st_size), identity_in(status)


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
def _opened(path: Path) -> Iterator[tuple[int, os.stat_result]]:
    """Opens without waiting (a FIFO would block) and refuses all but regular files."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise GgufInvalid(f"{kind}, expected a GGUF file")
        yield descriptor, status
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
