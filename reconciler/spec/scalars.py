"""Scalar types of the manifest language: quantities, names, devices; times are in `times`.

Each is one Annotated alias: a parser that raises `wrong(message, hint)` and the JSON Schema that editors see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from reconciler.spec.problems import shown

MIB = 1 << 20

_BINARY = {"Ki": 1 << 10, "Mi": MIB, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50}
_DECIMAL = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_QUANTITY = re.compile(r"(?P<number>\d{1,18}(?:\.\d{1,9})?)(?P<unit>[KMGTP]i|[kMGTP])?", re.ASCII)
_GPU_HINT = "gpu0, its UUID, or a name from Host.spec.gpuNames"


#: Stand in a message for the value as the file spells it: 1.10, where the value is 1.1.
NUMBER = "{number}"
WRITTEN = '"{written}"'


def wrong(message: str, hint: str = "") -> PydanticCustomError:
    """A refusal whose message and hint reach the diagnostic as they stand."""
    return PydanticCustomError("scalar", "{message}", {"message": message, "hint": hint})


def text_of(value: object) -> str:
    """A scalar as it may stand in a message; a number as the file spells it."""
    if isinstance(value, str):
        return repr(shown(value))
    return str(value).lower() if isinstance(value, bool) else NUMBER


def is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def parse_quantity(value: object) -> int:
    """`7Gi` in bytes."""
    if not is_plain(value):
        raise wrong("must be a quantity of memory", "such as 7Gi or 1536Mi")
    text = str(value)
    match = _QUANTITY.fullmatch(text)
    if match is None or isinstance(value, float):
        raise wrong(f"{text_of(value)} is no quantity of memory", _quantity_hint(text))
    unit = match["unit"] or ""
    factor = _BINARY.get(unit) or _DECIMAL.get(unit) or 1
    whole, _, fraction = match["number"].partition(".")
    size = int(whole) * factor + (int(fraction) * factor // 10 ** len(fraction) if fraction else 0)
    if size < MIB:
        hint = f"did you mean {match['number']}Mi?" if size else "remove the key, or give it a size"
        raise wrong(f"{text} is less than 1Mi", hint)
    return size


def _quantity_hint(text: str) -> str:
    guess = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,3})?)\s*([kmgtp]?)i?b?\s*", text, re.IGNORECASE | re.ASCII)
    if guess is None:
        return "such as 7Gi or 1536Mi"
    unit = guess[2].upper().replace("K", "M")
    return f"write {guess[1]}{unit}i" if unit else f"write {guess[1]}Gi or {guess[1]}Mi"


def format_quantity(size: int) -> str:
    """The shortest exact spelling: 7516192768 is 7Gi."""
    for unit, factor in reversed(_BINARY.items()):
        if size >= factor and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


def parse_gpu(value: object) -> str:
    """A device reference in one spelling: 0 is gpu0; UUIDs and names from Host.spec.gpuNames stay."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise wrong("must name a GPU", _GPU_HINT)
    text = str(value)
    if numbered := re.fullmatch(r"(?:gpu)?(\d{1,4})", text, re.IGNORECASE | re.ASCII):
        return f"gpu{int(numbered[1])}"
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", text) is None:
        raise wrong(f"{text_of(value)} names no GPU", _GPU_HINT)
    return text


def parse_layers(value: object) -> int | Literal["all", "auto"]:
    if value == "all" or value == "auto":  # noqa: PLR1714 - a set would lose the literal types
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10_000:
        return value
    shown_value = f", not {text_of(value)}" if isinstance(value, str | int | float) else ""
    hint = "write all" if value == -1 else "such as all, auto or 30"
    raise wrong(f"must be a number of layers, all or auto{shown_value}", hint)


def _nothing(_text: str) -> str:
    return ""


def text_like(
    pattern: str,
    *,
    what: str,
    hint: str,
    most: int,
    meant: Callable[[str], str] = _nothing,
    is_secret: bool = False,
) -> Callable[[object], str]:
    """A parser for text of one shape; what it refuses is said in words, not as a regular expression.

    `meant` turns a near miss into what was probably meant. A secret never appears in the message.
    """
    compiled = re.compile(pattern)

    def fits(text: str) -> bool:
        return len(text) <= most and compiled.fullmatch(text) is not None

    def advice(text: str) -> str:
        return f"did you mean {meant(text)}?" if fits(meant(text)) else hint

    def parse(value: object) -> str:
        if not isinstance(value, str):
            quoted = f"write {meant(str(value)) if fits(meant(str(value))) else WRITTEN}"
            raise wrong(f"must be {what}, as text", quoted if is_plain(value) and not is_secret else hint)
        if not value:
            raise wrong(f"must be {what}, not empty", hint)
        if len(value) > most:
            raise wrong(f"is {len(value)} characters long; {what} has at most {most}", hint)
        if compiled.fullmatch(value) is None:
            raise wrong(f"{'this' if is_secret else text_of(value)} is not {what}", advice(value))
        return value

    return parse


