"""Output for machines: JSON and YAML with stable keys, on stdout alone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from reconciler.spec.yaml_scalars import old_meaning, resolve

_PLAIN = re.compile(r"[A-Za-z0-9/_][A-Za-z0-9/_.-]*(?: [A-Za-z0-9/_.-]+)*")


def print_json(value: object) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # JSON escapes the control characters below 32 alone; a terminal obeys those above 127 as well.
    print("".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text))


def print_yaml(value: object) -> None:
    print(as_yaml(value), end="")


def as_yaml(value: object) -> str:
    """Block style, keys in their order; whatever could be misread is quoted as in JSON."""
    return "".join(f"{line}\n" for line in _lines(value))


def scalar(value: object) -> str:
    """One value as YAML writes it in one line; text without quotes where every reader, old or new, sees text."""
    if (
        isinstance(value, str)
        and _PLAIN.fullmatch(value)
        and resolve(value) == value
        and not old_meaning(value)
    ):
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escape(char) for char in quoted)


def _escape(char: str) -> str:
    # JSON writes characters beyond 16 bits as two halves, which YAML readers do not join.
    return f"\\u{ord(char):04x}" if ord(char) < 1 << 16 else f"\\U{ord(char):08x}"


def _lines(value: object) -> list[str]:
    if isinstance(value, Mapping) and value:
        return [line for key, item in value.items() for line in _entry(str(key), item)]
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return [line for item in value for line in _item(item)]
    return [scalar(value)]


def _entry(key: str, value: object) -> list[str]:
    if _is_nested(value):
        return [f"{scalar(key)}:", *(f"  {line}" for line in _lines(value))]
    return [f"{scalar(key)}: {scalar(value)}"]


def _item(value: object) -> list[str]:
    first, *rest = _lines(value)
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _is_nested(value: object) -> bool:
    return isinstance(value, Mapping | Sequence) and not isinstance(value, str) and bool(value)
