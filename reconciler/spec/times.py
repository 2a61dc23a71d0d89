"""Times in the manifest language: durations, times of day, weekdays, cron expressions, time zones."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import PlainValidator, WithJsonSchema

from reconciler.spec.crons import parse_cron
from reconciler.spec.problems import shown
from reconciler.spec.scalars import is_plain, text_of, wrong

DAY = 24 * 60

_DURATION = re.compile(
    r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?", re.ASCII
)
#: What people write for a duration in other tools, by the first letters of its unit.
_LOOSE_DURATION = re.compile(
    r"\s*p?t?(\d{1,6}(?:\.\d{1,3})?)\s*(ms|milli|s|m|h|d|w)[a-z]*\s*", re.IGNORECASE | re.ASCII
)
_ZONE_HINT = "such as Europe/Berlin or UTC"
_UTC_NAMES = frozenset({"UTC", "GMT", "Z"})
_ABBREVIATION = re.compile(r"[A-Z]{2,5}(?:\d[A-Z]{3})?", re.ASCII)
_AREAS = ("Europe", "America", "Asia", "Africa", "Australia", "Pacific", "Atlantic")
_OTHER_CLOCKS = ("right/", "posix/")
_CRON_HINT = 'minute hour day month weekday: "0 4 * * 1-5"'
_CRON_WORDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_SECONDS = {"ms": 0.001, "milli": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)
_DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAYS = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:-(Mon|Tue|Wed|Thu|Fri|Sat|Sun))?")


def parse_duration(value: object) -> timedelta:
    """`2h30m` as a timedelta; a bare number is refused because nobody can see its unit."""
    if not is_plain(value):
        raise wrong("must be a duration with its unit", "such as 90s, 15m or 2h30m")
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or not value:
        raise wrong(f"{text_of(value)} is no duration", _duration_hint(str(value)))
    days, hours, minutes, seconds, millis = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=millis)


def _duration_hint(text: str) -> str:
    if re.fullmatch(r"\d{1,6}(\.\d{1,3})?", text, re.ASCII):
        return f"it needs a unit: write {text.partition('.')[0]}s or {text.partition('.')[0]}m"
    if guess := _LOOSE_DURATION.fullmatch(text):
        meant = timedelta(seconds=float(guess[1]) * _SECONDS[guess[2].lower()])
        return f"write {format_duration(meant)}"
    return "such as 90s, 15m, 2h30m or 30d, the largest unit first"


def _parse_time_span(value: object) -> timedelta:
    """A duration that must not be zero."""
    span = parse_duration(value)
    if not span:
        raise wrong(f"{text_of(value)} is no time at all", "write at least 1s")
    return span


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
    if value in (-1, "-1"):
        raise wrong("must be a duration, or never", "write never")
    zero = (is_plain(value) and value == 0) or value == "0"
    span = None if zero else parse_duration(value)
    if not span:
        raise wrong("0 means opposite things to different tools", "write never, or a short time such as 10s")
    return span


def _parse_time_of_day(value: object) -> str:
    if isinstance(value, str) and _TIME.fullmatch(value):
        return value
    if not is_plain(value):
        raise wrong("must be a time of day", 'such as "08:00"')
    raise wrong(f"{text_of(value)} is no time of day", _time_hint(value))


def _time_hint(value: object) -> str:
    """A time of one digit, or one that a YAML 1.1 reader has turned into minutes."""
    if isinstance(value, int) and 0 < value <= DAY:
        return f'write "{value // 60:02}:{value % 60:02}", quoted'
    parts = re.fullmatch(r"(\d|[01]\d|2[0-3])[:.]([0-5]\d)(?::\d\d)?", str(value), re.ASCII)
    return (
        f'write "{int(parts[1]):02}:{parts[2]}"' if parts else 'two digits each, quoted: "08:00" to "24:00"'
    )


def minute_of_day(time: str) -> int:
    hour, _, minute = time.partition(":")
    return int(hour) * 60 + int(minute)


def parse_days(text: str) -> frozenset[int]:
    """`Mon-Fri,Sun` as numbers counted from Monday as 0; ranges may wrap around Sunday."""
    days: set[int] = set()
    for item in text.split(","):
        match = _DAYS.fullmatch(item.strip())
        if match is None:
            raise ValueError(f"{shown(item.strip() or text)!r} is no day or range of days")
        first = _DAY_NAMES.index(match[1])
        last = _DAY_NAMES.index(match[2]) if match[2] else first
        days.update((first + step) % 7 for step in range((last - first) % 7 + 1))
    return frozenset(days)


def _parse_days(value: object) -> str:
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        raise wrong("must be text, not a list", f"write {shown(','.join(value))}")
    if not isinstance(value, str):
        raise wrong("must name weekdays", "such as Mon-Fri or Sat,Sun")
    try:
        parse_days(value)
    except ValueError as error:
        raise wrong(str(error), _days_hint(value)) from None
    return value


def _days_hint(text: str) -> str:
    meant = re.sub(r"[A-Za-z]+", lambda day: day[0][:3].title(), text)
    try:
        parse_days(meant)
    except ValueError:
        return "Mon, Tue, Wed, Thu, Fri, Sat, Sun, as in Mon-Fri or Sat,Sun"
    return f"write {meant}"


def _parse_cron(value: object) -> str:
    if not isinstance(value, str):
        raise wrong("must be a cron expression", _CRON_HINT)
    if (meant := _CRON_WORDS.get(value.strip().casefold())) is not None:
        raise wrong(f"{text_of(value)} is no cron expression of 5 fields", f'write "{meant}"')
    try:
        return parse_cron(value).text
    except ValueError as error:
        raise wrong(str(error), _CRON_HINT) from None


@lru_cache(maxsize=1024)
def _known_zone(name: str) -> bool:
    """Looked up in the time zone database: the one file that this package reads, as fixed as a table of our own.

    Areas and places only: an abbreviation may stand for an offset that knows no summer time, and `right/` counts leap
    seconds.
    """
    if name != "UTC" and ("/" not in name or name.startswith(_OTHER_CLOCKS)):
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _parse_zone(value: object) -> str:
    if not is_plain(value):
        raise wrong("must be an IANA time zone", _ZONE_HINT)
    if isinstance(value, str) and len(value) <= 64 and _known_zone(value):
        return value
    text = str(value)
    if _ABBREVIATION.fullmatch(text) and text not in _UTC_NAMES:
        raise wrong(f"{text_of(text)} is no IANA time zone but an abbreviation of some", _ZONE_HINT)
    raise wrong(f"{text_of(value)} is no IANA time zone", _zone_hint(text))


def _zone_hint(text: str) -> str:
    if text.upper() in _UTC_NAMES:
        return "write UTC"
    place = "_".join(text[:64].removeprefix("posix/").removeprefix("right/").split()).title()
    guesses = [place] if "/" in place else [f"{area}/{place}" for area in _AREAS]
    return next((f"write {guess}" for guess in guesses if _known_zone(guess)), _ZONE_HINT)


def _text(**more: object) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **more})


_DURATION_TYPE = {"x-reconciler-type": "duration"}
_SPAN = r"(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?"

Duration = Annotated[
    timedelta,
    PlainValidator(parse_duration),
    _text(pattern=f"^{_SPAN}$", minLength=2, examples=["15m"], **_DURATION_TYPE),
]
TimeSpan = Annotated[
    timedelta,
    PlainValidator(_parse_time_span),
    _text(pattern=f"^{_SPAN}$", minLength=2, examples=["15m"], **_DURATION_TYPE),
]
IdleTime = Annotated[
    timedelta | Literal["never"],
    PlainValidator(_parse_idle),
    _text(
        pattern=f"^(never|{_SPAN})$",
        minLength=2,
        examples=["15m", "never"],
        **{"x-reconciler-type": "duration, or never"},
    ),
]
TimeOfDay = Annotated[
    str, PlainValidator(_parse_time_of_day), _text(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")
]
Days = Annotated[str, PlainValidator(_parse_days), _text(examples=["Mon-Fri", "Sat,Sun"])]
CronText = Annotated[str, PlainValidator(_parse_cron), _text(examples=["0 4 * * 1-5"])]
TimeZone = Annotated[str, PlainValidator(_parse_zone), _text(examples=["Europe/Berlin", "UTC"])]
