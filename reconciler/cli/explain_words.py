"""What the words after `reconciler explain` ask for: a field, or an engine flag, as people and messages write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.core.arguments.catalog import assumed_table
from reconciler.core.arguments.options import key_of
from reconciler.spec.explanations import explain
from reconciler.spec.foreign_words import home_of
from reconciler.spec.kinds import KINDS

#: What people call a ModelDeployment, and paths that begin inside one.
SHORT = {"deployment": "ModelDeployment", "deployments": "ModelDeployment", "md": "ModelDeployment"}
INSIDE = frozenset({"spec", "metadata"})


def subjects(words: Sequence[str]) -> Iterator[str]:
    """Paths from a kind on, and flags with their dashes; the value after a flag (`-ngl 99`) is not asked for."""
    flag_before = False
    for word in words:
        is_flag = word.startswith("-")
        if is_flag or not flag_before or _names_kind(word):
            yield word if is_flag else _subject(word)
        flag_before = is_flag


def _subject(word: str) -> str:
    if _names_kind(word):
        return _full_path(word)
    top = word.partition(".")[0].partition("[")[0]
    if any(child.name.casefold() == top.casefold() for child in explain("ModelDeployment.spec").children):
        return f"ModelDeployment.spec.{word}"
    if assumed_table().by_key(key_of(word)) is not None:
        return f"--{key_of(word)}"
    home = home_of(word)
    if home.startswith("spec.args."):
        return f"--{home.removeprefix('spec.args.')}"
    return _full_path(home or word)


def _names_kind(word: str) -> bool:
    first = word.partition(".")[0].casefold()
    return (
        first in INSIDE or first in SHORT or any(first in {k.casefold(), f"{k.casefold()}s"} for k in KINDS)
    )


def _full_path(word: str) -> str:
    first, dot, rest = word.partition(".")
    if first.casefold() in INSIDE:
        return f"ModelDeployment.{word}"
    return SHORT.get(first.casefold(), first) + dot + rest
