"""Reads llama-server's command line by the tables: what is to be set, or which word is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from reconciler.host.embedded.model_tables import INFORMATION
from reconciler.host.embedded.options import Added, Option, Settings
from reconciler.host.embedded.tables import OPTIONS


class ArgumentWrong(Exception):
    """One line that names the option and says what would be right."""


def parse(argv: Sequence[str]) -> Settings:
    """The settings in the order of `argv`; the last of several uses counts, lists grow."""
    found: dict[str, object] = {}
    words = iter(argv)
    for word in words:
        option, negated = _option(word)
        if negated:
            _merge(found, option.unsets or {})
        elif option.takes_value:
            _merge(found, _valued(option, word, next(words, None)))
        else:
            _merge(found, option.sets(None))
    return found


def asked_for(argv: Sequence[str]) -> str:
    """`--help`, `--version` or `--list-devices`, where one of them is asked for; it comes before all checks."""
    for option in INFORMATION:
        if any(_normal(word) in option.names for word in argv):
            return option.names[-1] if "--help" not in option.names else "--help"
    return ""


def _option(word: str) -> tuple[Option, bool]:
    name = _normal(word)
    if name in _POSITIVE:
        return _POSITIVE[name], False
    if name in _NEGATIVE:
        return _NEGATIVE[name], True
    near = difflib.get_close_matches(name, [*_POSITIVE, *_NEGATIVE], n=1, cutoff=0.8)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ArgumentWrong(f"invalid argument: {word} (the embedded engine does not support it{hint})")


def _valued(option: Option, word: str, value: str | None) -> Settings:
    if value is None:
        raise ArgumentWrong(f"{word} needs a value: {option.metavar}")
    try:
        return option.sets(value)
    except ValueError as error:
        raise ArgumentWrong(f"invalid value for {word}: {value!r}: {error}") from error


def _merge(found: dict[str, object], settings: Settings) -> None:
    for name, value in settings.items():
        before = found.get(name)
        if isinstance(value, Added) and isinstance(before, Added):
            found[name] = Added((*before.items, *value.items))
        elif isinstance(value, dict) and isinstance(before, dict):
            found[name] = {**before, **value}
        else:
            found[name] = value


def _normal(word: str) -> str:
    """llama-server reads `--ctx_size` as `--ctx-size`; short names have no such twin."""
    return word.replace("_", "-") if word.startswith("--") else word


_POSITIVE: Mapping[str, Option] = {name: option for option in OPTIONS for name in option.names}
_NEGATIVE: Mapping[str, Option] = {name: option for option in OPTIONS for name in option.negative}
