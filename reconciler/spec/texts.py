"""Bytes to text: what no manifest file may contain is refused here, before anything reads it as YAML."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.spec.nodes import Mark
from reconciler.spec.problems import FieldPath

MOST_BYTES = 1 << 20

_BOM = b"\xef\xbb\xbf"
#: Line separators count as ends of a line in YAML 1.1 and not in 1.2; nobody sees them, nor a mark inside a text.
_UNWANTED = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_CONFLICT = re.compile(r"^<{7} .*\n(?:.*\n)*?={7}$", re.MULTILINE)
_NAMES = {
    "\x85": "a next-line character",
    "\u2028": "a line separator",
    "\u2029": "a paragraph separator",
    "\ufeff": "a byte order mark",
}


@dataclass(frozen=True, slots=True)
class TextProblem:
    """Something wrong at a place in a file, before it is known what object it belongs to."""

    mark: Mark
    message: str
    hint: str = ""
    is_error: bool = True
    path: FieldPath = ()


class TextUnreadable(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, mark: Mark, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.problem = TextProblem(mark, message, hint)


def decode(raw: bytes) -> str:
    """The text of a file with a plain line feed at the end of each line, whatever editor wrote it."""
    if len(raw) > MOST_BYTES:
        size = f"{len(raw) / MOST_BYTES:.1f}" if len(raw) < 10 * MOST_BYTES else f"{len(raw) // MOST_BYTES}"
        raise TextUnreadable(
            Mark(1, 1), f"the file has {size} MiB; a manifest file has at most 1 MiB", "split it"
        )
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in raw[:4]:
        raise TextUnreadable(Mark(1, 1), "the file is UTF-16 or binary", "save it as UTF-8")
    raw = raw.removeprefix(_BOM)
    try:
        text = _plain_lines(raw.decode())
    except UnicodeDecodeError as error:
        before = _plain_lines(raw[: error.start].decode())
        raise TextUnreadable(
            _end_of(before), f"byte 0x{raw[error.start]:02x} is not UTF-8", "save the file as UTF-8"
        ) from None
    if conflict := _CONFLICT.search(text):
        raise TextUnreadable(
            _end_of(text[: conflict.start()]),
            "an unresolved merge conflict begins here",
            "keep one side of it",
        )
    if unwanted := _UNWANTED.search(text):
        found = unwanted[0]
        raise TextUnreadable(
            _end_of(text[: unwanted.start()]),
            f"{_NAMES.get(found, 'a control character')} (U+{ord(found):04X}) stands in the text",
            f'remove it, or write "\\u{ord(found):04x}" in double quotes',
        )
    return text


def _plain_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _end_of(before: str) -> Mark:
    return Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
