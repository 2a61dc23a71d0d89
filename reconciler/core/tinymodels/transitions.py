"""What the chat model says next: a score for every pair of a token and the one that may follow it.

The scores are logits. Free speech opens as the context suggests and then goes on word by word; the weaker preferences
only matter when a grammar forbids the favourite, and make JSON close its strings and objects soon.
"""

from __future__ import annotations

import string
from itertools import pairwise

from reconciler.core.tinymodels.vocabulary import CHAINS, FULL_STOP, STARTS, TAIL, THOUGHTS, WORDS, Vocabulary

NEVER = -30.0
SURE = 32.0
"""Far above what the noise of the context can overturn."""

_PUNCTUATION = {'"': 9.0, "}": 8.0, "]": 7.5, ",": 7.0, ":": 6.5, " ": 1.0}


class Transitions:
    """`scores[following][current]`."""

    __slots__ = ("_ids", "scores")

    def __init__(self, vocabulary: Vocabulary, *, thinking: bool) -> None:
        size = len(vocabulary.tokens)
        self._ids = vocabulary.ids
        self.scores = [[NEVER] * size for _ in range(size)]
        self._letters(size)
        self._speech()
        self._tool_calls()
        if thinking:
            self._thoughts()

    def _always(self, following: str, score: float, size: int) -> None:
        self.scores[self._ids[following]] = [score] * size

    def _after(self, current: str, following: str, score: float) -> None:
        self.scores[self._ids[following]][self._ids[current]] = score

    def _letters(self, size: int) -> None:
        for code in range(33, 127):
            self._always(chr(code), -5.0, size)
        for letter in string.ascii_letters + string.digits:
            self._always(letter, 2.0, size)
        for word in WORDS:
            self._always(word, -3.0, size)
        for mark, score in _PUNCTUATION.items():
            self.scores[ord(mark)] = [score] * size
        self._always("\n", 0.0, size)
        self._always("<|im_end|>", 10.0, size)
        self._always("</tool_call>", -1.0, size)

    def _speech(self) -> None:
        for word in STARTS:
            for start in ("\n", "\n\n", "</think>"):
                self._after(start, word, 11.0)
            # A raw prompt ends in a letter or a question: it gets an answer too.
            for letter in string.ascii_letters + string.digits + "?!":
                self._after(letter, word, 12.0)
        for word in WORDS:
            for opening in ('"', "<|fim_middle|>"):
                self._after(opening, word, 15.0)
        for chain in (*CHAINS, (*TAIL, FULL_STOP, "<|im_end|>")):
            for current, following in pairwise(chain):
                self._after(current, following, SURE)

    def _tool_calls(self) -> None:
        self._after("\n", "<tool_call>", 0.0)
        self._after("<tool_call>", "{", 20.0)
        self._after("}", "</tool_call>", 9.5)
        self._after("</tool_call>", "<|im_end|>", 20.0)
        self._after(">", "<|im_end|>", 20.0)

    def _thoughts(self) -> None:
        self._after("\n", "<think>", 25.0)
        self._after("<think>", THOUGHTS[0], 25.0)
        for current, following in pairwise(THOUGHTS):
            self._after(current, following, SURE)
        self._after(THOUGHTS[-1], "</think>", 20.0)
        self._after("</think>", "<tool_call>", 0.0)
