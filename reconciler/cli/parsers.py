"""The parser of one verb: argparse with our exit code, guesses at what was meant, and examples in the help."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from reconciler.cli.verbs import Verb, load
from reconciler.errors import CommandLineWrong

#: A default of this name is said about every unknown option, in place of a guess.
UNKNOWN_OPTION_TIP = "unknown_option_tip"


class Parser(argparse.ArgumentParser):
    @property
    def actions(self) -> Sequence[argparse.Action]:
        """What the verb takes, for the reference and the completion scripts."""
        return tuple(action for action in self._actions if action.help != argparse.SUPPRESS)

    def error(self, message: str) -> NoReturn:
        raise CommandLineWrong(
            f"Cannot understand the command line: {message}", next_step=f"see {self.prog} --help"
        )

    def parsed(self, argv: Sequence[str]) -> argparse.Namespace:
        """The options; an unknown one is refused with the nearest that exists."""
        options, unknown = self.parse_known_args(argv)
        if unknown:
            self.error(self._unknown(unknown[0]))
        return options

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"{word!r} is one word too many"
        name = word.partition("=")[0]
        known = [option for action in self.actions for option in action.option_strings]
        tip = self.get_default(UNKNOWN_OPTION_TIP)
        return f"unknown option {name}{f' ({tip})' if tip else did_you_mean(name, known)}"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            guess = did_you_mean(str(value), choices) or f" (one of {', '.join(choices)})"
            raise argparse.ArgumentError(action, f"{str(value)!r} is not possible{guess}")


def parser_of(verb: Verb) -> Parser:
    module = load(verb)
    parser = Parser(
        prog=f"reconciler {verb.words}",
        description=module.DESCRIPTION,
        epilog=_examples(module.EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("-h", "--help", action="help", help="print this text")
    module.arguments(parser)
    return parser


def output_option(parser: argparse.ArgumentParser, *formats: str) -> None:
    """`-o`, the same everywhere; the first format is the default."""
    parser.add_argument(
        "-o",
        "--output",
        choices=formats,
        default=formats[0],
        metavar="FORMAT",
        help=f"what to print: {', '.join(formats)} (default {formats[0]})",
    )


def manifests_option(parser: argparse.ArgumentParser, what: str) -> None:
    """`-f`, the same everywhere."""
    parser.add_argument(
        "-f", "--file", action="append", default=[], metavar="PATH", help=f"{what}, repeatable"
    )


def port_number(text: str) -> int:
    """For `type=`: a TCP port."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port (1 to 65535)")
    return int(text)


def did_you_mean(word: str, known: Sequence[str]) -> str:
    # Imported where something is wrong already: it brings pydantic.
    from reconciler.spec.shapes import nearest

    guess = nearest(word, known)
    return f" (did you mean {guess}?)" if guess else ""


def _examples(examples: Sequence[tuple[str, str]]) -> str:
    lines = [f"  # {purpose}\n  {command}" for command, purpose in examples]
    return "examples:\n" + "\n\n".join(lines)
