"""Writes GGUF: the one place that knows how a header is laid out, for tiny models and for giants in tests.

Python's types choose GGUF's: bool, str, float (float32), int (uint32, or uint64 when it must), and tuples of
them (whole numbers as int32, as every quantiser writes them).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.gguf.tensor_types import TENSOR_TYPE_NAMES
from reconciler.core.gguf.values import Value, ValueType

ALIGNMENT = 32


@dataclass(frozen=True, slots=True)
class TensorPlan:
    """A tensor before it has data; `shape` is in ggml's order (fastest first)."""

    name: str
    shape: tuple[int, ...]
    type: str = "F32"

    @property
    def size(self) -> int:
        return TENSOR_TYPE_NAMES[self.type].size(self.shape)


def encode_header(metadata: Mapping[str, Value], tensors: Sequence[TensorPlan], *, version: int = 3) -> bytes:
    """Everything before the data, padded to where the data starts."""
    parts = [struct.pack("<4sIQQ", b"GGUF", version, len(tensors), len(metadata))]
    parts += [_text(key) + _value(value) for key, value in metadata.items()]
    offset = 0
    for tensor in tensors:
        code = TENSOR_TYPE_NAMES[tensor.type].code
        dimensions = len(tensor.shape)
        row = struct.pack(f"<I{dimensions}QIQ", dimensions, *tensor.shape, code, offset)
        parts.append(_text(tensor.name) + row)
        offset += padded(tensor.size)
    header = b"".join(parts)
    return header.ljust(padded(len(header)), b"\0")


def encode_model(metadata: Mapping[str, Value], tensors: Mapping[TensorPlan, bytes]) -> bytes:
    """A whole file: the header and the data of each tensor."""
    for plan, data in tensors.items():
        if len(data) != plan.size:
            raise ValueError(f"{plan.name} has {len(data)} bytes of data, expected {plan.size}")
    blocks = [data.ljust(padded(len(data)), b"\0") for data in tensors.values()]
    return b"".join([encode_header(metadata, list(tensors)), *blocks])


def padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def _value(value: Value) -> bytes:
    if isinstance(value, tuple):
        return struct.pack("<I", ValueType.ARRAY) + _items(value)
    if isinstance(value, bool):
        return struct.pack("<I?", ValueType.BOOL, value)
    if isinstance(value, str):
        return struct.pack("<I", ValueType.STRING) + _text(value)
    if isinstance(value, float):
        return struct.pack("<If", ValueType.FLOAT32, value)
    if 0 <= value < 1 << 32:
        return struct.pack("<II", ValueType.UINT32, value)
    if value < 0:
        return struct.pack("<Iq", ValueType.INT64, value)
    return struct.pack("<IQ", ValueType.UINT64, value)


def _items(items: tuple[object, ...]) -> bytes:
    count = len(items)
    if all(isinstance(item, str) for item in items):
        return struct.pack("<IQ", ValueType.STRING, count) + b"".join(_text(str(item)) for item in items)
    if all(isinstance(item, bool) for item in items):
        return struct.pack(f"<IQ{count}?", ValueType.BOOL, count, *items)
    if all(isinstance(item, int) for item in items):
        return struct.pack(f"<IQ{count}i", ValueType.INT32, count, *items)
    return struct.pack(f"<IQ{count}f", ValueType.FLOAT32, count, *items)
