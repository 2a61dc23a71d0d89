"""Scalar types of the manifest language: quantities, durations, names, devices, times.

Each is one Annotated alias: a parser that raises `wrong(message, hint)` and the JSON Schema that editors see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from reconciler.spec.crons import parse_cron

MIB = 1 << 20

_BINARY = {"Ki": 1 << 10, "Mi": MIB, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50}
_DECIMAL = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_QUANTITY = re.compile(r"(?P<number>\d{1,18}(?:\.\d{1,9})?)(?P<unit>[KMGTP]i|[kMGTP])?", re.ASCII)
_DURATION = re.compile(
    r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?", re.ASCII
)
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)
_DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAYS = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:-(Mon|Tue|Wed|Thu|Fri|Sat|Sun))?")


def wrong(message: str, hint: str = "") -> PydanticCustomError:
    """A refusal whose message and hint reach the diagnostic as they stand."""
    return PydanticCustomError("scalar", "{message}", {"message": message, "hint": hint})


def parse_quantity(value: object) -> int:
    """`7Gi` in bytes."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise wrong("must be a quantity of memory", "such as 7Gi or 1536Mi")
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        raise wrong(f"{str(value)!r} is no quantity of memory", _quantity_hint(str(value)))
    unit = match["unit"] or ""
    factor = _BINARY.get(unit) or _DECIMAL.get(unit) or 1
    whole, _, fraction = match["number"].partition(".")
    size = int(whole) * factor + (int(fraction) * factor // 10 ** len(fraction) if fraction else 0)
    if size < MIB:
        meant = f"{match['number']}Mi" if not unit else f"{match['number']}{unit[0].upper()}i"
        raise wrong(f"{value} is less than 1Mi", f"did you mean {meant if unit != 'Ki' else whole + 'Mi'}?")
    return size


def _quantity_hint(text: str) -> str:
    guess = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgtp])i?b?\s*", text, re.IGNORECASE | re.ASCII)
    return f"write {guess[1]}{guess[2].upper()}i" if guess else "such as 7Gi or 1536Mi"


def format_quantity(size: int) -> str:
    """The shortest exact spelling: 7516192768 is 7Gi."""
    for unit, factor in reversed(_BINARY.items()):
        if size >= factor and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


def parse_duration(value: object) -> timedelta:
    """`2h30m` as a timedelta; a bare number is refused because nobody can see its unit."""
    if not isinstance(value, str):
        hint = f"write {value}s or {value}m" if isinstance(value, int) and not isinstance(value, bool) else ""
        raise wrong("must be a duration with its unit", hint or "such as 90s, 15m or 2h30m")
    match = _DURATION.fullmatch(value)
    if match is None or not value:
        hint = f"write {value}s or {value}m" if value.isdigit() else "such as 90s, 15m, 2h30m or 30d"
        raise wrong(f"{value!r} is no duration", hint)
    days, hours, minutes, seconds, millis = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=millis)


def format_duration(duration: timedelta) -> str:
    """The spelling that `parse_duration` reads back: 9000 s is 2h30m."""
    left = duration // timedelta(milliseconds=1)
    text = ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _parse_idle(value: object) -> timedelta | Literal["never"]:
    if value == "never":
        return "never"
    if value in {0, "0", "0s", "0m", "0h"}:
        raise wrong("0 means opposite things to different tools", "write never, or a short time such as 10s")
    return parse_duration(value)