def _schema(kind: Any, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, **more})


#: CRDs know one union of scalars; editors understand the pair of types.
INT_OR_TEXT: Mapping[str, Any] = {"type": ["integer", "string"], "x-kubernetes-int-or-string": True}

#: Names of Kubernetes, so that the same manifests can become its resources: words between single points.
_NAME = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_NAME_HINT = "lower-case letters, digits, - and ., with a letter or digit at both ends and around each point"


def _name_meant(text: str) -> str:
    """A number is a name once it is quoted, so it is not guessed at."""
    plain = re.sub(r"[^a-z0-9.]+", "-", text.casefold()).strip("-.")
    return "" if text.isdigit() else re.sub(r"-*\.[-.]*", ".", plain)


Quantity = Annotated[
    int,
    PlainValidator(parse_quantity),
    WithJsonSchema(
        {
            **INT_OR_TEXT,
            "pattern": r"^\d+(\.\d+)?([KMGTP]i|[kMGTP])?$",
            "examples": ["7Gi"],
            "x-reconciler-type": "quantity",
        }
    ),
]
GpuRef = Annotated[
    str,
    PlainValidator(parse_gpu),
    WithJsonSchema({**INT_OR_TEXT, "examples": ["gpu0"], "x-reconciler-type": "GPU"}),
]
GpuLayers = Annotated[
    int | Literal["all", "auto"],
    PlainValidator(parse_layers),
    WithJsonSchema(
        {
            **INT_OR_TEXT,
            "pattern": "^(all|auto)$",
            "minimum": 0,
            "examples": ["all", 30],
            "x-reconciler-type": "number of layers, all or auto",
        }
    ),
]
Name = Annotated[
    str,
    PlainValidator(text_like(_NAME, what="a name", hint=_NAME_HINT, most=63, meant=_name_meant)),
    _schema("string", pattern=f"^{_NAME}$", maxLength=63),
]
Alias = Annotated[
    str,
    PlainValidator(
        text_like(
            r"[^\s\x00-\x1f\x7f\"'\\?#%]+",
            what="a model name",
            hint="no spaces, quotes, backslashes, ?, # or %",
            most=256,
        )
    ),
    _schema("string", maxLength=256, examples=["gpt-4o-mini", "qwen3:30b"]),
]
EnvName = Annotated[
    str,
    PlainValidator(
        text_like(
            r"[A-Za-z_][A-Za-z0-9_]*",
            what="an environment variable name",
            hint="A-Z, 0-9 and _, not beginning with a digit",
            most=256,
        )
    ),
    _schema("string", pattern="^[A-Za-z_][A-Za-z0-9_]*$"),
]
_path_text = text_like(r"[^\x00\n\r]+", what="a path", hint="such as model.gguf", most=4096)


def _parse_path(value: object) -> str:
    """A path as it is; what shells, Compose and downloaders make of text is told at once."""
    text = _path_text(value)
    if text.startswith("~"):
        raise wrong(f"{text_of(text)} begins with '~', which nothing expands", "write the whole path")
    if "${" in text:
        raise wrong(f"{text_of(text)} holds a variable, which nothing expands", "write the whole path")
    if "://" in text:
        raise wrong("cannot be a URL: nothing is downloaded", "fetch the file yourself, and write its path")
    return text


FilePath = Annotated[
    str,
    PlainValidator(_parse_path),
    _schema("string", minLength=1, maxLength=4096),
]
Sha256 = Annotated[
    str,
    PlainValidator(
        text_like(
            r"[0-9a-f]{64}",
            what="a SHA-256 checksum",
            hint="64 lower-case hexadecimal digits, as sha256sum prints",
            most=64,
            meant=str.lower,
        )
    ),
    _schema("string", pattern="^[0-9a-f]{64}$"),
]
LabelKey = Annotated[
    str,
    PlainValidator(
        text_like(
            r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?",
            what="the key of a label",
            hint="letters, digits, -, _, . and one /, such as tier or team/name",
            most=253,
        )
    ),
    _schema("string", maxLength=253),
]
_label_text = text_like(
    r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?",
    what="the value of a label",
    hint="letters, digits, -, _ and ., such as chat",
    most=63,
)


def _parse_label(value: object) -> str:
    """A label may say all by its key, as in Kubernetes."""
    return "" if value == "" else _label_text(value)


LabelValue = Annotated[str, PlainValidator(_parse_label), _schema("string", maxLength=63)]


def _parse_json(value: object) -> object:
    """Anything that JSON has; sequences stay the tuples that they are in a frozen object."""
    return value


JsonData = Annotated[
    Any, PlainValidator(_parse_json), WithJsonSchema({"x-kubernetes-preserve-unknown-fields": True})
]
