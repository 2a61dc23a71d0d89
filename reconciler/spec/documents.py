"""Text to documents: YAML events composed to nodes with positions, every limit checked on the way.

A file that breaks off keeps the documents before the break, so that one pass reports as much as possible.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from reconciler.spec.nodes import Document, Entry, Mapping, Mark, Node, Scalar, Sequence
from reconciler.spec.problems import shown
from reconciler.spec.texts import MOST_BYTES, TextProblem, TextUnreadable, decode
from reconciler.spec.yaml_events import parse_events
from reconciler.spec.yaml_scalars import (
    MOST_DIGITS,
    has_leading_zero,
    is_number,
    old_meaning,
    plainly,
    resolve,
)

__all__ = ["MOST_BYTES", "MOST_DEPTH", "MOST_NODES", "FileText", "TextProblem", "read_documents"]

MOST_DEPTH = 48
MOST_NODES = 50_000
#: Word processors and chat programs make them of plain ones; to YAML they are part of the text.
_CURLY = frozenset("\u201c\u201d\u201e\u2018\u2019\u201a")
#: What no UTF-8 holds, and so no command line, file name or answer; only an escape in double quotes makes one.
_HALF = re.compile("[\ud800-\udfff]")
_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str"})


@dataclass(slots=True)
class FileText:
    """What a file holds: its documents, and what is wrong with its text. A broken one has unread documents."""

    documents: list[Document] = field(default_factory=list)
    problems: list[TextProblem] = field(default_factory=list)
    lines: tuple[str, ...] = ()
    is_broken: bool = False


def read_documents(file: str, raw: bytes) -> FileText:
    """All documents of a file that hold anything."""
    result = FileText()
    try:
        result.lines = tuple(decode(raw).split("\n"))
        for root in _Composer(result.lines, result.problems).documents():
            result.documents.append(Document(file=file, root=root, lines=result.lines))
    except TextUnreadable as broken:
        result.problems.append(broken.problem)
        result.is_broken = True
    return result


class _Composer:
    def __init__(self, lines: tuple[str, ...], problems: list[TextProblem]) -> None:
        self._lines = lines
        self._problems = problems
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._open_anchors: set[str] = set()
        self._nodes = 0
        self._path: list[str | int] = []

    def documents(self) -> Iterator[Node]:
        events = parse_events("\n".join(self._lines))
        for event in events:
            if isinstance(event, DocumentStartEvent):
                _check_version(event, self._lines)
                self._anchors, self._open_anchors, self._nodes = {}, set(), 0
                root = self._node(next(events), events)
                if not (isinstance(root, Scalar) and root.value is None):
                    yield root

    def _problem(self, mark: Mark, message: str, hint: str, *, is_error: bool = True) -> None:
        self._problems.append(TextProblem(mark, message, hint, is_error, tuple(self._path)))

    def _node(self, event: Any, events: Iterator[Any]) -> Node:
        mark = _mark(event)
        if isinstance(event, AliasEvent):
            return self._alias(event.anchor, mark)
        self._count(mark, 1)
        if event.anchor:
            self._open_anchor(event.anchor, mark)
        before = self._nodes
        node = self._fresh(event, events, mark)
        if event.anchor:
            self._open_anchors.discard(event.anchor)
            self._anchors[event.anchor] = (node, self._nodes - before + 1)
        return node

    def _fresh(self, event: Any, events: Iterator[Any], mark: Mark) -> Node:
        is_plain = self._check_tag(event, mark)
        if isinstance(event, ScalarEvent):
            return self._scalar(event, mark, is_plain=is_plain)
        if len(self._path) >= MOST_DEPTH:
            raise TextUnreadable(
                mark, f"nested more than {MOST_DEPTH} levels deep", "close a bracket, or indent less"
            )
        if isinstance(event, MappingStartEvent):
            return self._mapping(events, mark)
        return self._sequence(events, mark)

    def _open_anchor(self, name: str, mark: Mark) -> None:
        if name in self._anchors or name in self._open_anchors:
            self._problem(
                mark, f"the anchor &{shown(name)} is already there", "give each anchor its own name"
            )
        self._open_anchors.add(name)

    def _alias(self, name: str, mark: Mark) -> Node:
        if name in self._open_anchors:
            raise TextUnreadable(mark, f"*{shown(name)} contains itself", "write what is meant there")
        if name not in self._anchors:
            raise TextUnreadable(
                mark,
                f"*{shown(name)} refers to no anchor above it in this document",
                f"define &{shown(name)} first, or quote the text if it is none",
            )
        node, size = self._anchors[name]
        self._count(mark, size)
        return node

    def _count(self, mark: Mark, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise TextUnreadable(
                mark,
                f"the document holds more than {MOST_NODES} values once its anchors are expanded",
                "split it, and write fewer aliases",
            )

    def _scalar(self, event: Any, mark: Mark, *, is_plain: bool) -> Scalar:
        text = event.value
        if not is_plain:
            if _HALF.search(text):
                self._problem(
                    mark, "half of a surrogate pair stands in the text", "write the whole character"
                )
            return Scalar(text, text, mark)
        if len(text) > MOST_DIGITS and is_number(text):
            self._problem(
                mark, f"a number of {len(text)} digits", "nothing needs that; quote it if it is text"
            )
            return Scalar(text, text, mark)
        if text[:1] in _CURLY or text[-1:] in _CURLY:
            self._problem(mark, f"{shown(text)} stands in typographic quotes", "write ' or \" instead")
        value = resolve(text)
        if isinstance(value, float) and not math.isfinite(value):
            self._problem(mark, f"{text} is no finite number", "write a number, or quote it if it is text")
        elif meaning := old_meaning(text):
            self._ambiguous(text, meaning, mark)
        return Scalar(value, text, mark)

    def _ambiguous(self, text: str, meaning: str, mark: Mark) -> None:
        hint = f'write "{text}"'
        if other := plainly(text):
            hint += f" for the text, or {other} for the {'number' if text[-1].isdigit() else 'truth value'}"
        self._problem(
            mark, f"{shown(text)} is {meaning} to YAML 1.1 readers", hint, is_error=has_leading_zero(text)
        )

    def _check_tag(self, event: Any, mark: Mark) -> bool:
        """Whether a scalar means what a plain one would; a tag that is refused changes nothing else."""
        tag = event.tag
        if tag in _TAGS:
            return tag is None and isinstance(event, ScalarEvent) and bool(event.implicit[0])
        name = str(tag).replace("tag:yaml.org,2002:", "!!")
        self._problem(mark, f"the tag {shown(name)} is not used in manifests", "remove it")
        return True

    def _sequence(self, events: Iterator[Any], mark: Mark) -> Sequence:
        sequence = Sequence(mark)
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            self._path.append(len(sequence.items))
            sequence.items.append(self._node(event, events))
            self._path.pop()
        return sequence

    def _mapping(self, events: Iterator[Any], mark: Mark) -> Mapping:
        entries: dict[str, Entry] = {}
        merged: list[Entry] = []
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            self._entry(event, events, entries, merged)
        for entry in merged:
            entries.setdefault(entry.key, entry)
        return Mapping(mark, list(entries.values()))

    def _entry(
        self, event: Any, events: Iterator[Any], entries: dict[str, Entry], merged: list[Entry]
    ) -> None:
        mark = _mark(event)
        key = event.value if isinstance(event, ScalarEvent) else "?"
        self._path.append(key)
        if isinstance(event, ScalarEvent):
            self._check_key(event, mark, entries)
        else:
            self._node(event, events)
            self._problem(mark, "a key must be plain text", 'write `key: value`, or quote it all: "{{ x }}"')
        node = self._node(next(events), events)
        self._path.pop()
        if key == "<<" and isinstance(node, Mapping):
            merged += node.entries
        elif isinstance(event, ScalarEvent):
            entries.setdefault(key, Entry(key, mark, node))

    def _check_key(self, event: Any, mark: Mark, entries: dict[str, Entry]) -> None:
        text, is_plain = event.value, self._check_tag(event, mark)
        self._count(mark, 1)
        if event.anchor:
            self._problem(mark, f"the key {shown(text)} carries an anchor", "put it before the value")
        if text in entries:
            self._problem(
                mark,
                f"duplicate key {shown(text)!r}",
                f"it is already set in line {entries[text].key_mark.line}",
            )
        elif not is_plain:
            return
        elif text == "<<":
            self._problem(
                mark,
                "merge keys (<<) are not part of YAML 1.2",
                "use Host.spec.defaults, or repeat what is meant",
            )
        elif len(text) > MOST_DIGITS or not isinstance(resolve(text), str):
            self._problem(
                mark, f"the key {shown(text) or 'of this entry'} is no text", f'write "{shown(text)}"'
            )
        elif meaning := old_meaning(text):
            self._ambiguous(text, meaning, mark)


def _check_version(event: Any, lines: tuple[str, ...]) -> None:
    if event.version is None or tuple(event.version) == (1, 2):
        return
    line = event.start_mark.line
    while line > 0 and not lines[line].startswith("%YAML"):
        line -= 1
    raise TextUnreadable(
        Mark(line + 1, 1),
        f"manifests are YAML 1.2, not {shown(lines[line][5:].strip())}",
        "remove the %YAML line",
    )


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)
