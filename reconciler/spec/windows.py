"""Schedule windows as minutes of a week: enough to see where two of them contradict each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.spec.crons import Cron, parse_cron
from reconciler.spec.lifecycles import Schedule
from reconciler.spec.times import DAY, minute_of_day, parse_days

WEEK = 7 * DAY
_ALL = (1 << WEEK) - 1
_DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Overlap:
    begins: str
    covers_first: bool


def overlaps(first: Schedule, second: Schedule) -> Overlap | None:
    """Where two windows of one time zone are open together. Windows of a month's days are not compared."""
    if first.time_zone != second.time_zone:
        return None
    one, two = week_minutes(first), week_minutes(second)
    shared = one & two
    if not shared:
        return None
    day, minute = divmod((shared & -shared).bit_length() - 1, DAY)
    return Overlap(f"{_DAY_NAMES[day]} {minute // 60:02}:{minute % 60:02}", covers_first=shared == one)


def week_minutes(window: Schedule) -> int:
    """The minutes in which it is open every week, as bits from Monday 00:00; 0 where it is no weekly window."""
    if window.days is not None and window.from_ is not None and window.to is not None:
        begin, end = minute_of_day(window.from_), minute_of_day(window.to)
        starts = [day * DAY + begin for day in parse_days(window.days)]
        return _opened(starts, (end - begin) % DAY or DAY)
    if window.cron is not None and window.duration is not None:
        length = min(int(window.duration.total_seconds()) // 60, WEEK)
        return _opened(_cron_starts(parse_cron(window.cron)), length)
    return 0


def _cron_starts(cron: Cron) -> list[int]:
    """Minutes of the week; nothing where the day of the month matters."""
    if len(cron.days) < 31 or len(cron.months) < 12:
        return []
    # `1-31 * 1`: either of the two opens it, and the first is every day.
    either = not cron.any_day and not cron.any_weekday
    days = range(7) if either else [(day - 1) % 7 for day in cron.weekdays]
    return [day * DAY + hour * 60 + minute for day in days for hour in cron.hours for minute in cron.minutes]


def _opened(starts: Iterable[int], length: int) -> int:
    """Bits of all minutes up to `length` after each start, doubled up instead of set one by one."""
    bits, reach = 0, 1
    for start in starts:
        bits |= 1 << start % WEEK
    while reach < length:
        step = min(reach, length - reach)
        bits |= (bits << step | bits >> (WEEK - step)) & _ALL
        reach += step
    return bits if length else 0
