"""Headers that are in memory: the product reads them from files, through `host.models`."""

from __future__ import annotations

from reconciler.core.gguf.headers import Header, parse_header


def parse_header_bytes(data: bytes | bytearray, *, file_size: int | None = None) -> Header:
    """`file_size` when the data after the header is not there."""
    return parse_header(lambda _: data, file_size=len(data) if file_size is None else file_size)
