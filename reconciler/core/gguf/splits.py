"""Models that are split over several files: which files belong together, and their headers as one.

`-00001-of-00003.gguf` in the name and `split.count` in the first header say so; llama.cpp wants both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from reconciler.core.gguf.headers import MAX_SHARDS, Header
from reconciler.core.gguf.lookups import Lookup
from reconciler.errors import GgufInvalid

_SHARD_NAME = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.DOTALL)


def shard_count(header: Header) -> int:
    """How many files the model has; 1 for a model that is not split."""
    count = Lookup(header.metadata).whole("split.count") or 1
    if count > MAX_SHARDS:
        raise GgufInvalid(f"split.count is {count} (at most {MAX_SHARDS} are possible)")
    return count


def shard_number(header: Header) -> int:
    """0 for the first file."""
    return Lookup(header.metadata).whole("split.no") or 0


def shard_names(name: str, count: int) -> tuple[str, ...]:
    """The file names of all shards, given the name of any of them."""
    match = _SHARD_NAME.fullmatch(name)
    if match is None:
        raise GgufInvalid(
            f"one of {count} shards, but its name does not end in -00001-of-{count:05}.gguf",
            next_step="give the shards back the names that they were made with",
        )
    if int(match["count"]) != count:
        raise GgufInvalid(f"the name speaks of {int(match['count'])} shards, the header of {count}")
    return tuple(f"{match['stem']}-{number:05}-of-{count:05}.gguf" for number in range(1, count + 1))


def later_shards(name: str) -> tuple[str, ...]:
    """The files that the engine opens beside the first shard, by its name alone; none of any other file."""
    match = _SHARD_NAME.fullmatch(name)
    if match is None or int(match["number"]) != 1 or not 1 < int(match["count"]) <= MAX_SHARDS:
        return ()
    return shard_names(name, int(match["count"]))[1:]


def first_shard(name: str) -> str | None:
    """The name of the first shard when `name` is that of another one."""
    match = _SHARD_NAME.fullmatch(name)
    if match is None or int(match["number"]) == 1:
        return None
    return f"{match['stem']}-00001-of-{match['count']}.gguf"


def joined(headers: Sequence[Header]) -> Header:
    """One header for all shards, in their order: the metadata of the first, the tensors of all."""
    first = headers[0]
    tensors = tuple(tensor for header in headers for tensor in header.tensors)
    expected = Lookup(first.metadata).whole("split.tensors.count")
    if expected is not None and expected != len(tensors):
        raise GgufInvalid(f"the shards hold {len(tensors)} tensors, expected {expected}")
    return replace(first, tensors=tensors, file_size=sum(header.file_size for header in headers))
