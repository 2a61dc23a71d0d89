"""Splits `extraArgs` the way the engine's own parser walks argv: an option, then as many values as it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.core.arguments.options import Kind, OptionTable, Spelled, Tier
from reconciler.core.arguments.values import shown

_LOOKS_LIKE_OPTION = re.compile(r"-{1,2}[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Written:
    """One option with its values as they stand in argv. `wrong` says why it cannot be read."""

    index: int
    name: str
    spelled: Spelled | None
    values: tuple[str, ...] = ()
    wrong: str = ""
    hint: str = ""


def looks_like_option(text: str) -> bool:
    return bool(_LOOKS_LIKE_OPTION.match(text))


def read_tokens(tokens: Sequence[object], options: OptionTable) -> Iterator[Written]:
    """Each option in turn. After an unknown one, what cannot be an option is taken for its values."""
    index = 0
    while index < len(tokens):
        read = _read(tokens, index, options)
        yield read
        index += 1 + len(read.values)


def _read(tokens: Sequence[object], index: int, options: OptionTable) -> Written:
    token = tokens[index]
    if not isinstance(token, str):
        return Written(
            index, "", None, wrong=f"must be text, not {shown(token)}", hint=f'write "{shown(token)}"'
        )
    name, equals, _ = token.partition("=")
    if not looks_like_option(token):
        hint = "each value follows its option as a token of its own"
        return Written(index, "", None, wrong=f"{shown(token)} belongs to no option", hint=hint)
    word, space, _ = token.partition(" ")
    if space and options.by_token(word) is not None:
        hint = f'write "{word}" and its value as two tokens, each in its quotes'
        return Written(
            index, word, options.by_token(word), wrong=f"{word} and its value are one token", hint=hint
        )
    if equals and options.by_token(token) is None:
        hint = f'the engine has no --name=value form: write "{name}", "value"'
        return Written(index, name, options.by_token(name), wrong=f"{name}= is one token", hint=hint)
    spelled = options.by_token(token)
    values = _values(tokens, index + 1, spelled, options)
    wrong = _missing(name, spelled, values)
    return Written(index, token, spelled, values, wrong)


def _values(
    tokens: Sequence[object], start: int, spelled: Spelled | None, options: OptionTable
) -> tuple[str, ...]:
    texts: list[str] = []
    limit = _arity(spelled)
    for index in range(start, len(tokens)):
        token = tokens[index]
        if len(texts) == limit or not isinstance(token, str):
            break
        # The engine would swallow an option as a value; what somebody meant is that the value is missing.
        if options.by_token(token) is not None or (not _certain(spelled) and looks_like_option(token)):
            break
        texts.append(token)
    return tuple(texts)


def _arity(spelled: Spelled | None) -> int:
    if spelled is None:
        return 1_000_000
    option = spelled.option
    if not spelled.positive:
        return 0
    return 1 if option.tier is Tier.UNKNOWN and not option.arity_certain else option.arity


def _certain(spelled: Spelled | None) -> bool:
    return spelled is not None and spelled.option.arity_certain


def _missing(name: str, spelled: Spelled | None, values: tuple[str, ...]) -> str:
    if spelled is None or (spelled.option.tier is Tier.UNKNOWN and not spelled.option.arity_certain):
        return ""
    wanted = _arity(spelled)
    if len(values) >= wanted:
        return ""
    needs = "a value" if wanted == 1 else f"{wanted} values"
    kind = "" if spelled.option.kind is Kind.ANY else f" ({spelled.option.kind})"
    return f"{name} needs {needs}{kind}"
