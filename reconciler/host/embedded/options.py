"""What an option is: its names, its line in `--help`, and what it sets on `xllamacpp.CommonParams`.

A setting is a dotted attribute and a value. Members of the extension's enumerations are named, not imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """`name` of the enumeration `enum` in the extension."""

    enum: str
    name: str


@dataclass(frozen=True, slots=True)
class Lora:
    path: str
    scale: float


@dataclass(frozen=True, slots=True)
class Added:
    """Items for a list that grows with every use of the option."""

    items: tuple[object, ...]


Settings = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Option:
    """`sets` gets the value, or None for a switch; ValueError from it says what a right value looks like."""

    names: tuple[str, ...]
    sets: Callable[[str | None], Settings]
    doc: str
    metavar: str = ""
    #: Names that turn the switch off, and what they set.
    negative: tuple[str, ...] = ()
    unsets: Settings | None = None

    @property
    def takes_value(self) -> bool:
        return bool(self.metavar)


def switch(names: str, attribute: str, doc: str, *, on: object = True) -> Option:
    return Option(_split(names), lambda _: {attribute: on}, doc)


def toggle(names: str, negative: str, attribute: str, doc: str, *, on: object = True) -> Option:
    """A switch with a name for each way; `on` False where the attribute says the opposite."""
    return Option(_split(names), lambda _: {attribute: on}, doc, "", _split(negative), {attribute: not on})


def ignored(names: str, doc: str) -> Option:
    """Says what is the case here anyway; taken, so that one command line suits every engine."""
    return Option(_split(names), lambda _: {}, doc)


def whole(
    names: str,
    attribute: str,
    doc: str,
    *,
    metavar: str = "N",
    low: int = -(1 << 31),
    high: int = (1 << 31) - 1,
) -> Option:
    def sets(text: str | None) -> Settings:
        value = int(text or "")
        if not low <= value <= high:
            raise ValueError(f"it must lie between {low} and {high}")
        return dict.fromkeys(_split(attribute), value)

    return Option(_split(names), _explained(sets, "it must be a whole number"), doc, metavar)


def real(names: str, attribute: str, doc: str) -> Option:
    def sets(text: str | None) -> Settings:
        return {attribute: float(text or "")}

    return Option(_split(names), _explained(sets, "it must be a number"), doc, "N")


def text(names: str, attribute: str, doc: str, *, metavar: str = "STRING") -> Option:
    return Option(_split(names), lambda value: {attribute: value or ""}, doc, metavar)


def listed(names: str, attribute: str, doc: str, *, metavar: str = "STRING") -> Option:
    return Option(_split(names), lambda value: {attribute: items(value)}, doc, metavar)


def choice(
    names: str, attribute: str, doc: str, values: Mapping[str, object], *, metavar: str = ""
) -> Option:
    def sets(value: str | None) -> Settings:
        if value is None or value not in values:
            raise ValueError(f"it must be one of {', '.join(values)}")
        return {attribute: values[value]} if attribute else {}

    return Option(_split(names), sets, doc, metavar or "{" + ",".join(values) + "}")


def custom(names: str, sets: Callable[[str], Settings], doc: str, *, metavar: str) -> Option:
    return Option(_split(names), lambda value: sets(value or ""), doc, metavar)


def items(value: str | None) -> list[str]:
    """Comma-separated; a comma inside an item is written in double quotes, as llama-server reads it."""
    found, quoted = [""], False
    for character in value or "":
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            found.append("")
        else:
            found[-1] += character
    return [item for item in found if item]


def _split(names: str) -> tuple[str, ...]:
    return tuple(names.split())


def _explained(sets: Callable[[str | None], Settings], rule: str) -> Callable[[str | None], Settings]:
    def explained(value: str | None) -> Settings:
        try:
            return sets(value)
        except ValueError as error:
            own = str(error).startswith("it must")
            raise ValueError(str(error) if own else rule) from error

    return explained
