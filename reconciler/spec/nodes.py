"""YAML values that remember where they stand in their file, and plain data made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from reconciler.spec.problems import FieldPath


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """Line and column as editors count them, from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Scalar:
    value: str | int | float | bool | None
    text: str
    mark: Mark


@dataclass(slots=True)
class Entry:
    key: str
    key_mark: Mark
    node: Node


@dataclass(slots=True)
class Mapping:
    mark: Mark
    entries: list[Entry] = field(default_factory=list)

    def find(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key == key), None)


@dataclass(slots=True)
class Sequence:
    mark: Mark
    items: list[Node] = field(default_factory=list)


Node = Scalar | Mapping | Sequence


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document of a file."""

    file: str
    root: Node
    lines: tuple[str, ...] = field(repr=False)

    def mark_of(self, path: FieldPath, *, at_key: bool = False) -> Mark:
        """Where `path` stands; what is not there is where its nearest parent is."""
        mark, node = self.root.mark, self.root
        for depth, step in enumerate(path):
            found = _child(node, step)
            if found is None:
                return mark
            key_mark, node = found
            last = depth == len(path) - 1
            # A block mapping begins at its first key; the key above it is what people look for.
            mark = key_mark if (at_key and last) or not (last or isinstance(node, Scalar)) else node.mark
        return mark

    def has(self, path: FieldPath) -> bool:
        """Whether something is written at `path`."""
        return self.find(path) is not None

    def find(self, path: FieldPath) -> Node | None:
        """What is written at `path`."""
        node = self.root
        for step in path:
            found = _child(node, step)
            if found is None:
                return None
            node = found[1]
        return node

    @property
    def data(self) -> Any:
        """Plain data for validation: sequences as tuples, so that strict types take them."""
        return to_data(self.root)


def _child(node: Node, step: str | int) -> tuple[Mark, Node] | None:
    if isinstance(node, Mapping) and isinstance(step, str):
        entry = node.find(step)
        return (entry.key_mark, entry.node) if entry else None
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        return node.items[step].mark, node.items[step]
    return None


def to_data(node: Node) -> Any:
    match node:
        case Scalar(value=value):
            return value
        case Sequence(items=items):
            return tuple(to_data(item) for item in items)
        case Mapping(entries=entries):
            return {entry.key: to_data(entry.node) for entry in entries}


def walk(node: Node, path: FieldPath = ()) -> Iterator[tuple[FieldPath, Node]]:
    """Every node with its path, in file order."""
    yield path, node
    match node:
        case Sequence(items=items):
            for index, item in enumerate(items):
                yield from walk(item, (*path, index))
        case Mapping(entries=entries):
            for entry in entries:
                yield from walk(entry.node, (*path, entry.key))
        case Scalar():
            return
