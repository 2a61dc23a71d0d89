"""The header of a GGUF file: its metadata and its table of tensors, every count and extent checked.

First step from a model file to what is known about it: bytes -> `Header` -> `facts.ModelFacts`. A file may
be hostile: nothing is allocated or looped over on its word alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.core.gguf.tensor_types import TENSOR_TYPES
from reconciler.core.gguf.values import PlacedArray, Value, read_value
from reconciler.core.gguf.windows import Grow, Window, cut_off, invalid
from reconciler.errors import GgufInvalid

MAX_KEYS = 4096
MAX_TENSORS = 131_072
MAX_NAME_BYTES = 65_535
MAX_DIMENSIONS = 4
MAX_SHARDS = 99_999


@dataclass(frozen=True, slots=True)
class Tensor:
    """`shape` is in ggml's order (fastest first); `offset` counts from the start of the file.

    A type that only a fork knows is named `type N`; its size is then the distance to what follows it.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Header:
    version: int
    metadata: Mapping[str, Value]
    placed: Mapping[str, PlacedArray]
    tensors: tuple[Tensor, ...]
    data_offset: int
    file_size: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row of the tensor table as it is written; `offset` counts from the start of the data."""

    name: str
    shape: tuple[int, ...]
    code: int
    offset: int
    size: int | None
    row_at: int


def parse_header(grow: Grow, *, file_size: int) -> Header:
    """Reads a header through `grow`, which gives the first N bytes of a file of `file_size` bytes."""
    window = Window(grow, file_size=file_size)
    version = _version(window)
    tensor_count = window.u64("the number of tensors")
    key_count = window.u64("the number of metadata keys")
    if tensor_count > MAX_TENSORS:
        raise invalid(8, f"{tensor_count} tensors (at most {MAX_TENSORS} are plausible)")
    if key_count > MAX_KEYS:
        raise invalid(16, f"{key_count} metadata keys (at most {MAX_KEYS} are plausible)")

    metadata, placed = _metadata(window, key_count)
    alignment = _alignment(metadata)
    entries = _tensor_table(window, tensor_count, alignment)
    data_offset = math.ceil(window.offset / alignment) * alignment
    return Header(
        version=version,
        metadata=MappingProxyType(metadata),
        placed=MappingProxyType(placed),
        tensors=_sized(entries, data_offset, file_size),
        data_offset=data_offset,
        file_size=file_size,
    )


_OTHER_FORMATS = {
    b"FUGG": "GGUF with its bytes in reverse order",
    b"tjgg": "a GGJT file, the format before GGUF",
    b"lmgg": "a GGML file, the format before GGUF",
    b"algg": "a GGLA adapter, the format before GGUF",
    b"PK\x03\x04": "a zip archive or PyTorch checkpoint",
    b"vers": "perhaps a Git LFS pointer: the model itself was not fetched",
    b"<!do": "a web page, not the model behind it",
    b"<!DO": "a web page, not the model behind it",
    b"<htm": "a web page, not the model behind it",
    b"\0\0\0\0": "zeros: perhaps a download that has only begun",
}


def _version(window: Window) -> int:
    if window.file_size == 0:
        raise invalid(0, "the file is empty, expected 'GGUF'")
    magic = window.raw(4, "the magic 'GGUF'")
    if magic != b"GGUF":
        guess = _OTHER_FORMATS.get(magic, "no GGUF file")
        raise invalid(
            0, f"starts with {repr(magic)[1:]}, expected 'GGUF': {guess}", "name a file in GGUF format"
        )
    version = window.u32("the version")
    if version in {2, 3}:
        return version
    if version == 1:
        raise invalid(
            4,
            "GGUF version 1, expected 2 or 3",
            "convert the model again; llama.cpp no longer reads version 1",
        )
    if version & 0xFFFF == 0:
        raise invalid(
            4,
            "a big-endian GGUF, expected little-endian",
            "convert it with `gguf-convert-endian FILE little` of the Python package gguf, "
            "or fetch the little-endian file",
        )
    raise invalid(4, f"GGUF version {version}, expected 2 or 3")


def _metadata(window: Window, count: int) -> tuple[dict[str, Value], dict[str, PlacedArray]]:
    window.room_for(count, 13, "metadata keys")
    metadata: dict[str, Value] = {}
    placed: dict[str, PlacedArray] = {}
    for _ in range(count):
        start = window.offset
        key = window.name("a metadata key", longest=MAX_NAME_BYTES)
        if key in metadata or key in placed:
            raise invalid(start, f"the key {key!r} appears twice")
        value = read_value(window, key)
        if isinstance(value, PlacedArray):
            placed[key] = value
        else:
            metadata[key] = value
    return metadata, placed


def _alignment(metadata: Mapping[str, Value]) -> int:
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 30 or alignment & (alignment - 1):
        raise GgufInvalid(f"general.alignment is {alignment!r}, expected a power of two")
    return alignment


def _tensor_table(window: Window, count: int, alignment: int) -> list[_Entry]:
    window.room_for(count, 24, "tensors")
    entries = [_entry(window) for _ in range(count)]
    if len({entry.name for entry in entries}) < count:
        raise invalid(window.offset, "a tensor's name appears twice in the table")
    for entry in entries:
        if entry.offset % alignment:
            raise invalid(
                entry.row_at,
                f"the data of {entry.name} starts at {entry.offset}, expected a multiple of {alignment}",
            )
    return entries


def _entry(window: Window) -> _Entry:
    row_at = window.offset
    name = window.name("a tensor's name", longest=MAX_NAME_BYTES)
    dimensions = window.u32(f"the dimensions of {name}")
    if dimensions > MAX_DIMENSIONS:
        raise invalid(row_at, f"{name} has {dimensions} dimensions (at most {MAX_DIMENSIONS} are possible)")
    shape = tuple(window.u64(f"the shape of {name}") for _ in range(dimensions))
    if math.prod(shape) >= 1 << 63:
        raise invalid(row_at, f"{name} has the shape {list(shape)}, more numbers than any file holds")
    code = window.u32(f"the type of {name}")
    offset = window.u64(f"the place of {name}")
    known = TENSOR_TYPES.get(code)
    if known and shape and shape[0] % known.block:
        raise invalid(
            row_at,
            f"{name} has rows of {shape[0]} numbers, expected a multiple of {known.block} for {known.name}",
        )
    return _Entry(name, shape, code, offset, known.size(shape) if known else None, row_at)


def _sized(entries: list[_Entry], data_offset: int, file_size: int) -> tuple[Tensor, ...]:
    starts = sorted({entry.offset for entry in entries}) if any(e.size is None for e in entries) else []
    following = dict(zip(starts, [*starts[1:], file_size - data_offset], strict=True)) if starts else {}
    tensors = []
    for entry in entries:
        size = max(following[entry.offset] - entry.offset, 0) if entry.size is None else entry.size
        offset = data_offset + entry.offset
        if offset + size > file_size:
            raise cut_off(
                entry.row_at, f"the data of {entry.name} ends at {offset + size}, but the file at {file_size}"
            )
        type_name = TENSOR_TYPES[entry.code].name if entry.code in TENSOR_TYPES else f"type {entry.code}"
        tensors.append(Tensor(entry.name, entry.shape, type_name, offset, size))
    return tuple(tensors)
