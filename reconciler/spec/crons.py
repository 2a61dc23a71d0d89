"""Cron expressions: five fields of numbers, names, ranges, lists and steps, parsed to sets of numbers."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.spec.problems import shown

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTH_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    first_name: int = 0


_PLACES = (
    _Place("minute", 0, 59),
    _Place("hour", 0, 23),
    _Place("day of month", 1, 31),
    _Place("month", 1, 12, _MONTHS, 1),
    _Place("day of week", 0, 7, _WEEKDAYS, 0),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """The moments that an expression names; `weekdays` counts from Sunday as 0."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool


def parse_cron(text: str) -> Cron:
    """Read `minute hour day month weekday`; a ValueError names the field that is wrong."""
    parts = text.split()
    if len(parts) != len(_PLACES):
        raise ValueError(f"a cron expression has 5 fields, this one has {len(parts)}")
    sets = [_numbers(part, place) for part, place in zip(parts, _PLACES, strict=True)]
    _check_calendar(parts, sets[2], sets[3])
    return Cron(
        text=" ".join(parts),
        minutes=sets[0],
        hours=sets[1],
        days=sets[2],
        months=sets[3],
        weekdays=frozenset(day % 7 for day in sets[4]),
        any_day=parts[2].startswith("*"),
        any_weekday=parts[4].startswith("*"),
    )


def _check_calendar(parts: list[str], days: frozenset[int], months: frozenset[int]) -> None:
    """30 February never comes; with a weekday given as well, the other one still opens the window."""
    if parts[4] == "*" and min(days) > max(_MONTH_LENGTHS[month - 1] for month in months):
        raise ValueError(f"no month {parts[3]} has a day {parts[2]}, so it never happens")


def _numbers(part: str, place: _Place) -> frozenset[int]:
    found: set[int] = set()
    for item in part.split(","):
        found.update(_item(item, place))
    return frozenset(found)


def _item(item: str, place: _Place) -> range:
    span, slash, step_text = item.partition("/")
    step = _number(step_text, place, what="step") if slash else 1
    if step < 1:
        raise ValueError(f"the {place.name} field has a step of 0")
    if span == "*":
        return range(place.low, place.high + 1, step)
    first_text, dash, last_text = span.partition("-")
    first = _bounded(first_text, place)
    last = _bounded(last_text, place) if dash else (place.high if slash else first)
    if dash and last == 0 < first and place.names is _WEEKDAYS:
        last = 7  # FRI-SUN ends on the Sunday after, whatever its number
    if last < first:
        raise ValueError(f"the {place.name} range {shown(span)} runs backwards")
    return range(first, last + 1, step)


def _bounded(text: str, place: _Place) -> int:
    if text.upper() in place.names:
        return place.names.index(text.upper()) + place.first_name
    number = _number(text, place, what="value")
    if not place.low <= number <= place.high:
        raise ValueError(f"the {place.name} field allows {place.low} to {place.high}, not {number}")
    return number


def _number(text: str, place: _Place, *, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise ValueError(f"the {place.name} field has no readable {what}: {shown(text) or 'nothing'!r}")
    return int(text)
