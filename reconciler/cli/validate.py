"""`reconciler validate`: every problem of a set of manifests at once, without a controller."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reconciler.cli.exit_codes import DONE, MANIFESTS_INVALID
from reconciler.cli.outputs import print_json
from reconciler.cli.parsers import manifests_option, output_option
from reconciler.cli.terminals import ink_for, printable
from reconciler.errors import CommandLineWrong

if TYPE_CHECKING:
    from reconciler.control.preparations import Preparation
    from reconciler.control.sources import Reading
    from reconciler.spec.diagnostics import Diagnostic

DESCRIPTION = """\
Reads manifest files and directories of them, and prints everything that is wrong, each with its place:
file:line:column: field: what is wrong (what would be right).

What is wrong with the text is an error. What this machine lacks (a file, a binary, a GPU) is a warning,
because it heals when the machine does; --strict counts all warnings as errors. Exit code 3 means errors."""
EXAMPLES = (
    ("reconciler validate manifests/", "a tree, against this machine"),
    ("reconciler validate -f manifests/ --no-machine --strict", "in CI, where the models and GPUs are not"),
    ("kubectl kustomize overlay | reconciler validate -f -", "what another tool prints"),
    ("reconciler validate manifests/ --commands", "with the engine's command line of each deployment"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="a manifest, a directory of them, or - for stdin"
    )
    manifests_option(parser, "a manifest or a directory")
    parser.add_argument("--strict", action="store_true", help="count warnings as errors")
    parser.add_argument(
        "--no-machine", action="store_true", help="look at the text alone, not at files, binaries and GPUs"
    )
    parser.add_argument(
        "--commands", action="store_true", help="print the command line that each valid deployment becomes"
    )
    output_option(parser, "text", "json")


def run(options: argparse.Namespace) -> int:
    from reconciler.control.sources import read_sources

    reading = read_sources(_named_paths(options), environ=os.environ, look_at_machine=not options.no_machine)
    commands = (
        {one.name: _command(one) for one in reading.preparations if not one.errors}
        if options.commands
        else {}
    )
    if options.output == "json":
        print_json(_as_object(reading, commands, strict=options.strict))
    else:
        _print(reading, commands, strict=options.strict)
        if options.no_machine:
            print("not checked: files, binaries and GPUs of this machine")
    return DONE if _counts_as_valid(reading, strict=options.strict) else MANIFESTS_INVALID


def _named_paths(options: argparse.Namespace) -> list[str]:
    """Positional paths and those of -f."""
    paths = [*options.paths, *options.file]
    if not paths:
        raise CommandLineWrong(
            "Cannot tell which manifests are meant",
            next_step="name a file or a directory: reconciler validate DIR",
        )
    return paths


def _counts_as_valid(reading: Reading, *, strict: bool) -> bool:
    return reading.is_valid and not (strict and reading.diagnostics)


def _print(reading: Reading, commands: dict[str, list[str]], *, strict: bool) -> None:
    for line in _told(reading.diagnostics):
        print(line)
    for name, command in commands.items():
        print(f"{name}: {printable(shlex.join(command))}")
    if not reading.files:
        print("warning: no manifest found; their names end in .yaml or .yml", file=sys.stderr)
    elif not reading.tree.objects and not reading.diagnostics:
        print("warning: nothing is declared; begin with reconciler init DIR", file=sys.stderr)
    print(_summary(reading, strict=strict))


def _told(diagnostics: Sequence[Diagnostic]) -> Iterator[str]:
    """With the line of the file and a caret for a person, one line each for everybody else."""
    from reconciler.spec.diagnostics import with_excerpt

    ink, columns = ink_for(sys.stdout), shutil.get_terminal_size().columns
    for one in diagnostics:
        if not sys.stdout.isatty():
            yield printable(str(one))
            continue
        place = f"{printable(one.file)}:{one.line}:{one.column}:"
        first, *rest = (_tabbed(line) for line in with_excerpt(one, columns=columns).split("\n"))
        paint = ink.red if one.is_error else ink.yellow
        yield "\n".join((first.replace(place, paint(place), 1), *rest))


def _tabbed(line: str) -> str:
    """Printable, with the tabs that keep the caret below its place."""
    return "\t".join(map(printable, line.split("\t")))


def _summary(reading: Reading, *, strict: bool) -> str:
    errors = sum(one.is_error for one in reading.diagnostics)
    warnings = len(reading.diagnostics) - errors
    found = [text for text in (_count(errors, "error"), _count(warnings, "warning")) if text]
    objects = _count(len(reading.tree.objects), "object") or "0 objects"
    files = _count(reading.files, "file") or "0 files"
    if _counts_as_valid(reading, strict=strict):
        are = "is" if len(reading.tree.objects) == 1 else "are"
        return f"{objects} in {files} {are} valid" + (f", {found[0]}" if found else "")
    faulty = len({one.file for one in reading.diagnostics})
    counted = " (--strict counts warnings as errors)" if strict and not errors else ""
    return f"{', '.join(found)} in {faulty} of {files}{counted}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""


def _command(preparation: Preparation) -> list[str]:
    """The command line as `ps` would show it; a port from the Host's range is chosen at the start."""
    from reconciler.core.arguments.redaction import redact_argv

    fixed = preparation.spec.port
    shown = redact_argv(preparation.command(fixed or 0))
    if not fixed and "--port" in shown:
        shown[shown.index("--port") + 1] = "PORT"
    return shown


def _as_object(reading: Reading, commands: dict[str, list[str]], *, strict: bool) -> dict[str, object]:
    from reconciler.spec.diagnostics import as_json

    errors = sum(one.is_error for one in reading.diagnostics)
    return {
        "valid": _counts_as_valid(reading, strict=strict),
        "files": reading.files,
        "objects": len(reading.tree.objects),
        "errors": errors,
        "warnings": len(reading.diagnostics) - errors,
        "diagnostics": as_json(reading.diagnostics),
    } | ({"commands": commands} if commands else {})
