"""Text to documents: YAML events composed to nodes with positions, every limit checked on the way.

A file that breaks off keeps the documents before the break, so that one pass reports as much as possible.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from reconciler.spec.nodes import Document, Entry, Mapping, Mark, Node, Scalar, Sequence
from reconciler.spec.yaml_scalars import old_meaning, resolve

MOST_BYTES = 1 << 20
MOST_DEPTH = 48
MOST_NODES = 50_000
_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str"})


@dataclass(frozen=True, slots=True)
class TextProblem:
    """Something wrong at a place in a file, before it is known what object it belongs to."""

    mark: Mark
    message: str
    hint: str = ""
    is_error: bool = True


@dataclass(slots=True)
class FileText:
    """What a file holds: its documents, and what is wrong with its text."""

    documents: list[Document] = field(default_factory=list)
    problems: list[TextProblem] = field(default_factory=list)
    lines: tuple[str, ...] = ()


class _Broken(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, mark: Mark, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.problem = TextProblem(mark, message, hint)


def read_documents(file: str, raw: bytes) -> FileText:
    """All documents of a file that hold anything."""
    result = FileText()
    try:
        text = _decode(raw)
        result.lines = tuple(text.split("\n"))
        for root in _Composer(text, result.problems).documents():
            result.documents.append(Document(file=file, root=root, lines=result.lines))
    except _Broken as broken:
        result.problems.append(broken.problem)
    return result


def _decode(raw: bytes) -> str:
    if len(raw) > MOST_BYTES:
        raise _Broken(Mark(1, 1), "the file is larger than 1 MiB", "split it into several files")
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise _Broken(Mark(1, 1), "the file is UTF-16", "save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig")
        mark = Mark(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        raise _Broken(mark, f"byte 0x{raw[error.start]:02x} is not UTF-8", "save the file as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


class _Composer:
    def __init__(self, text: str, problems: list[TextProblem]) -> None:
        self._text = text
        self._problems = problems
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._open_anchors: set[str] = set()
        self._nodes = 0
        self._depth = 0

    def documents(self) -> Iterator[Node]:
        events = self._events()
        for event in events:
            if isinstance(event, DocumentStartEvent):
                self._anchors, self._open_anchors, self._nodes = {}, set(), 0
                root = self._node(next(events), events)
                if not (isinstance(root, Scalar) and root.value is None):
                    yield root
            elif isinstance(event, DocumentEndEvent):
                continue

    def _events(self) -> Iterator[Any]:
        try:
            yield from YAML(typ="safe", pure=True).parse(self._text)
        except MarkedYAMLError as error:
            raise _Broken(*_syntax(error, self._text)) from None
        except YAMLError as error:
            before = self._text[: getattr(error, "position", 0)]
            mark = Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
            raise _Broken(mark, "a control character stands in the text", "remove it") from None

    def _node(self, event: Any, events: Iterator[Any]) -> Node:
        mark = _mark(event)
        if isinstance(event, AliasEvent):
            return self._alias(event, mark)
        self._count(mark, 1)
        self._check_tag(event, mark)
        if event.anchor:
            self._open_anchors.add(event.anchor)
        before = self._nodes
        node = self._fresh(event, events, mark)
        if event.anchor:
            self._open_anchors.discard(event.anchor)
            self._anchors[event.anchor] = (node, self._nodes - before + 1)
        return node

    def _fresh(self, event: Any, events: Iterator[Any], mark: Mark) -> Node:
        if isinstance(event, ScalarEvent):
            return self._scalar(event, mark)
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _Broken(mark, f"nested more than {MOST_DEPTH} levels deep", "no manifest needs that")
        node = (
            self._mapping(events, mark)
            if isinstance(event, MappingStartEvent)
            else self._sequence(events, mark)
        )
        self._depth -= 1
        return node

    def _alias(self, event: Any, mark: Mark) -> Node:
        if event.anchor in self._open_anchors:
            raise _Broken(mark, f"*{event.anchor} contains itself")
        if event.anchor not in self._anchors:
            raise _Broken(
                mark, f"*{event.anchor} refers to no anchor above it", f"define &{event.anchor} first"
            )
        node, size = self._anchors[event.anchor]
        self._count(mark, size)
        return node

    def _count(self, mark: Mark, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise _Broken(
                mark, f"the document holds more than {MOST_NODES} values once its anchors are expanded"
            )

    def _scalar(self, event: Any, mark: Mark) -> Scalar:
        if not event.implicit[0] or event.tag == "!":
            return Scalar(event.value, event.value, mark)
        if meaning := old_meaning(event.value):
            self._ambiguous(event.value, meaning, mark)
        return Scalar(resolve(event.value), event.value, mark)

    def _ambiguous(self, text: str, meaning: str, mark: Mark) -> None:
        number = re.fullmatch(r"[-+]?0[0-9]+", text)
        hint = f"write {int(text)}, or quote it" if number else f'write "{text}", or what is meant'
        self._problems.append(
            TextProblem(mark, f"{text} is {meaning} to YAML 1.1 readers", hint, is_error=bool(number))
        )

    def _check_tag(self, event: Any, mark: Mark) -> None:
        tag = str(event.tag) if event.tag is not None else None
        if tag not in _TAGS:
            shown = tag.replace("tag:yaml.org,2002:", "!!") if tag else ""
            self._problems.append(
                TextProblem(mark, f"the tag {shown} is not used in manifests", "write the plain value")
            )

    def _sequence(self, events: Iterator[Any], mark: Mark) -> Sequence:
        sequence = Sequence(mark)
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            sequence.items.append(self._node(event, events))
        return sequence

    def _mapping(self, events: Iterator[Any], mark: Mark) -> Mapping:
        mapping = Mapping(mark)
        seen: dict[str, Mark] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            key_mark = _mark(event)
            key = self._key(event, events, key_mark)
            node = self._node(next(events), events)
            if key is None:
                continue
            if key in seen:
                self._problems.append(
                    TextProblem(
                        key_mark, f"duplicate key {key!r}", f"it is already set in line {seen[key].line}"
                    )
                )
                continue
            seen[key] = key_mark
            mapping.entries.append(Entry(key, key_mark, node))
        return mapping

    def _key(self, event: Any, events: Iterator[Any], mark: Mark) -> str | None:
        if not isinstance(event, ScalarEvent):
            self._node(event, events)
            self._problems.append(TextProblem(mark, "a key must be plain text"))
            return None
        if event.value == "<<" and event.implicit[0]:
            self._problems.append(
                TextProblem(
                    mark, "merge keys (<<) are not part of YAML 1.2", "use Host.spec.defaults, or repeat it"
                )
            )
            return None
        self._count(mark, 1)
        if event.implicit[0]:
            self._check_key(event.value, mark)
        return str(event.value)

    def _check_key(self, text: str, mark: Mark) -> None:
        if not isinstance(resolve(text), str):
            self._problems.append(
                TextProblem(mark, f"the key {text or 'null'} is no text", f'write "{text}"')
            )
        elif meaning := old_meaning(text):
            self._ambiguous(text, meaning, mark)


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


#: ruamel's words for the common slips, and ours.
_SLIPS = (
    (r"found character '\\t'", "a tab is used for indentation", "indent with spaces"),
    (
        r"mapping values are not allowed",
        "a second ': ' stands in one line",
        "quote the value, or begin a new line",
    ),
    (r"found unexpected end of stream", "a quoted text is not closed", "close it with the same quote"),
    (
        r"expected <block end>, but found '-'",
        "a list item stands at the wrong indentation",
        "align it with the items above",
    ),
    (r"expected <block end>", "the indentation does not match the lines above", "align it with its siblings"),
    (
        r"expected ',' or '[\]}]'",
        "a list or mapping in brackets is not closed",
        "close it, or separate its items by commas",
    ),
    (r"could not find expected ':'", "a key has no value", "write `key: value`"),
    (
        r"found unknown escape",
        "an unknown escape stands in a quoted text",
        "use single quotes, or double the backslash",
    ),
    (r"undefined tag handle", "a tag is used whose handle nobody defined", "write the plain value"),
    (
        r"found character .* that cannot start any token",
        "a value begins with a reserved character",
        "quote it",
    ),
)


def _syntax(error: MarkedYAMLError, text: str) -> tuple[Mark, str, str]:
    place = error.problem_mark or error.context_mark
    mark = Mark(place.line + 1, place.column + 1) if place else Mark(1, 1)
    said = f"{error.context or ''} {error.problem or ''}"
    lines = text.split("\n")
    if "mapping values" in said and ": " not in lines[mark.line - 1][: mark.column - 1]:
        return mark, "indented under a line that already has a value", "align it with its siblings"
    for pattern, message, hint in _SLIPS:
        if re.search(pattern, said):
            if "bracket" in message or "closed" in message:
                opened = error.context_mark
                mark = Mark(opened.line + 1, opened.column + 1) if opened else mark
            return mark, message, hint
    if mark.line <= len(lines) and "\t" in lines[mark.line - 1][: mark.column + 1]:
        return mark, "a tab is used for indentation", "indent with spaces"
    return mark, f"not readable as YAML: {str(error.problem or error.context or 'unknown').strip()}", ""
