"""Text for terminals: colour only where it is wanted, and never a control character from somebody's file."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Ink:
    """Colours, or plain text where there are none."""

    coloured: bool

    def red(self, text: str) -> str:
        return self._painted("31", text)

    def yellow(self, text: str) -> str:
        return self._painted("33", text)

    def bold(self, text: str) -> str:
        return self._painted("1", text)

    def dim(self, text: str) -> str:
        return self._painted("2", text)

    def _painted(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.coloured and text else text


def ink_for(stream: TextIO) -> Ink:
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Ink(coloured=wanted and stream.isatty())


def printable(text: str) -> str:
    """The text in one line, with escapes in place of what would steer a terminal or reverse its reading order."""
    return "".join(char if _is_harmless(char) else _escape(char) for char in text)


def text_width(text: str) -> int:
    """How many columns a terminal gives to the text."""
    return sum(_char_width(char) for char in text)


def _is_harmless(char: str) -> bool:
    # Joiners hold emoji and some scripts together; the other format characters only hide or reorder text.
    return char in "\u200c\u200d" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Cf", "Me", "Mn"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
