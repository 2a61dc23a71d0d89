"""Metadata values of a GGUF header: how each type is written, and which are kept.

Long arrays (vocabularies) are stepped over and remembered by their place; `decode_array` reads one when
somebody asks. Used by `headers`, which knows where values stand.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from reconciler.core.gguf.windows import Buffer, Window, invalid

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...]

KEPT_ENTRIES = 1024
KEPT_BYTES = 1 << 20
"""Arrays and texts beyond these are remembered by place only."""


class ValueType(IntEnum):
    UINT8 = 0
    INT8 = 1
    UINT16 = 2
    INT16 = 3
    UINT32 = 4
    INT32 = 5
    FLOAT32 = 6
    BOOL = 7
    STRING = 8
    ARRAY = 9
    UINT64 = 10
    INT64 = 11
    FLOAT64 = 12


NUMBER_LAYOUTS: Mapping[int, struct.Struct] = MappingProxyType(
    {
        ValueType.UINT8: struct.Struct("<B"),
        ValueType.INT8: struct.Struct("<b"),
        ValueType.UINT16: struct.Struct("<H"),
        ValueType.INT16: struct.Struct("<h"),
        ValueType.UINT32: struct.Struct("<I"),
        ValueType.INT32: struct.Struct("<i"),
        ValueType.FLOAT32: struct.Struct("<f"),
        ValueType.BOOL: struct.Struct("<?"),
        ValueType.UINT64: struct.Struct("<Q"),
        ValueType.INT64: struct.Struct("<q"),
        ValueType.FLOAT64: struct.Struct("<d"),
    }
)


@dataclass(frozen=True, slots=True)
class PlacedArray:
    """An array by its place in the file: `count` items in `size` bytes from `offset`."""

    item_type: ValueType
    count: int
    offset: int
    size: int


def read_value(window: Window, key: str) -> Value | PlacedArray:
    kind = _value_type(window, key)
    if kind is ValueType.ARRAY:
        return _array(window, key)
    if kind is ValueType.STRING:
        return _long_text(window, key)
    number: int | float | bool = window.number(NUMBER_LAYOUTS[kind], key)
    return number


def _value_type(window: Window, key: str) -> ValueType:
    code = window.u32(f"the type of {key}")
    try:
        return ValueType(code)
    except ValueError:
        raise invalid(window.offset - 4, f"{key} has the value type {code}, expected 0 to 12") from None


def _long_text(window: Window, key: str) -> str | PlacedArray:
    size = window.u64(f"the length of {key}")
    if size > KEPT_BYTES:
        place = PlacedArray(ValueType.UINT8, size, window.offset, size)
        window.skip(size, key)
        return place
    return _text(window, size, key)


def _text(window: Window, size: int, key: str) -> str:
    # Tokens may be halves of characters, and authors' names come in any encoding: never a reason to refuse.
    return window.raw(size, key).decode(errors="replace")


def _array(window: Window, key: str) -> Value | PlacedArray:
    item_type = _value_type(window, key)
    if item_type is ValueType.ARRAY:
        raise invalid(window.offset - 4, f"{key} is an array of arrays, which no engine reads")
    count = window.u64(f"the length of {key}")
    start = window.offset
    if item_type is ValueType.STRING:
        window.room_for(count, 8, f"strings in {key}")
        window.skip_strings(count, key)
    else:
        item_size = NUMBER_LAYOUTS[item_type].size
        window.room_for(count, item_size, f"entries in {key}")
        window.skip(count * item_size, key)
    place = PlacedArray(item_type, count, start, window.offset - start)
    if count > KEPT_ENTRIES or place.size > KEPT_BYTES:
        return place
    end, window.offset = window.offset, start
    window.need(place.size, key)
    window.offset = end
    return decode_array(window.data, place)


def decode_array(data: Buffer, array: PlacedArray) -> tuple[Scalar, ...]:
    """The items of an array; `data` holds the file at least up to its end."""
    window = Window(lambda _: data, file_size=min(len(data), array.offset + array.size))
    window.offset = array.offset
    if array.item_type is ValueType.STRING:
        return tuple(_text(window, window.u64("a length"), "a string") for _ in range(array.count))
    window.need(array.size, "an array")
    layout = NUMBER_LAYOUTS[array.item_type].format
    items: tuple[Scalar, ...] = struct.unpack_from(f"<{array.count}{layout[1]}", data, array.offset)
    return items
