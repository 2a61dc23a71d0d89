"""Output for machines: JSON and YAML with stable keys, on stdout alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from reconciler.spec.yaml_writing import scalar


def print_json(value: object) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # JSON escapes the control characters below 32 alone; a terminal obeys those above 127 as well.
    print("".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text))


def print_yaml(value: object) -> None:
    print(as_yaml(value), end="")


def as_yaml(value: object) -> str:
    """Block style, keys in their order; whatever could be misread is quoted as in JSON."""
    return "".join(f"{line}\n" for line in _lines(value))


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
