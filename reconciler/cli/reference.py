"""docs/cli.md, printed from the table of verbs and the parsers: `python -m reconciler.cli.reference`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from reconciler.cli.exit_codes import MEANINGS
from reconciler.cli.parsers import Parser, parser_of
from reconciler.cli.verbs import VERBS, Verb, load

_OPENING = """\
# Command line

This page is generated: `python -m reconciler.cli.reference > docs/cli.md`.

Every verb has `--help` with its options and examples. Tables are plain text where the output is no terminal,
`NO_COLOR` is honoured, and `-o json` prints JSON with stable keys on stdout alone; messages go to stderr.
`RECONCILER_TRACEBACK=1` adds the traceback to the message of a failure.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join(
        (_OPENING, *_summary(), *(line for verb in VERBS for line in _verb(verb)), *_exit_codes())
    )


def _summary() -> Iterator[str]:
    yield "| verb | what it does |"
    yield "|---|---|"
    for verb in VERBS:
        yield f"| [`{verb.words}`](#{_anchor(verb)}) | {verb.summary} |"
    yield ""


def _verb(verb: Verb) -> Iterator[str]:
    module, parser = load(verb), parser_of(verb)
    yield f"## reconciler {verb.words}\n"
    yield f"    {usage(parser)}\n"
    yield f"{module.DESCRIPTION}\n"
    for action in parser.actions:
        if action.dest != "help":
            yield f"- `{_name(action)}` — {(action.help or '').replace('%%', '%')}"
    yield "\n```sh"
    for command, purpose in module.EXAMPLES:
        yield f"# {purpose}\n{command}"
    yield "```\n"


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes\n"
    yield "| code | meaning |"
    yield "|---:|---|"
    for code, meaning in MEANINGS.items():
        yield f"| {code} | {meaning} |"


def usage(parser: Parser) -> str:
    """One line. argparse's own changes its form between versions of Python, and the page must not."""
    words = [_usage_word(action) for action in parser.actions if action.dest != "help"]
    return " ".join((parser.prog, *words))


def _usage_word(action: argparse.Action) -> str:
    if not action.option_strings:
        return {"*": f"[{action.metavar}...]", "?": f"[{action.metavar}]", "+": f"{action.metavar}..."}.get(
            str(action.nargs), str(action.metavar)
        )
    value = "" if action.nargs == 0 else f" {action.metavar}"
    word = f"{action.option_strings[0]}{value}"
    return word if action.required else f"[{word}]"


def _name(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 or not action.option_strings else f" {action.metavar}"
    return (", ".join(action.option_strings) or str(action.metavar)) + value


def _anchor(verb: Verb) -> str:
    return f"reconciler-{verb.words.replace(' ', '-')}"


if __name__ == "__main__":
    print(reference())
