"""The table of verbs. `reconciler --help` is printed from it alone: no verb is imported before it is asked for."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import Protocol, cast


@dataclass(frozen=True, slots=True)
class Verb:
    """`words` is what people type: one word, or a group and a word of it."""

    words: str
    summary: str

    @property
    def module(self) -> str:
        name = self.words.replace(" ", "_")
        return f"reconciler.cli.{name}{'_' if iskeyword(name) else ''}"


class VerbModule(Protocol):
    """What the file of a verb offers."""

    #: Below the usage line in the help, and in the reference.
    DESCRIPTION: str
    #: Command lines that work, each with what it is good for.
    EXAMPLES: Sequence[tuple[str, str]]

    def arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, options: argparse.Namespace) -> int: ...


VERBS = (
    Verb("demo", "run a tiny model of our own, to try every API with curl"),
    Verb("init", "write a Host and a deployment for each model file found"),
    Verb("import", "turn the configuration of another program into manifests"),
    Verb("validate", "report every problem of manifests, all at once"),
    Verb("explain", "say what a field, a kind or an engine flag means"),
    Verb("get runtimes", "list the engine binaries and what is wrong with them"),
    Verb("get host", "print the settings of this machine and where each is from"),
    Verb("keys new", "make an API key and the Client manifest with its hash"),
    Verb("keys hash", "print the hash of a key that is typed or piped in"),
    Verb("completion", "print the completion script of a shell"),
    Verb("version", "print the versions of reconciler and what it stands on"),
)

#: What the first words of two-word verbs are about.
GROUPS = {
    "get": "list what is known of this machine",
    "keys": "make and hash the keys of API clients",
}


def load(verb: Verb) -> VerbModule:
    return cast("VerbModule", importlib.import_module(verb.module))


def verbs_of(group: str) -> tuple[Verb, ...]:
    return tuple(verb for verb in VERBS if verb.words.startswith(f"{group} "))
