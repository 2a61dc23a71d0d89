"""Writes accepted settings as the argv of one build: its spellings, its value forms, never `--x=y`.

Deterministic: the same settings give the same tokens. What goes through unvouched comes last, bare flags at the very
end, so that an option whose form we misjudge cannot swallow one of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from reconciler.core.arguments.options import Kind, Many, Option, Tier
from reconciler.core.arguments.settings import Setting
from reconciler.core.arguments.values import Scalar, Value, is_path_like
from reconciler.errors import PathRefused


def emit(settings: Iterable[Setting], resolved: Mapping[str, str] | None = None) -> list[str]:
    """All settings as argv. `resolved` maps each path as written to the absolute one that the host allowed."""
    ordered = sorted(settings, key=_rank)
    return [token for setting in ordered for token in tokens_of(setting.option, setting.value, resolved)]


def _rank(setting: Setting) -> int:
    if setting.option.tier is not Tier.UNKNOWN:
        return 0
    return 2 if isinstance(setting.value, bool) else 1


def tokens_of(option: Option, value: Value, resolved: Mapping[str, str] | None = None) -> list[str]:
    """The tokens of one option, or none where the value is what the build does anyway.

    Without `resolved`, paths stay as written: for people to read, never for an engine to open.
    """
    if isinstance(value, bool):
        return _flag(option, on=value)
    if option.kind is Kind.SCALED_PATH and isinstance(value, tuple):
        return [token for pair in value for token in _scaled(option, pair, resolved)]
    if not isinstance(value, tuple):
        return [option.spelling, _text(option, value, resolved)]
    texts = [_text(option, item, resolved) for item in value if not isinstance(item, tuple)]
    if option.many is Many.COMMA:
        return [option.spelling, ",".join(texts)]
    if option.arity == 2:
        return [option.spelling, *texts]
    return [token for text in texts for token in (option.spelling, text)]


def cannot_switch_off(option: Option, value: Value) -> bool:
    """Whether `false` was asked of a flag that is on and has no name to switch it off."""
    return value is False and option.kind is Kind.FLAG and option.default_on and not option.negative


def _flag(option: Option, *, on: bool) -> list[str]:
    if on:
        return [option.spelling] if option.spelling else []
    if option.negative:
        return [next((name for name in option.negative if name.startswith("--")), option.negative[0])]
    return []


def _scaled(option: Option, pair: object, resolved: Mapping[str, str] | None) -> list[str]:
    if not (isinstance(pair, tuple) and len(pair) == 2):
        return []
    path, factor = _confined(option, str(pair[0]), resolved), number_text(pair[1])
    if option.arity == 2:
        return [option.spelling, path, factor]
    if ":" in path:
        raise PathRefused(f"Cannot pass {path} to {option.spelling}: the engine splits it at ':'")
    return [option.spelling, _csv(f"{path}:{factor}") if option.csv else f"{path}:{factor}"]


def _text(option: Option, value: Scalar, resolved: Mapping[str, str] | None) -> str:
    if not isinstance(value, str):
        return number_text(value)
    is_path = option.kind is Kind.PATH or (option.tier is Tier.UNKNOWN and is_path_like(value))
    text = _confined(option, value, resolved) if is_path else value
    return _csv(text) if option.csv else text


def _confined(option: Option, text: str, resolved: Mapping[str, str] | None) -> str:
    if resolved is None:
        return text
    if text not in resolved:
        raise PathRefused(f"Cannot pass {text} to {option.spelling}: nobody has confined it")
    return resolved[text]


def number_text(value: float) -> str:
    """The shortest text that reads back as the same number, without an exponent."""
    return str(value) if isinstance(value, int) else format(Decimal(repr(value)), "f")


def _csv(text: str) -> str:
    if "," not in text and '"' not in text:
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
