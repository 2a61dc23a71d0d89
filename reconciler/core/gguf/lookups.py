"""Metadata by key, with the type that a reader of the key relies on: a wrong one is a broken file, not a crash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.gguf.values import Value
from reconciler.errors import GgufInvalid

LARGEST = 1 << 48
"""No honest count in a header comes near."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Keys without a leading `general.` or `tokenizer.` belong to the architecture: `block_count`."""

    metadata: Mapping[str, Value]
    prefix: str = ""

    def text(self, key: str) -> str | None:
        value = self._get(key)
        if value is None or isinstance(value, str):
            return value
        raise self._wrong(key, value, "a text")

    def whole(self, key: str) -> int | None:
        value = self._get(key)
        if value is None:
            return None
        return self._whole(key, value)

    def flag(self, key: str) -> bool | None:
        value = self._get(key)
        if value is None or isinstance(value, bool):
            return value
        raise self._wrong(key, value, "true or false")

    def per_layer(self, key: str, layers: int) -> tuple[int, ...] | None:
        """One number for each layer, written once for all or as a list."""
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, tuple):
            return (self._whole(key, value),) * layers
        if len(value) < layers:
            raise self._wrong(key, f"a list of {len(value)}", f"one entry for each of {layers} layers")
        return tuple(self._whole(key, item) for item in value[:layers])

    def largest(self, key: str) -> int | None:
        """The number, or the largest of a list."""
        value = self._get(key)
        if isinstance(value, tuple):
            return max((self._whole(key, item) for item in value), default=None)
        return None if value is None else self._whole(key, value)

    def _get(self, key: str) -> Value | None:
        return self.metadata.get(f"{self.prefix}{key}")

    def _whole(self, key: str, value: Value) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST:
            return value
        raise self._wrong(key, value, "a whole number")

    def _wrong(self, key: str, value: Value, expected: str) -> GgufInvalid:
        shown = repr(value)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        return GgufInvalid(f"{self.prefix}{key} is {shown}, expected {expected}")
