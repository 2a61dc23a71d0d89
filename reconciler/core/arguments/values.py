"""Turns what somebody wrote, as YAML or as argv tokens, into a typed value, or says what would be right.

Nothing is coerced: "8", 8.9 and true are no integers. A value is kept as written; paths are resolved by the host.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.core.arguments.options import Kind, Many, Option, Tier
from reconciler.core.arguments.redaction import redact

Scalar = bool | int | float | str
Pair = tuple[str, float]
Value = Scalar | tuple[Scalar, ...] | tuple[Pair, ...]

_INT32 = (-(2**31), 2**31 - 1)
_WORD = re.compile(r"[\w.+-]+")
_PLAIN_PATH = re.compile(r"[\w./@%+-]+")


@dataclass(frozen=True, slots=True)
class Wrong:
    message: str
    hint: str = ""


def shown(raw: object) -> str:
    """A written value for a message: short, and never a secret."""
    text = redact(
        str(raw).lower() if isinstance(raw, bool) else repr(raw) if isinstance(raw, str) else str(raw)
    )
    return text if len(text) <= 40 else f"{text[:37]}..."


def from_yaml(option: Option, raw: object) -> Value | Wrong:
    """A value of `args`."""
    if isinstance(raw, str) and "\0" in raw:
        return Wrong("contains a NUL character")
    if option.kind is Kind.SCALED_PATH:
        return _scaled(option, raw)
    if option.arity == 2:
        return _pair(option, raw)
    if isinstance(raw, list | tuple):
        return _several(option, raw)
    value = _scalar(option, raw)
    return value if isinstance(value, Wrong) or option.many is Many.ONE else _split(option, value)


def from_tokens(option: Option, tokens: Sequence[str]) -> Value | Wrong:
    """The values that follow an option in `extraArgs`, still as text."""
    if option.kind is Kind.SCALED_PATH and len(tokens) == 2:
        scale = number_of(tokens[1])
        return scale if isinstance(scale, Wrong) else _scaled(option, [tokens[0], scale])
    numbers = {Kind.INTEGER: _integer, Kind.NUMBER: number_of}.get(option.kind)
    if numbers is None:
        return from_yaml(option, tokens[0] if len(tokens) == 1 else list(tokens))
    values = [numbers(token) for token in tokens]
    wrong = next((value for value in values if isinstance(value, Wrong)), None)
    return wrong or from_yaml(option, values[0] if len(values) == 1 else values)


def _integer(text: str) -> int | Wrong:
    return (
        int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else Wrong(f"must be an integer, not {shown(text)}")
    )


def number_of(text: str) -> float | int | Wrong:
    """The number that a token is; what only a lenient engine reads as one (`0x10`, ` 10`) is none."""
    whole = _integer(text)
    if not isinstance(whole, Wrong):
        return whole
    pattern = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
    return float(text) if re.fullmatch(pattern, text) else Wrong(f"must be a number, not {shown(text)}")


def _scalar(option: Option, raw: object) -> Scalar | Wrong:
    check = {
        Kind.FLAG: _flag,
        Kind.SWITCH: _switch,
        Kind.INTEGER: _whole,
        Kind.NUMBER: _finite,
        Kind.ENUM: _choice,
        Kind.STRING: _text,
        Kind.PATH: _path,
        Kind.ANY: _anything,
    }[option.kind]
    return check(option, raw)


def _flag(_: Option, raw: object) -> Scalar | Wrong:
    return raw if isinstance(raw, bool) else Wrong(f"must be true or false, not {shown(raw)}")


def _switch(option: Option, raw: object) -> Scalar | Wrong:
    words = option.choices or ("on", "off")
    if isinstance(raw, bool):
        wanted = ("on", "1") if raw else ("off", "0")
        return next((word for word in wanted if word in words), wanted[0])
    if isinstance(raw, int):
        raw = str(raw)
    if isinstance(raw, str) and raw in words:
        return raw
    return Wrong(f"must be one of {', '.join(words)}, not {shown(raw)}")


def _whole(option: Option, raw: object) -> Scalar | Wrong:
    if isinstance(raw, bool) or not isinstance(raw, int):
        return Wrong(f"must be an integer, not {shown(raw)}")
    low = option.low if option.low is not None else _INT32[0]
    high = option.high if option.high is not None else _INT32[1]
    return raw if low <= raw <= high else Wrong(f"must be between {low:.0f} and {high:.0f}, not {raw}")


def _finite(option: Option, raw: object) -> Scalar | Wrong:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return Wrong(f"must be a number, not {shown(raw)}")
    if not math.isfinite(raw) or abs(raw) > 3e38:
        return Wrong(f"must be a finite number, not {shown(raw)}")
    if (option.low is not None and raw < option.low) or (option.high is not None and raw > option.high):
        return Wrong(f"must be between {option.low} and {option.high}, not {raw}")
    return raw


def _choice(option: Option, raw: object) -> Scalar | Wrong:
    if raw is True and option.if_true:
        return option.if_true
    if raw is False and option.if_true:
        return False
    text = str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else raw
    if not isinstance(text, str):
        return Wrong(f"must be one of {', '.join(option.choices)}" if option.choices else "must be text")
    words = text.split(",") if option.many is Many.COMMA else [text]
    for word in words:
        if option.choices and word not in option.choices:
            return Wrong(f"must be one of {', '.join(option.choices)}, not {shown(word)}")
        if not _WORD.fullmatch(word):
            return Wrong(f"must be a plain word, not {shown(word)}")
    return text


def _text(_: Option, raw: object) -> Scalar | Wrong:
    if isinstance(raw, str):
        return raw
    return Wrong(f"must be text, not {shown(raw)}", "put it in quotes")


def _path(option: Option, raw: object) -> Scalar | Wrong:
    if not isinstance(raw, str):
        return Wrong(f"must be the path of a file, not {shown(raw)}")
    return raw if option.csv else _file(option, raw)


def _file(option: Option, text: str) -> str | Wrong:
    """What the text of a path can tell; where it leads is for the host to find out."""
    if not text:
        return Wrong("must be the path of a file, not empty")
    if text.startswith("~"):
        return Wrong(f"cannot begin with '~': {shown(text)}", "write a path below the allowed directories")
    if ".." in text.split("/"):
        return Wrong(f"cannot contain '..': {shown(text)}", "write a path below the allowed directories")
    if option.suffixes and not text.lower().endswith(option.suffixes):
        return Wrong(f"must name a {' or '.join(option.suffixes)} file, not {shown(text)}")
    if option.tier is Tier.UNKNOWN and not _PLAIN_PATH.fullmatch(text):
        return Wrong(f"must be one plain path, not {shown(text)}", "letters, digits and ./_-@%+ only")
    return text


def _anything(option: Option, raw: object) -> Scalar | Wrong:
    """A value that only the engine understands: one scalar that cannot be taken for an option or hide a path."""
    if isinstance(raw, str):
        return _file(option, raw) if is_path_like(raw) else raw
    if isinstance(raw, float) and not math.isfinite(raw):
        return Wrong(f"must be a finite number, not {shown(raw)}")
    if isinstance(raw, bool) and option.arity:
        return Wrong("needs a value")
    if isinstance(raw, bool | int | float):
        return raw
    return Wrong(f"must be a number, text, true or false, not {shown(raw)}")


def is_path_like(text: str) -> bool:
    return "/" in text or "\\" in text or text.startswith((".", "~"))


def _pair(option: Option, raw: object) -> Value | Wrong:
    if not isinstance(raw, list | tuple) or len(raw) != 2:
        return Wrong(f"must be a list of two values, not {shown(raw)}")
    values = [_scalar(option, item) for item in raw]
    return next((value for value in values if isinstance(value, Wrong)), None) or _scalars(values)


def _several(option: Option, raw: Sequence[object]) -> Value | Wrong:
    if option.many is Many.ONE:
        return Wrong(f"must be one value, not a list of {len(raw)}")
    if not raw:
        return Wrong("must not be an empty list", "leave it out instead")
    values: list[Scalar | Wrong] = []
    for item in raw:
        value = _scalar(option, item)
        if isinstance(value, str) and "\0" in value:
            value = Wrong("contains a NUL character")
        values.append(_file(option, value) if option.csv and isinstance(value, str) else value)
    return next((value for value in values if isinstance(value, Wrong)), None) or _scalars(values)


def _scalars(values: Sequence[Scalar | Wrong]) -> tuple[Scalar, ...]:
    return tuple(value for value in values if not isinstance(value, Wrong))


def _split(option: Option, value: Scalar) -> Value | Wrong:
    """One text that holds several values, in the engine's own syntax."""
    if isinstance(value, str) and option.csv:
        return _several(option, split_csv(value))
    if isinstance(value, str) and option.many is Many.COMMA and option.kind is Kind.ENUM:
        return tuple(value.split(","))
    return (value,)


