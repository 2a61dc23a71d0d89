"""What a field is, for `reconciler explain` and the reference pages: read from the schemas alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import CommandLineWrong
from reconciler.spec.kinds import KINDS
from reconciler.spec.schemas import Schema, schema_of
from reconciler.spec.shapes import CHANGES, nearest

#: `[]` and `[0]`, as messages write them.
_INDEX = re.compile(r"\[\d*\]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One field or mapping: everything that its declaration says."""

    path: str
    type: str
    doc: str
    required: bool
    default: Any
    choices: tuple[Any, ...]
    bounds: str
    change: str
    flag: str
    example: Any
    children: tuple[Explanation, ...] = ()

    @property
    def effect(self) -> str:
        """What changing it does, in words; empty for a mapping, whose fields say it."""
        return next((words for change, words in CHANGES.items() if change == self.change), "")

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


def explain(path: str) -> Explanation:
    """`modeldeployment.spec.context.kvType`, in any case and with list indexes left out."""
    kind_text, *steps = _INDEX.sub("", path).split(".")
    kind = _chosen(kind_text, list(KINDS), "kind", within="")
    node, walked, needed = schema_of(kind), kind, True
    for step in steps:
        node, walked, needed = _descend(node, step, walked)
    return _explanation(node, walked, needed=needed)


def explain_flag(flag: str) -> tuple[Explanation, ...]:
    """The fields that become an engine option; the option in the spelling that the fields declare."""
    return tuple(one for kind in KINDS for one in every_field(kind) if one.flag == flag)


def every_field(kind: str) -> Iterator[Explanation]:
    """All fields of a kind, parents before their children."""

    def below(one: Explanation) -> Iterator[Explanation]:
        yield one
        for child in one.children:
            yield from below(child)

    for child in explain(kind).children:
        yield from below(child)


def _descend(node: Schema, step: str, walked: str) -> tuple[Schema, str, bool]:
    shape = _inside(node)
    properties: Schema = shape.get("properties", {})
    if "properties" not in node and "additionalProperties" in node and not nearest(step, list(properties)):
        return node, walked, False  # a name that the manifest chooses: HF_TOKEN in secretEnv
    name = _chosen(step, list(properties), "field", within=walked)
    return properties[name], f"{walked}.{name}", name in shape.get("required", [])


def _chosen(word: str, choices: Sequence[str], what: str, *, within: str) -> str:
    for choice in choices:
        if word.casefold() in {choice.casefold(), f"{choice.casefold()}s"}:
            return choice
    guess = nearest(word, choices)
    place = f" in {within}" if within else ""
    if not choices:
        raise CommandLineWrong(
            f"{within} has no fields of its own", next_step=f"see reconciler explain {within}"
        )
    raise CommandLineWrong(
        f"no {what} is named {word!r}{place}",
        next_step=f"did you mean {guess}?" if guess else f"one of {', '.join(choices)}",
    )


def _inside(node: Schema) -> Schema:
    """The mapping behind a field: a list's items, a map's values, or the node itself."""
    if node.get("type") == "array":
        return _inside(node.get("items", {}))
    if "properties" not in node and isinstance(node.get("additionalProperties"), dict):
        return _inside(node["additionalProperties"])
    return node


def _explanation(node: Schema, path: str, *, needed: bool) -> Explanation:
    shape = _inside(node)
    needed_here = shape.get("required", [])
    # What must be written comes first.
    properties = sorted(shape.get("properties", {}).items(), key=lambda named: named[0] not in needed_here)
    examples = node.get("examples", [])
    return Explanation(
        path=path,
        type=_type_of(node),
        doc=node.get("description", ""),
        required=needed,
        default=node.get("default"),
        choices=tuple(node.get("enum", ())),
        bounds=_bounds(node),
        change=node.get("x-reconciler-change", ""),
        flag=node.get("x-reconciler-flag", ""),
        example=examples[0] if examples else None,
        children=tuple(
            _explanation(child, f"{path}.{name}", needed=name in needed_here) for name, child in properties
        ),
    )


def _type_of(node: Schema) -> str:
    if "x-reconciler-type" in node:
        return str(node["x-reconciler-type"])
    if node.get("type") == "array":
        inner = _type_of(node.get("items", {}))
        return f"list of {inner}"
    if node.get("type") == "object" or "properties" in node:
        values = node.get("additionalProperties")
        if "properties" in node or not isinstance(values, dict):
            return "mapping"
        return f"mapping of names to {_type_of(values)}"
    if "const" in node:
        return str(node["const"])
    names = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    kind = node.get("type")
    return names.get(kind, "any value") if isinstance(kind, str) else "any value"


def _bounds(node: Schema) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    parts = []
    if low is not None and high is not None:
        parts.append(f"{low:g} to {high:g}" if abs(high) < 1e6 else f"{low} to {high}")
    elif low is not None:
        parts.append(f"at least {low}")
    if "maxItems" in node:
        parts.append(f"at most {node['maxItems']} items")
    return ", ".join(parts)
