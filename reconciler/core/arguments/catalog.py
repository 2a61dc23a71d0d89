"""Joins what a build offers (`help`) with what we know (`known_*`): one OptionTable per binary.

Names, arity, choices, defaults and environment twins come from the build; danger, owner and exact type from us.
What the build offers and we do not know becomes UNKNOWN, or DENY where its name or value hint sounds dangerous.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache, lru_cache

from reconciler.core.arguments import known_compute, known_serving
from reconciler.core.arguments.help import Offer, parse_help
from reconciler.core.arguments.known import Known
from reconciler.core.arguments.options import Kind, Many, Option, OptionTable, Tier, fold_token, key_of
from reconciler.core.arguments.refusals import REPLACED, dangerous_word

KNOWN: tuple[Known, ...] = (*known_compute.ROWS, *known_serving.ROWS)
_BY_SPELLING = {spelling: row for row in KNOWN for spelling in row.spellings}
_REMOVED_FROM_LLAMA_CPP = frozenset(
    {"draft", "draft-min", "spec-ngram-size-n", "spec-ngram-size-m", "spec-ngram-min-hits"}
)
_FILE_HINT = re.compile(r"\b(FNAME|FILE|FILENAME|PATH)\b")
_DANGEROUS_HINT = re.compile(
    r"\b(DIR|DIRECTORY|URL|URI|HOST|PORT|CMD|COMMAND|SCRIPT|ADDR\w*|TOKEN|KEY|SERVERS?)\b"
)
_UNVOUCHED = "reconciler does not know it, and {word!r} suggests that it executes, writes, fetches or listens"


@lru_cache(maxsize=16)
def option_table(help_text: str) -> OptionTable:
    """The options of the binary that printed this text; several Runtimes often share one."""
    return _join(parse_help(help_text), probed=True)


@cache
def assumed_table() -> OptionTable:
    """Stands in while no binary can be asked: the options of current llama.cpp."""
    return _join(tuple(_offer_of(row) for row in KNOWN if not row.fork), probed=False)


def _join(offers: Sequence[Offer], *, probed: bool) -> OptionTable:
    flags = {name for offer in offers if offer.arity == 0 for name in offer.names}
    groups: dict[str, tuple[Known | None, list[Offer]]] = {}
    for offer in offers:
        row = _known(offer)
        name = row.name if row else _unknown_name(offer, flags)
        groups.setdefault(name, (row, []))[1].append(offer)
    return OptionTable(
        tuple(
            _known_option(row, found, probed=probed) if row else _unknown_option(name, found)
            for name, (row, found) in groups.items()
        ),
        probed=probed,
    )


def trusted(key: str) -> Option | None:
    """An option that current llama.cpp lacks and another build may have: what to go by without a binary."""
    row = _BY_SPELLING.get(f"--{key}") or _BY_SPELLING.get(f"-{key}")
    if row is None or not (row.fork or row.name in _REMOVED_FROM_LLAMA_CPP):
        return None
    return replace(_known_option(row, [replace(_offer_of(row), removed="")], probed=False), only_forks=True)


def is_known(key: str) -> bool:
    """Whether the tables have this name, with one dash or two, whatever a build offers."""
    return f"--{key}" in _BY_SPELLING or f"-{key}" in _BY_SPELLING


def _known(offer: Offer) -> Known | None:
    """Long names decide: a fork may use a short one for something else. `--no-x` alone belongs to `--x`."""
    long = [name.replace("_", "-") for name in offer.names if name.startswith("--")]
    opposites = [f"--{name[5:]}" for name in long if name.startswith("--no-") and offer.arity == 0]
    names = (*(long or offer.names), *opposites)
    return next((row for name in names if (row := _BY_SPELLING.get(name))), None)


def _unknown_name(offer: Offer, flags: Iterable[str]) -> str:
    name = next((name for name in offer.names if name.startswith("--")), offer.names[0])
    opposite = f"--{name.removeprefix('--no-')}"
    if offer.arity == 0 and name.startswith("--no-") and opposite in flags:
        return key_of(opposite)
    return key_of(name)


def _known_option(row: Known, offers: list[Offer], *, probed: bool) -> Option:
    no = {*row.no.split(), *(f"--no-{key_of(name)}" for name in row.names.split())}
    negative = tuple(
        name
        for offer in offers
        for name in offer.names
        if name in offer.negative or (no & set(offer.names) and name not in row.names.split())
    )
    positive = tuple(name for offer in offers for name in offer.names if name not in negative)
    main = next((offer for offer in offers if set(offer.names) & set(positive)), offers[0])
    kind, arity, certain = _shape(row, main, has_positive=bool(positive))
    removed = main.removed
    return Option(
        name=row.name,
        kind=kind,
        tier=Tier.DENY if removed else row.tier,
        positive=positive,
        negative=negative,
        spelling=_spelling(row.emit, positive),
        arity=arity,
        arity_certain=certain,
        many=row.many,
        csv=main.csv and kind in (Kind.PATH, Kind.SCALED_PATH) and row.many is Many.REPEAT,
        choices=main.choices or (() if probed and kind is Kind.ENUM else tuple(row.choices.split())),
        default=main.default,
        default_on=any(offer.default_on for offer in offers) or (row.default_on and not positive),
        env=next((offer.env for offer in offers if offer.env), ""),
        owner=row.owner,
        instead=row.instead,
        risk=row.risk,
        suffixes=tuple(row.suffixes.split()),
        low=row.low,
        high=row.high,
        if_true=row.if_true,
        sampling=row.sampling,
        removed=removed,
        deprecated=main.deprecated,
    )


def _shape(row: Known, offer: Offer, *, has_positive: bool) -> tuple[Kind, int, bool]:
    """Kind, arity and whether the arity is beyond doubt."""
    if not has_positive:
        return Kind.FLAG, 0, True
    if offer.arity == 0:
        if row.kind in (Kind.FLAG, Kind.SWITCH):
            return Kind.FLAG, 0, True
        return row.kind, row.arity, False  # old help texts forget the hint of some options
    if row.kind is Kind.FLAG:
        return (Kind.SWITCH if offer.choices else Kind.ANY), offer.arity, True
    return row.kind, offer.arity, True


def _spelling(preferred: str, positive: tuple[str, ...]) -> str:
    """The parser folds `_` to `-` in long names, so that only the folded form is safe to write."""
    if preferred in positive:
        return preferred
    return fold_token(
        next((name for name in positive if name.startswith("--")), positive[0] if positive else "")
    )


def _unknown_option(name: str, offers: list[Offer]) -> Option:
    negative = tuple(
        spelled
        for offer in offers
        for spelled in offer.names
        if spelled in offer.negative or f"--no-{name}" in offer.names
    )
    positive = tuple(spelled for offer in offers for spelled in offer.names if spelled not in negative)
    main = offers[0]
    option = Option(
        name=name,
        kind=_unknown_kind(main),
        tier=Tier.UNKNOWN,
        positive=positive,
        negative=negative,
        spelling=_spelling("", positive),
        arity=main.arity,
        arity_certain=main.arity > 0,
        choices=main.choices,
        default=main.default,
        default_on=main.default_on,
        env=main.env,
    )
    word = next((word for key in option.keys if (word := dangerous_word(key))), "")
    if not word and (hinted := _DANGEROUS_HINT.search(main.hint)):
        word = hinted.group(0)
    return replace(option, tier=Tier.DENY, risk=_UNVOUCHED.format(word=word)) if word else option


def _unknown_kind(offer: Offer) -> Kind:
    if offer.choices:
        return Kind.ENUM
    return Kind.PATH if _FILE_HINT.search(offer.hint) else Kind.ANY


def _offer_of(row: Known) -> Offer:
    scaled = row.kind is Kind.SCALED_PATH
    removed = row.name in _REMOVED_FROM_LLAMA_CPP
    return Offer(
        positive=tuple(row.names.split()),
        negative=tuple(row.no.split()),
        hint="" if row.kind is Kind.FLAG else "VALUE",
        arity=0 if row.kind is Kind.FLAG else row.arity,
        choices=tuple(row.choices.split()),
        default="",
        default_on=row.default_on,
        env="",
        csv=scaled or row.many is Many.REPEAT,
        removed=" or ".join(text for _, text in REPLACED.get(row.name, ())[:1]) if removed else "",
        deprecated=False,
    )
