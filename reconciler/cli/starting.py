"""From the words of a command line to the verb that they name."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from reconciler.cli import exit_codes
from reconciler.cli.parsers import did_you_mean, parser_of
from reconciler.cli.verbs import GROUPS, VERBS, Verb, load, verbs_of
from reconciler.errors import CommandLineWrong

HELP = ("-h", "--help")

#: What documentation and habit promise and this version does not have.
TO_COME = frozenset(
    """
    serve plan diff apply delete status describe logs events start stop restart reset pause resume cancel top wait
    estimate render
    """.split()  # noqa: SIM905 - a word list is read at a glance
)


def start(argv: Sequence[str]) -> int:
    """Runs the verb and returns its exit code."""
    words = _translated(argv)
    if not words:
        print(overview(), file=sys.stderr)
        return exit_codes.COMMAND_LINE_WRONG
    if words[0] in HELP:
        print(overview())
        return exit_codes.DONE
    if words[0] in GROUPS and (words[1:2] == [] or words[1] in HELP):
        print(group_overview(words[0]), file=sys.stdout if words[1:] else sys.stderr)
        return exit_codes.DONE if words[1:] else exit_codes.COMMAND_LINE_WRONG
    return _run(find(words), words)


def find(words: Sequence[str]) -> Verb:
    """The verb that the first words name; raises with the nearest one."""
    for length in (2, 1):
        for verb in VERBS:
            if verb.words == " ".join(words[:length]):
                return verb
    raise _unknown(words)


def overview() -> str:
    """The help of `reconciler` itself."""
    return (
        "usage: reconciler VERB [OPTION...]\n\n"
        "Keeps a machine's local LLM servers in the state that YAML manifests declare.\n\n"
        f"{_listed(VERBS)}\n\n"
        "options:\n  -h, --help     this text; after a verb: its options and examples\n"
        "  --version      print the versions\n\n"
        "examples:\n"
        "  reconciler init manifests/ --models /srv/models\n"
        "  reconciler validate manifests/\n"
        "  reconciler explain modeldeployment.spec.context\n\n"
        f"{_exit_codes()}"
    )


def group_overview(group: str) -> str:
    return f"usage: reconciler {group} VERB [OPTION...]\n\n{GROUPS[group]}\n\n{_listed(verbs_of(group))}"


def _run(verb: Verb, words: Sequence[str]) -> int:
    parser = parser_of(verb)
    try:
        options = parser.parsed(words[len(verb.words.split()) :])
    except SystemExit:
        # argparse's own end after it has printed the help.
        return exit_codes.DONE
    return load(verb).run(options)


def _translated(argv: Sequence[str]) -> list[str]:
    """`help VERB` and `--version` are habits, not verbs."""
    words = list(argv)
    if words[:1] == ["help"]:
        return [*words[1:], "--help"]
    if words[:1] in (["--version"], ["-V"]):
        return ["version", *words[1:]]
    return words


def _unknown(words: Sequence[str]) -> CommandLineWrong:
    first, *rest = words
    if first in GROUPS:
        return _unknown_of_group(first, rest[0])
    next_step = "see reconciler --help"
    if first.startswith("-"):
        return CommandLineWrong(
            f"Cannot understand {first}: options stand after the verb", next_step=next_step
        )
    if first in TO_COME:
        return CommandLineWrong(
            f"there is no verb {first!r} yet: this version checks manifests and does not act on them",
            next_step=next_step,
        )
    known = [*(verb.words for verb in VERBS), *GROUPS]
    guess = did_you_mean(" ".join(words[:2]), known) or did_you_mean(first, known)
    return CommandLineWrong(f"there is no verb {first!r}{guess}", next_step=next_step)


def _unknown_of_group(group: str, word: str) -> CommandLineWrong:
    known = [verb.words.partition(" ")[2] for verb in verbs_of(group)]
    listed = ", ".join(known)
    if word.startswith("-"):
        message = (
            f"Cannot understand {group} {word}: options stand after the word that follows {group} ({listed})"
        )
    else:
        message = f"there is no verb '{group} {word}'{did_you_mean(word, known) or f' (one of {listed})'}"
    return CommandLineWrong(message, next_step=f"see reconciler {group} --help")


def _listed(verbs: Sequence[Verb]) -> str:
    width = max(len(verb.words) for verb in VERBS)
    return "verbs:\n" + "\n".join(f"  {verb.words:<{width}}   {verb.summary}" for verb in verbs)


def _exit_codes() -> str:
    lines = (f"  {code:>3}  {meaning}" for code, meaning in exit_codes.MEANINGS.items())
    return "\n".join(("exit codes:", *lines))
