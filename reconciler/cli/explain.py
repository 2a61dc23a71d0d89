"""`reconciler explain`: the reference documentation, where the question comes up."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from reconciler.cli.exit_codes import DONE
from reconciler.cli.outputs import as_yaml, print_json
from reconciler.cli.parsers import UNKNOWN_OPTION_TIP, output_option
from reconciler.cli.terminals import ink_for
from reconciler.spec.yaml_writing import scalar

if TYPE_CHECKING:
    from reconciler.spec.explanations import Explanation

DESCRIPTION = """\
Says of a field: its type, default and bounds, what changing it does, an example, and the llama.cpp flag
that it becomes. Of an engine flag: the field that sets it, or how to write it in args, or why nobody may.
Without an argument it lists the kinds."""
EXAMPLES = (
    ("reconciler explain modeldeployment.spec.context.kvType", "a field; upper and lower case are the same"),
    ("reconciler explain host --recursive", "everything that a kind may hold"),
    ("reconciler explain -- -ngl", "the field behind an engine flag"),
)

LABEL = 10


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words", nargs="*", metavar="FIELD", help="a kind, KIND.spec.FIELD, or engine flags after --"
    )
    parser.add_argument("-r", "--recursive", action="store_true", help="all fields below, with their types")
    output_option(parser, "text", "json")
    parser.set_defaults(
        **{UNKNOWN_OPTION_TIP: "engine flags stand after --, as in: reconciler explain -- -ngl"}
    )


def run(options: argparse.Namespace) -> int:
    from reconciler.cli.explain_words import subjects

    as_json, words = options.output == "json", list(subjects(options.words))
    if not words:
        _print_kinds(as_json=as_json)
    elif as_json:
        found = [_as_object(word) for word in words]
        print_json(found if len(found) > 1 else found[0])
    else:
        pages = ["\n".join(_lines(word, recursive=options.recursive)) for word in words]
        print("\n\n".join(pages))
    return DONE


def _lines(word: str, *, recursive: bool) -> Iterator[str]:
    from reconciler.cli.flag_explanations import flag_lines
    from reconciler.spec.explanations import explain

    if word.startswith("-"):
        return flag_lines(word)
    found = explain(word)
    return _recursive(found) if recursive else field_lines(found)


def _as_object(word: str) -> dict[str, Any]:
    from reconciler.cli.flag_explanations import flag_json
    from reconciler.spec.explanations import explain

    return flag_json(word) if word.startswith("-") else field_json(explain(word))


def _print_kinds(*, as_json: bool) -> None:
    from reconciler.spec.explanations import explain
    from reconciler.spec.kinds import API_VERSION, KINDS

    kinds = {kind: explain(kind).doc for kind in KINDS}
    if as_json:
        print_json({"apiVersion": API_VERSION, "kinds": kinds})
        return
    print(f"The kinds of {API_VERSION}:\n")
    for kind, doc in kinds.items():
        print(f"  {kind:<17}{doc}")


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


def _recursive(found: Explanation) -> Iterator[str]:
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
