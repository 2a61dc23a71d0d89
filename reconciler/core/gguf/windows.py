"""The beginning of a file as the parser sees it: a buffer that grows on demand, with a position in it.

Every read names what it reads, so that a broken file is reported with its offset and with what was expected.
The bytes come from whoever opened the file: this module only asks for more of them.
"""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Callable
from typing import Any

from reconciler.errors import GgufInvalid

Buffer = bytes | bytearray | memoryview
Grow = Callable[[int], Buffer]
"""Gives the first N bytes of the file or more; fewer mean that the file ends there."""

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


def invalid(offset: int, what: str, next_step: str = "") -> GgufInvalid:
    return GgufInvalid(f"byte {offset}: {what}", next_step=next_step)


def cut_off(offset: int, what: str) -> GgufInvalid:
    """For what reaches beyond the end of the file: nearly always a download that was interrupted."""
    return GgufInvalid(f"the file is cut off: byte {offset}: {what}", next_step="fetch it again")


class Window:
    __slots__ = ("_grow", "data", "file_size", "offset")

    def __init__(self, grow: Grow, *, file_size: int) -> None:
        self._grow = grow
        self.file_size = file_size
        self.data: Buffer = grow(min(file_size, 24))
        self.offset = 0

    @property
    def remaining(self) -> int:
        return self.file_size - self.offset

    def need(self, size: int, what: str) -> None:
        """Makes sure that `size` bytes from here are in the buffer."""
        self._check_room(size, what)
        end = self.offset + size
        if end > len(self.data):
            self.data = self._grow(end)
            if end > len(self.data):
                raise invalid(len(self.data), f"the file became shorter while {what} was read")

    def room_for(self, count: int, smallest: int, what: str) -> None:
        """Refuses a count that the rest of the file cannot hold, before anything loops over it."""
        if count > self.remaining // smallest:
            raise cut_off(self.offset, f"{count} {what}, but only {self.remaining} bytes are left")

    def _check_room(self, size: int, what: str) -> None:
        if size > self.remaining:
            raise cut_off(self.offset, f"{what} needs {size} bytes, but only {self.remaining} are left")

    def u32(self, what: str) -> int:
        self.need(4, what)
        (number,) = _U32.unpack_from(self.data, self.offset)
        self.offset += 4
        return int(number)

    def u64(self, what: str) -> int:
        self.need(8, what)
        (number,) = _U64.unpack_from(self.data, self.offset)
        self.offset += 8
        return int(number)

    def number(self, layout: struct.Struct, what: str) -> Any:
        self.need(layout.size, what)
        (number,) = layout.unpack_from(self.data, self.offset)
        self.offset += layout.size
        return number

    def raw(self, size: int, what: str) -> bytes:
        self.need(size, what)
        taken = bytes(self.data[self.offset : self.offset + size])
        self.offset += size
        return taken

    def name(self, what: str, *, longest: int) -> str:
        """A length-prefixed name; names are what everything else is found by, so they must be clean."""
        start = self.offset
        size = self.u64(f"the length of {what}")
        if size > longest:
            raise invalid(start, f"{what} has {size} bytes (at most {longest} are plausible)")
        try:
            return self.raw(size, what).decode()
        except UnicodeDecodeError:
            raise invalid(start, f"{what} is not UTF-8 text") from None

    def skip(self, size: int, what: str) -> None:
        """Steps over bytes that need not be read at all."""
        self._check_room(size, what)
        self.offset += size

    def skip_strings(self, count: int, what: str) -> None:
        """Steps over length-prefixed strings, 300,000 of them for a large vocabulary."""
        pattern = _short_strings() if count >= _BATCH else None
        for first in range(0, count, _BATCH):
            batch = min(_BATCH, count - first)
            if pattern and batch == _BATCH and (found := pattern.match(self.data, self.offset)):
                self.offset = found.end()
            else:
                self._skip_each(first, first + batch, what)
        if self.offset > self.file_size:
            raise cut_off(self.offset, f"{what}: the last entry reaches beyond the end of the file")

    def _skip_each(self, first: int, last: int, what: str) -> None:
        # A tight loop: `unpack_from` refuses what lies outside the buffer; why is sorted out only then.
        unpack = _U64.unpack_from
        offset, done = self.offset, first
        while True:
            data = self.data
            try:
                for done in range(done, last):  # noqa: B007, B020 - goes on where the buffer ended
                    offset += unpack(data, offset)[0] + 8
                break
            except (struct.error, OverflowError, IndexError):
                if offset > self.file_size - 8:
                    raise cut_off(
                        self.offset, f"{what}: entry {done} lies beyond the end of the file"
                    ) from None
                self.offset = offset
                self.need(8, what)
        self.offset = offset


_BATCH = 1024
_SHORT = 48


@functools.cache
def _short_strings() -> re.Pattern[bytes]:
    """Matches a batch of strings, each shorter than 48 bytes: twice as fast as a loop over their lengths.

    The alternatives exclude each other by their first byte and the repetition is possessive, so a hostile
    file cannot make it backtrack.
    """
    lengths = (re.escape(bytes([n])) + rb"\0{7}" + b".{%d}" % n for n in range(_SHORT))
    return re.compile(b"(?s:(?:" + b"|".join(lengths) + b"){%d}+)" % _BATCH)
