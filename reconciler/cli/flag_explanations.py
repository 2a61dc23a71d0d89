"""`reconciler explain -- FLAG`: where an engine flag lives in manifests, by the argument policy's own table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.cli.field_explanations import LABEL, field_json, field_lines
from reconciler.core.arguments.catalog import assumed_table
from reconciler.core.arguments.options import Kind, Option, Tier, key_of
from reconciler.core.arguments.refusals import ELSEWHERE, NEVER_EXISTED, REPLACED
from reconciler.errors import CommandLineWrong
from reconciler.spec.explanations import Explanation, explain

_PLACES = "args of a ModelDeployment, of a Runtime, or of Host.spec.defaults"
_SAMPLES: dict[Kind, str] = {
    Kind.FLAG: "true",
    Kind.SWITCH: "auto",
    Kind.INTEGER: "8",
    Kind.NUMBER: "0.5",
    Kind.PATH: "file.txt",
}


def flag_lines(flag: str) -> Iterator[str]:
    """What to write instead of a flag of the engine."""
    option = _option(flag)
    if option is None:
        yield _gone(flag)
        return
    yield f"{', '.join((*option.positive, *option.negative))}   {option.kind}"
    yield ""
    for label, text in _facts(option):
        yield f"  {label:<{LABEL}}{text}"
    if (owner := _owner(option)) is not None:
        yield ""
        yield from field_lines(owner)


def flag_json(flag: str) -> dict[str, Any]:
    option = _option(flag)
    if option is None:
        return {"flag": flag, "known": False, "message": _gone(flag)}
    owner = _owner(option)
    return {
        "flag": flag,
        "known": True,
        "name": option.name,
        "names": [*option.positive, *option.negative],
        "type": str(option.kind),
        "choices": list(option.choices),
        "tier": str(option.tier),
        "why": option.risk,
        "instead": option.instead,
        "field": field_json(owner) if owner else None,
    }


def _option(flag: str) -> Option | None:
    """The option, or None for one that engines had once; any other word is refused."""
    name = flag.partition("=")[0]
    table = assumed_table()
    if (found := table.by_token(name) or table.by_key(key_of(name))) is not None:
        return found.option
    key = key_of(name)
    if key in NEVER_EXISTED or key in ELSEWHERE or key in REPLACED:
        return None
    guess = table.nearest(key)
    raise CommandLineWrong(
        f"no engine option is named {name}",
        next_step=f"did you mean {_dashed(guess)}?"
        if guess
        else "llama-server --help lists what yours knows",
    )


def _gone(flag: str) -> str:
    key = key_of(flag.partition("=")[0])
    if key in REPLACED:
        return f"current llama.cpp has no {flag}; write {REPLACED[key][0][1]} in {_PLACES}"
    reason, instead = NEVER_EXISTED.get(key) or ELSEWHERE[key]
    return f"{flag} cannot be used: {reason}; {instead}"


def _facts(option: Option) -> Iterator[tuple[str, str]]:
    if option.owner:
        yield "field", option.owner
    elif option.tier in {Tier.SAFE, Tier.PATH}:
        yield "write", f"{option.name}: {_sample(option)}   in {_PLACES}"
    elif option.tier is Tier.UNKNOWN:
        yield "write", f"{option.name} in args, where the ArgPolicy passes it through"
    else:
        yield "refused", "in every manifest; no ArgPolicy lifts it"
    if option.choices and not option.owner:
        yield "one of", ", ".join(option.choices)
    if option.risk:
        yield "mind", option.risk
    if option.instead:
        yield "instead", option.instead
    if option.sampling:
        yield "mind", "requests may change it; spec.request.defaults is the place for a default"


def _sample(option: Option) -> str:
    return option.choices[0] if option.choices else _SAMPLES.get(option.kind, "...")


def _owner(option: Option) -> Explanation | None:
    """The field that becomes the option."""
    if not option.owner:
        return None
    inside = option.owner.startswith("spec.")
    return explain(f"ModelDeployment.{option.owner}" if inside else option.owner)


def _dashed(key: str) -> str:
    return f"-{key}" if len(key) <= 1 else f"--{key}"
