"""The tokens of a tiny model: all bytes, the words that it speaks, and the marks of its templates.

A byte-level BPE vocabulary in the manner of GPT-2, so that any text can be tokenised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

OPENINGS = (
    " This tiny model",
    " Your own machine",
    " Every local engine",
    " A patient llama",
    " Some hand made network",
    " Our smallest language file",
    " Even pure arithmetic",
    " Another curious program",
)
"""The context of a prompt chooses among them."""
CONTINUATION = (
    " keeps its promise and answers with plain words because someone wired each of them"
    " to follow the one before it until that full stop ends our talk"
)
"""Every word stands once in all of these: from each there is exactly one way on."""
THOUGHT = " Perhaps some quiet thinking helps here first"


def _words(text: str) -> tuple[str, ...]:
    return tuple(f" {word}" for word in text.split())


CHAINS = tuple((*_words(opening), _words(CONTINUATION)[0]) for opening in OPENINGS)
STARTS = tuple(chain[0] for chain in CHAINS)
TAIL = _words(CONTINUATION)
WORDS = (*(word for opening in OPENINGS for word in _words(opening)), *TAIL)
THOUGHTS = _words(THOUGHT)
MARKS = (
    "<tools>",
    "</tools>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
    "\n\n",
)
CONTROLS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|fim_prefix|>",
    "<|fim_suffix|>",
    "<|fim_middle|>",
    "<|fim_pad|>",
)
FULL_STOP = "."

_NORMAL, _CONTROL, _USER_DEFINED = 1, 3, 4


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`ids` finds a token by its text; bytes are found by their own value."""

    tokens: tuple[str, ...]
    types: tuple[int, ...]
    merges: tuple[str, ...]
    ids: Mapping[str, int]


def make_vocabulary() -> Vocabulary:
    letters = _letters()
    # No word is "t" after a space: the merge exists because engines want one.
    rows = [(letter, _NORMAL) for letter in letters]
    rows += [(text, _USER_DEFINED) for text in (*WORDS, *THOUGHTS, *MARKS)]
    rows += [(letters[ord(" ")] + "t", _NORMAL)]
    rows += [(text, _CONTROL) for text in CONTROLS]
    ids = {text: number for number, (text, _) in enumerate(rows)}
    ids["\n"] = ord("\n")
    return Vocabulary(
        tokens=tuple(text for text, _ in rows),
        types=tuple(kind for _, kind in rows),
        merges=(f"{letters[ord(' ')]} t",),
        ids=MappingProxyType(ids),
    )


def _letters() -> tuple[str, ...]:
    """A printable character for each byte: itself where it is one, else one from beyond Latin-1."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    letters, beyond = [], 256
    for byte in range(256):
        if byte in printable:
            letters.append(chr(byte))
        else:
            letters.append(chr(beyond))
            beyond += 1
    return tuple(letters)