def split_csv(text: str) -> list[str]:
    """As the engine splits: a quote that opens a field hides commas, a doubled one inside stands for itself."""
    fields, field, quoted, index = list[str](), "", False, 0
    while index < len(text):
        char = text[index]
        if char == '"' and quoted and text[index + 1 : index + 2] == '"':
            field, index = field + '"', index + 1
        elif char == '"' and (quoted or not field):
            quoted = not quoted
        elif char == "," and not quoted:
            fields.append(field)
            field = ""
        else:
            field += char
        index += 1
    return [*fields, field]


def _scaled(option: Option, raw: object) -> Value | Wrong:
    """`[path, 0.5]`, a list of such pairs, or the engine's own `path:0.5`."""
    form = Wrong(f"must be [path, factor], not {shown(raw)}", "for example [style.gguf, 0.5]")
    if isinstance(raw, str):
        texts = split_csv(raw) if option.csv else [raw]
        items: list[object] = [list(text.rpartition(":")[::2]) for text in texts]
        for item in items:
            item[1] = number_of(item[1])  # type: ignore[index] # it is the list of the line above
    elif isinstance(raw, list | tuple) and raw:
        items = [raw] if isinstance(raw[0], str) else list(raw)
    else:
        return form
    pairs: list[Pair] = []
    for item in items:
        pair = _scaled_item(option, item)
        if pair is None:
            return form
        if isinstance(pair, Wrong):
            return pair
        pairs.append(pair)
    return tuple(pairs)


def _scaled_item(option: Option, item: object) -> Pair | Wrong | None:
    if not (isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str)):
        return None
    factor = item[1]
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not math.isfinite(factor):
        return None
    path = Wrong("contains a NUL character") if "\0" in item[0] else _file(option, item[0])
    if isinstance(path, Wrong):
        return path
    if option.arity == 1 and ":" in path:
        return Wrong(
            f"cannot contain ':', the engine splits the value there: {shown(path)}", "rename the file"
        )
    return path, factor
