"""`reconciler explain`: the reference documentation, where the question comes up."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from reconciler.cli.exit_codes import DONE
from reconciler.cli.outputs import print_json
from reconciler.cli.parsers import UNKNOWN_OPTION_TIP, output_option

DESCRIPTION = """\
Says of a field: its type, default and bounds, what changing it does, an example, and the llama.cpp flag
that it becomes. Of an engine flag: the field that sets it, or how to write it in args, or why nobody may.
Without an argument it lists the kinds."""
EXAMPLES = (
    ("reconciler explain modeldeployment.spec.context.kvType", "a field; upper and lower case are the same"),
    ("reconciler explain host --recursive", "everything that a kind may hold"),
    ("reconciler explain -- -ngl", "the field behind an engine flag"),
)


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
    from reconciler.cli.field_explanations import field_lines, tree_lines
    from reconciler.cli.flag_explanations import flag_lines
    from reconciler.spec.explanations import explain

    if word.startswith("-"):
        return flag_lines(word)
    return (tree_lines if recursive else field_lines)(explain(word))


def _as_object(word: str) -> dict[str, Any]:
    from reconciler.cli.field_explanations import field_json
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
