"""`reconciler keys hash`: the hash of a key that already exists."""

from __future__ import annotations

import argparse
import sys

from reconciler.cli.exit_codes import DONE
from reconciler.cli.keys_new import key_hash
from reconciler.cli.outputs import print_json
from reconciler.cli.parsers import output_option
from reconciler.errors import CommandLineWrong, ReconcilerError

DESCRIPTION = """\
Reads a key from stdin (a terminal asks for it without showing it) and prints the hash that a Client
manifest holds. A key on the command line is refused: it would stay in the shell's history and everyone
on the machine could see it in the list of processes."""
EXAMPLES = (
    ("reconciler keys hash < key.txt", "a key from a file"),
    ("pass show alice | reconciler keys hash", "a key from a password store"),
)

SHORT = 20


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("given", nargs="*", help=argparse.SUPPRESS)
    output_option(parser, "text", "json")


def run(options: argparse.Namespace) -> int:
    if options.given:
        raise CommandLineWrong(
            "Cannot take a key from the command line: it is in the shell's history and the process list now",
            next_step="make a new one (reconciler keys new NAME), or pipe it: reconciler keys hash < FILE",
        )
    key = _checked(_read())
    if len(key) < SHORT:
        print(f"warning: a key of {len(key)} characters can be guessed", file=sys.stderr)
    found = key_hash(key)
    if options.output == "json":
        print_json({"hash": found})
    else:
        print(found)
    return DONE


def _read() -> str:
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass("Key: ")
    try:
        return sys.stdin.buffer.read(1 << 16).decode()
    except UnicodeDecodeError:
        raise ReconcilerError("Cannot hash what is on stdin: it is no text") from None


def _checked(text: str) -> str:
    words = text.split()
    if not words:
        raise ReconcilerError("Cannot hash an empty key", next_step="reconciler keys hash < FILE")
    if len(words) > 1:
        raise ReconcilerError(
            "Cannot hash what is on stdin: a key has no spaces and is one line",
            next_step="pipe one key alone",
        )
    return words[0]
