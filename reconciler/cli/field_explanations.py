"""`reconciler explain FIELD`: the page of a field of a manifest, the tree below it, and the same for scripts."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from reconciler.cli.outputs import as_yaml
from reconciler.cli.terminals import ink_for
from reconciler.spec.explanations import Explanation
from reconciler.spec.yaml_writing import scalar

LABEL = 10


def field_lines(found: Explanation) -> Iterator[str]:
    """The page of one field."""
    ink = ink_for(sys.stdout)
    yield f"{ink.bold(found.path)}   {found.type}"
    yield ""
    yield from _wrapped(found.doc, "  ")
    yield ""
    for label, text in _facts(found):
        yield f"  {label:<{LABEL}}{text}"
    if found.example is not None:
        yield from _example(found)
    if found.children:
        yield "  fields"
        width = max(len(child.name) for child in found.children) + 2
        for child in found.children:
            yield from _wrapped(child.doc, f"    {child.name:<{width}}")


def _facts(found: Explanation) -> Iterator[tuple[str, str]]:
    if found.required and "." in found.path:
        yield "required", "yes"
    elif found.default is not None:
        yield "default", scalar(found.default)
    if found.choices:
        yield "one of", ", ".join(map(str, found.choices))
    if found.bounds:
        yield "bounds", found.bounds
    if found.effect:
        yield "change", found.effect
    if found.flag:
        yield "flag", found.flag


def _example(found: Explanation) -> Iterator[str]:
    value = found.example if "." not in found.path else {found.name: found.example}
    first, *rest = as_yaml(value).splitlines()
    yield f"  {'example':<{LABEL}}{first}"
    for line in rest:
        yield " " * (LABEL + 2) + line


def tree_lines(found: Explanation) -> Iterator[str]:
    """Everything below a field, with types alone."""

    def below(one: Explanation, depth: int) -> Iterator[str]:
        for child in one.children:
            yield f"{'  ' * depth}{child.name}   {ink.dim(child.type)}"
            yield from below(child, depth + 1)

    ink = ink_for(sys.stdout)
    yield f"{ink.bold(found.path)}   {found.type}"
    yield from below(found, 1)


def _wrapped(text: str, lead: str) -> list[str]:
    columns = min(shutil.get_terminal_size((100, 24)).columns, 110)
    return textwrap.wrap(text, max(columns, 50), initial_indent=lead, subsequent_indent=" " * len(lead)) or [
        lead.rstrip()
    ]


def field_json(found: Explanation) -> dict[str, Any]:
    return {
        "path": found.path,
        "type": found.type,
        "doc": found.doc,
        "required": found.required,
        "default": found.default,
        "choices": list(found.choices),
        "bounds": found.bounds,
        "change": found.change,
        "effect": found.effect,
        "flag": found.flag,
        "example": found.example,
        "fields": [field_json(child) for child in found.children],
    }
