"""Windows and cron expressions against the slowest possible reading of the same words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.spec.crons import parse_cron
from reconciler.spec.lifecycles import Schedule
from reconciler.spec.times import DAY, minute_of_day, parse_days
from reconciler.spec.windows import WEEK, overlaps, week_minutes
from tests.budgets import examples

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
quick = examples(60)

day = st.sampled_from(DAYS)
days = st.lists(st.one_of(day, st.tuples(day, day).map("-".join)), min_size=1, max_size=3).map(",".join)
time_of_day = st.integers(0, DAY - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")


def number(low: int, high: int) -> st.SearchStrategy[str]:
    one = st.integers(low, high)
    spans = st.tuples(one, one).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.tuples(st.one_of(st.just("*"), spans), st.integers(1, 9)).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    item = st.one_of(one.map(str), spans, steps, st.just("*"))
    return st.lists(item, min_size=1, max_size=3).map(",".join)


crons = st.tuples(number(0, 59), number(0, 23), st.just("*"), st.just("*"), number(0, 7)).map(" ".join)


def weekly(days: str, begin: str, end: str) -> Schedule:
    return Schedule.model_validate({"name": "a", "days": days, "from": begin, "to": end})


def by_cron(cron: str, duration: str = "1h") -> Schedule:
    return Schedule.model_validate({"name": "a", "cron": cron, "duration": duration})


def minutes(window: Schedule) -> set[int]:
    bits = week_minutes(window)
    return {minute for minute in range(WEEK) if bits >> minute & 1}


def brute_days(text: str) -> set[int]:
    found = set()
    for item in text.split(","):
        first, _, last = item.partition("-")
        at = DAYS.index(first)
        while DAYS[at % 7] != (last or first):
            found.add(at % 7)
            at += 1
        found.add(at % 7)
    return found


def brute_weekly(window: Schedule) -> set[int]:
    begin, end = minute_of_day(window.from_ or ""), minute_of_day(window.to or "")
    open_for = (end - begin) % DAY or DAY
    return {
        (day * DAY + begin + step) % WEEK for day in brute_days(window.days or "") for step in range(open_for)
    }


def matches(field: str, value: int, low: int, high: int) -> bool:
    for item in field.split(","):
        span, _, step = item.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        if value in range(int(first), int(last or first) + 1, int(step or 1)):
            return True
    return False


def brute_cron(window: Schedule) -> set[int]:
    minute, hour, _, _, weekday = (window.cron or "").split()
    open_minutes = [at for at in range(60) if matches(minute, at, 0, 59)]
    open_hours = [at for at in range(24) if matches(hour, at, 0, 23)]
    open_days = [
        at for at in range(7) if any(matches(weekday, name, 0, 7) for name in {(at + 1) % 7, at + 1})
    ]
    starts = [
        day * DAY + hour * 60 + minute for day in open_days for hour in open_hours for minute in open_minutes
    ]
    length = int((window.duration or timedelta()).total_seconds()) // 60
    return {(start + step) % WEEK for start in starts for step in range(min(length, WEEK))}


@quick
@given(days)
def test_ranges_of_days_wrap_around_sunday(text: str) -> None:
    assert brute_days(text) == parse_days(text)


def test_days_are_counted_from_monday() -> None:
    assert {4, 5, 6, 0} == parse_days("Fri-Mon")
    assert {0, 6} == parse_days("Mon, Sun")


@quick
@given(days, time_of_day, time_of_day)
def test_a_weekly_window_is_open_when_it_says(on: str, begin: str, end: str) -> None:
    window = weekly(on, begin, end)

    assert brute_weekly(window) == minutes(window)


@quick
@given(crons, st.integers(1, 90))
def test_a_cron_window_is_open_when_it_says(cron: str, length: int) -> None:
    window = by_cron(cron, f"{length}m")

    assert brute_cron(window) == minutes(window)


weekly_windows = st.builds(weekly, days, time_of_day, time_of_day)


@quick
@given(weekly_windows, weekly_windows)
def test_windows_overlap_where_both_are_open(first: Schedule, second: Schedule) -> None:
    shared = brute_weekly(first) & brute_weekly(second)
    found = overlaps(first, second)

    assert bool(shared) == (found is not None)
    if found is not None:
        at = min(shared)
        assert found.begins == f"{DAYS[at // DAY]} {at % DAY // 60:02}:{at % 60:02}"
        assert found.covers_first == (brute_weekly(first) <= brute_weekly(second))


def test_windows_of_two_time_zones_are_not_compared() -> None:
    first = weekly("Mon", "08:00", "09:00")

    assert overlaps(first, first.model_copy(update={"time_zone": "UTC"})) is None


@pytest.mark.parametrize("cron", ["0 4 1 * *", "0 4 */2 * *", "0 4 * 6 *", "0 4 1-30 * 1"])
def test_windows_of_a_months_days_are_not_compared(cron: str) -> None:
    assert week_minutes(by_cron(cron)) == 0


def test_all_days_of_the_month_or_a_weekday_is_every_day() -> None:
    assert minutes(by_cron("0 4 1-31 * 1")) == minutes(by_cron("0 4 * * *"))


def test_a_long_window_of_many_starts_is_not_taken_for_the_whole_week() -> None:
    assert len(minutes(by_cron("* 0 * * 1", "5000m"))) == 5059


def test_a_window_of_more_than_a_week_is_always_open() -> None:
    assert len(minutes(by_cron("0 0 * * 1", "30d"))) == WEEK


@pytest.mark.parametrize(
    ("text", "weekdays"),
    [("0 0 * * 0", {0}), ("0 0 * * 7", {0}), ("0 0 * * 5-7", {5, 6, 0}), ("0 0 * * fri-sun", {5, 6, 0}),
     ("0 0 * * MON-FRI", {1, 2, 3, 4, 5}), ("0 0 * * sun", {0}), ("0 0 * * */3", {0, 3, 6})],
)  # fmt: skip
def test_sunday_is_0_and_7_and_has_a_name(text: str, weekdays: set[int]) -> None:
    assert weekdays == parse_cron(text).weekdays


def test_months_have_names_and_fields_may_step() -> None:
    cron = parse_cron("5/20 8-18/5  1,15 jan,jun-AUG *")

    assert {5, 25, 45} == cron.minutes
    assert {8, 13, 18} == cron.hours
    assert {1, 6, 7, 8} == cron.months
    assert cron.text == "5/20 8-18/5 1,15 jan,jun-AUG *"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("@daily", "5 fields, this one has 1"),
        ("0 0 0 * * *", "5 fields, this one has 6"),
        ("60 * * * *", "the minute field allows 0 to 59, not 60"),
        ("* * 0 * *", "the day of month field allows 1 to 31, not 0"),
        ("* * * 13 *", "the month field allows 1 to 12, not 13"),
        ("* * * * 8", "the day of week field allows 0 to 7, not 8"),
        ("*/0 * * * *", "the minute field has a step of 0"),
        ("9-5 * * * *", "the minute range 9-5 runs backwards"),
        ("* * L * *", "the day of month field has no readable value: 'L'"),
        ("1, * * * *", "the minute field has no readable value: 'nothing'"),
        ("٣ * * * *", "the minute field has no readable value"),
        ("0 0 30 2 *", "no month 2 has a day 30"),
        ("0 0 31 2,4,6 *", "no month 2,4,6 has a day 31"),
    ],
)
def test_a_wrong_cron_expression_names_its_field(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        parse_cron(text)

    assert says in str(refused.value)


@examples(200)
@given(st.text(alphabet="0123456789*/-,L# monSUN", max_size=20))
def test_any_text_is_a_cron_expression_or_refused(text: str) -> None:
    try:
        cron = parse_cron(text)
    except ValueError:
        return

    assert cron.minutes
    assert cron.weekdays <= set(range(7))
