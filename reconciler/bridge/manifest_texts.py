"""Manifests as people write them: short values in one line, notes as comments on top.

What is written here reads the same as YAML 1.1 and 1.2; text that could mean something else is quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.spec.yaml_scalars import old_meaning, resolve

_PLAIN = re.compile(r"[A-Za-z0-9/_][A-Za-z0-9/_.+-]*(?: [A-Za-z0-9/_.+-]+)*")
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
        head = f"{_scalar(key)}:"
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
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if _is_nested(value):
        return "[" + ", ".join(_flow(item) for item in _items(value)) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) and resolve(value) == value and not old_meaning(value)
        return value if is_plain else json.dumps(value, ensure_ascii=not value.isprintable())
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value)


def _number(value: float) -> str:
    """YAML 1.1 takes an exponent without a point and a sign for text."""
    text = repr(value)
    digits, exponent, power = text.partition("e")
    if not exponent:
        return text
    return f"{digits if '.' in digits else f'{digits}.0'}e{int(power):+03d}"
