"""Reads the text that the engine prints for `--help`: what this build offers, in which form.

Two layouts occur: llama.cpp since 2024 (names at column 0, text at column 40) and the older one that
ik_llama.cpp kept (names indented, text at column 34, value hints missing here and there).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_NAME = re.compile(r"--?[A-Za-z][\w.+-]*(?:\(s\))?$")
_OPTION_LINE = re.compile(r" {0,12}--?[A-Za-z]")
_CHOICE = r"[\w.+-]+"
_BRACED = re.compile(
    rf"\{{({_CHOICE}(?:,{_CHOICE})+)\}}$|[\[(<]({_CHOICE}(?:\|{_CHOICE})+)[\])>]$"
    r"|([a-z][\w-]*(?:,[a-z][\w-]*){2,})$"
)
_LEADING_CHOICES = re.compile(rf"[\[(]({_CHOICE}(?:\|{_CHOICE})+)[\])]")
_ALLOWED = re.compile(rf"allowed values: ({_CHOICE}(?:, *{_CHOICE})*)")
_BULLET = re.compile(r"\s*- ([\w.+-]+)(?: \(default\))?: ")
_DEFAULT = re.compile(r"\(?default: ([^,)]*)")
_ENV = re.compile(r"\(env: (\w+)\)")
#: A gap starts where no blank is before it, and gives none back: a binary may print a megabyte of them.
_GAP = re.compile(r"(?<! ) {2,}+(?=\S)")
_NAMED_VALUE = re.compile(r"<[^<>]*>")
_REMOVED = re.compile(r"the argument has been removed\. *(.*?)(?:\(env:|$)")
_ON = re.compile(r"\b(?:enabled|true|on)\b|^1$")


@dataclass(frozen=True, slots=True)
class Offer:
    """One entry of the help text."""

    positive: tuple[str, ...]
    negative: tuple[str, ...]
    hint: str  # how the text names the value: "N", "FNAME", "{none,layer}"; empty for a flag
    arity: int
    choices: tuple[str, ...]
    default: str
    default_on: bool
    env: str
    csv: bool
    removed: str
    deprecated: bool

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.positive, *self.negative)


def parse_help(text: str) -> tuple[Offer, ...]:
    """Every option that the text lists, in its order; lines that are no options are skipped."""
    lines = text.expandtabs().splitlines()
    column = _text_column(lines)
    return tuple(_offer(head, body) for head, body in _entries(lines, column) if _names_and_hint(head)[0])


def _text_column(lines: Iterable[str]) -> int:
    """Where the descriptions start: the column, well to the right, at which most texts begin after two blanks."""
    starts = Counter(found.end() for line in lines for found in _GAP.finditer(line))
    found = [(count, column) for column, count in starts.items() if column > 20]
    return max(found)[1] if found else 40


def _entries(lines: Iterable[str], column: int) -> Iterator[tuple[str, list[str]]]:
    head, body = "", list[str]()
    for line in lines:
        if _OPTION_LINE.match(line):
            if head:
                yield head, body
            split = column if line[column - 2 : column] == "  " else len(line)
            head, body = line[:split].strip(), [line[split:].strip()]
        elif line.startswith(" ") and head:
            body.append(line.strip())
        elif line.strip() and head:
            yield head, body
            head, body = "", []
    if head:
        yield head, body


def _offer(head: str, body: list[str]) -> Offer:
    names, hint = _names_and_hint(head)
    leading = _LEADING_CHOICES.match(body[0])
    if not hint and leading:
        hint = leading.group(0)  # an entry whose hint slipped into its description
    arity = len(_NAMED_VALUE.sub("X", hint).split())
    positive, negative = _polarity(names) if arity == 0 else (names, ())
    text = " ".join(body)
    default = _default(text)
    removed = _REMOVED.search(text)
    return Offer(
        positive=positive,
        negative=negative,
        hint=hint,
        arity=arity,
        choices=_choices(hint, body, default) if arity else (),
        default=default,
        default_on=arity == 0 and bool(_ON.search(default)),
        env=env.group(1) if (env := _ENV.search(text)) else "",
        csv="comma-separated" in text or "comma separated" in text,
        removed=removed.group(1).strip() if removed else "",
        deprecated="DEPRECATED" in text,
    )


def _names_and_hint(head: str) -> tuple[tuple[str, ...], str]:
    names: list[str] = []
    words = head.split()
    for index, written in enumerate(words):
        word, following = written.rstrip(","), words[index + 1 : index + 2]
        if _NAME.match(word):
            names.extend([word[:-3], f"{word[:-3]}s"] if word.endswith("(s)") else [word])
        elif not (names and written.endswith(",") and following and _NAME.match(following[0].rstrip(","))):
            # The hint; `-t N, --threads N` repeats it between the names.
            return tuple(names), " ".join(words[index:])
    return tuple(names), ""


def _polarity(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Positive names come first, then the negative ones: all that follow the last positive long name."""
    long = [index for index, name in enumerate(names) if name.startswith("--")]
    denying = [index for index in long if names[index].startswith("--no-")]
    if not denying or len(denying) == len(long):
        return names, ()
    cut = max(index for index in long if index not in denying) + 1
    return names[:cut], names[cut:]


def _default(text: str) -> str:
    found = _DEFAULT.search(text)
    return found.group(1).strip(" '\"") if found else ""


def _choices(hint: str, body: list[str], default: str) -> tuple[str, ...]:
    if braced := _BRACED.match(hint):
        return tuple(re.split(r"[,|]", next(group for group in braced.groups() if group)))
    if allowed := _ALLOWED.search(" ".join(body)):
        return tuple(re.split(r", *", allowed.group(1)))
    bullets = [found.group(1) for line in body if (found := _BULLET.match(line))]
    if bullets and re.fullmatch(_CHOICE, default) and default not in bullets:
        bullets.append(default)  # a default that the list forgets is still a value
    return tuple(bullets)