def parse_gpu(value: object) -> str:
    """A device reference in one spelling: 0 is gpu0; UUIDs and names from Host.spec.gpuNames stay."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise wrong("must name a GPU", "gpu0, its UUID, or a name from Host.spec.gpuNames")
    text = str(value)
    if text.isascii() and text.isdigit():
        return f"gpu{int(text)}"
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", text) is None:
        raise wrong(f"{text!r} names no GPU", "gpu0, its UUID, or a name from Host.spec.gpuNames")
    return re.sub(r"(?i)^gpu(\d+)$", r"gpu\1", text)


def parse_layers(value: object) -> int | Literal["all", "auto"]:
    if value == "all" or value == "auto":  # noqa: PLR1714 - a set would lose the literal types
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10_000:
        return value
    raise wrong("must be a number of layers, all or auto", "-1 of other tools is all" if value == -1 else "")


def _parse_time_of_day(value: object) -> str:
    if isinstance(value, str) and _TIME.fullmatch(value):
        return value
    shown = value if isinstance(value, str | int) else "this"
    raise wrong(f"{shown!r} is no time of day", 'write it quoted and with two digits: "08:00"')


def minute_of_day(time: str) -> int:
    hour, _, minute = time.partition(":")
    return int(hour) * 60 + int(minute)


def parse_days(text: str) -> frozenset[int]:
    """`Mon-Fri,Sun` as numbers counted from Monday as 0; ranges may wrap around Sunday."""
    days: set[int] = set()
    for item in text.split(","):
        match = _DAYS.fullmatch(item.strip())
        if match is None:
            raise ValueError(f"{item.strip() or text!r} is no day or range of days")
        first = _DAY_NAMES.index(match[1])
        last = _DAY_NAMES.index(match[2]) if match[2] else first
        days.update((first + step) % 7 for step in range((last - first) % 7 + 1))
    return frozenset(days)


def _parse_days(value: object) -> str:
    if not isinstance(value, str):
        raise wrong("must name weekdays", "such as Mon-Fri or Sat,Sun")
    try:
        parse_days(value)
    except ValueError as error:
        raise wrong(str(error), "Mon, Tue, Wed, Thu, Fri, Sat, Sun, with - and ,") from None
    return value


def _parse_cron(value: object) -> str:
    if not isinstance(value, str):
        raise wrong("must be a cron expression", 'minute hour day month weekday: "0 4 * * 1-5"')
    try:
        return parse_cron(value).text
    except ValueError as error:
        raise wrong(str(error), 'minute hour day month weekday: "0 4 * * 1-5"') from None


@lru_cache(maxsize=1024)
def _known_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return "/" in name or name == "UTC"


def _parse_zone(value: object) -> str:
    if isinstance(value, str) and _known_zone(value):
        return value
    raise wrong(f"{value!r} is no IANA time zone", "such as Europe/Berlin or UTC")


def text_like(pattern: str, *, what: str, hint: str, most: int) -> Callable[[object], str]:
    """A parser for text of one shape; what it refuses is said in words, not as a regular expression."""
    compiled = re.compile(pattern)

    def parse(value: object) -> str:
        if not isinstance(value, str):
            raise wrong(
                f"must be {what}, as text", f'write "{value}"' if isinstance(value, int | float) else hint
            )
        if not value:
            raise wrong(f"must be {what}, not empty", hint)
        if len(value) > most:
            raise wrong(f"is {len(value)} characters long; {what} has at most {most}")
        if compiled.fullmatch(value) is None:
            raise wrong(f"{value!r} is not {what}", hint)
        return value

    return parse


def _schema(kind: Any, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, **more})


#: CRDs know one union of scalars; editors understand the pair of types.
INT_OR_TEXT: Mapping[str, Any] = {"type": ["integer", "string"], "x-kubernetes-int-or-string": True}

_NAME_HINT = "lower-case letters, digits, - and ., beginning and ending with a letter or digit"

Quantity = Annotated[
    int,
    PlainValidator(parse_quantity),
    WithJsonSchema({**INT_OR_TEXT, "pattern": r"^\d+(\.\d+)?([KMGTP]i|[kMGTP])?$", "examples": ["7Gi"]}),
]
Duration = Annotated[
    timedelta,
    PlainValidator(parse_duration),
    _schema("string", pattern=r"^(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$", examples=["15m"]),
]
IdleTime = Annotated[
    timedelta | Literal["never"],
    PlainValidator(_parse_idle),
    _schema(
        "string", pattern=r"^(never|(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?)$", examples=["15m", "never"]
    ),
]
GpuRef = Annotated[str, PlainValidator(parse_gpu), WithJsonSchema({**INT_OR_TEXT, "examples": ["gpu0"]})]
GpuLayers = Annotated[
    int | Literal["all", "auto"],
    PlainValidator(parse_layers),
    WithJsonSchema({**INT_OR_TEXT, "pattern": "^(all|auto)$", "minimum": 0, "examples": ["all", 30]}),
]
TimeOfDay = Annotated[
    str, PlainValidator(_parse_time_of_day), _schema("string", pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")
]
Days = Annotated[str, PlainValidator(_parse_days), _schema("string", examples=["Mon-Fri", "Sat,Sun"])]
CronText = Annotated[str, PlainValidator(_parse_cron), _schema("string", examples=["0 4 * * 1-5"])]
TimeZone = Annotated[str, PlainValidator(_parse_zone), _schema("string", examples=["Europe/Berlin", "UTC"])]
Name = Annotated[
    str,
    PlainValidator(text_like(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", what="a name", hint=_NAME_HINT, most=63)),
    _schema("string", pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", maxLength=63),
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
            r"[A-Za-z_][A-Za-z0-9_]*", what="an environment variable name", hint="A-Z, 0-9 and _", most=256
        )
    ),
    _schema("string", pattern="^[A-Za-z_][A-Za-z0-9_]*$"),
]
FilePath = Annotated[
    str,
    PlainValidator(text_like(r"[^\x00\n\r]+", what="a path", hint="such as model.gguf", most=4096)),
    _schema("string", minLength=1, maxLength=4096),
]
Sha256 = Annotated[
    str,
    PlainValidator(
        text_like(
            r"[0-9a-f]{64}",
            what="a SHA-256 checksum",
            hint="64 hexadecimal digits, as sha256sum prints",
            most=64,
        )
    ),
    _schema("string", pattern="^[0-9a-f]{64}$"),
]
