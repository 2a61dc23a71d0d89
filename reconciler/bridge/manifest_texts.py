"""Manifests as people write them: short values in one line, notes as comments on top."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.spec.yaml_writing import scalar

_WIDTH = 88


def manifest_text(objects: Sequence[Mapping[str, object]], notes: Iterable[str] = ()) -> str:
    """One file: comments, then each object as a document."""
    head = "".join(f"# {_one_line(note)}\n" for note in notes)
    return head + "---\n".join("".join(f"{line}\n" for line in _block(one)) for one in objects)


def _one_line(note: str) -> str:
    """A comment must not end before its note does."""
    return "".join(char if char.isprintable() else " " for char in note)


def _block(value: Mapping[str, object]) -> Iterator[str]:
    for key, item in value.items():
        head = f"{scalar(key)}:"
        line = f"{head} {_flow(item)}"
        if _stays_on_line(item, line):
            yield line
        elif isinstance(item, Mapping):
            yield head
            yield from (f"  {inner}" for inner in _block(item))
        else:
            yield head
            yield from (f"  - {_flow(inner)}" for inner in _items(item))


def _stays_on_line(value: object, line: str) -> bool:
    """Scalars always; lists and innermost mappings where they are short."""
    if isinstance(value, Mapping):
        return not value or (len(line) <= _WIDTH and not any(map(_is_nested, value.values())))
    return not _is_nested(value) or len(line) <= _WIDTH


def _is_nested(value: object) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, Sequence) and not isinstance(value, str))


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, Sequence) else ()


def _flow(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if _is_nested(value):
        return "[" + ", ".join(_flow(item) for item in _items(value)) + "]"
    return scalar(value)
