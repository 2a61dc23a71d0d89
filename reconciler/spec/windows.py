"""Schedule windows as minutes of a week: enough to see where two of them contradict each other."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.spec.crons import parse_cron
from reconciler.spec.lifecycles import Schedule
from reconciler.spec.scalars import minute_of_day, parse_days

DAY = 24 * 60
WEEK = 7 * DAY
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
    day, minute = divmod(min(shared), DAY)
    return Overlap(f"{_DAY_NAMES[day]} {minute // 60:02}:{minute % 60:02}", covers_first=one <= two)


def week_minutes(window: Schedule) -> frozenset[int]:
    """The minutes from Monday 00:00 in which it is open every week; empty where it is no weekly window."""
    if window.days is not None and window.from_ is not None and window.to is not None:
        begin, end = minute_of_day(window.from_), minute_of_day(window.to)
        length = (end - begin) % DAY or DAY
        starts = [day * DAY + begin for day in parse_days(window.days)]
    elif window.cron is not None and window.duration is not None:
        cron = parse_cron(window.cron)
        if not cron.any_day or len(cron.months) < 12:
            return frozenset()
        length = min(int(window.duration.total_seconds()) // 60, WEEK)
        days = [(day - 1) % 7 for day in cron.weekdays]
        starts = [d * DAY + h * 60 + m for d in days for h in cron.hours for m in cron.minutes]
        if len(starts) * max(length, 1) > 20 * WEEK:
            return frozenset(range(WEEK))
    else:
        return frozenset()
    return frozenset((start + step) % WEEK for start in starts for step in range(length))
