"""Business time: what must hold whatever the hours, the zone and the moments."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from clocks.business_time import WorkingHours, add, elapsed, intervals
from clocks.country_days import CountryDays

# Zones with a change at 1:00 UTC, at 2:00 local, at midnight, of half an hour; without any; and with a day skipped.
ZONES = ["Europe/Berlin", "America/New_York", "America/Havana", "Australia/Lord_Howe", "Asia/Shanghai", "Pacific/Apia"]
NOTHING = timedelta(0)

# Many moments around the nights on which the clocks change in Berlin and New York, and around the Spring Festival.
TURNING_POINTS = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 2, 14, 10, tzinfo=UTC),
    datetime(2011, 12, 30, 10, tzinfo=UTC),
]
far_away = st.datetimes(datetime(2011, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC))
near_a_turn = st.builds(
    lambda turn, off: turn + off, st.sampled_from(TURNING_POINTS), st.timedeltas(timedelta(days=-2), timedelta(days=2))
)
moments = far_away | near_a_turn
amounts = st.timedeltas(NOTHING, timedelta(days=3)) | st.timedeltas(NOTHING, timedelta(days=40))


@st.composite
def a_days_hours(draw):
    edges = sorted(draw(st.sets(st.integers(0, 96), max_size=6)))
    return tuple((a * 900, b * 900) for a, b in zip(edges[::2], edges[1::2], strict=False))


@st.composite
def calendars(draw):
    week = tuple(draw(st.lists(a_days_hours(), min_size=7, max_size=7)))
    assume(any(week))
    days = st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=5)
    country = draw(st.sampled_from(["", "CN"]))
    return WorkingHours(week, draw(st.sampled_from(ZONES)), draw(days), draw(days), CountryDays(country))


@given(calendars(), moments, amounts)
def test_what_is_added_is_what_has_elapsed(hours, start, amount):
    due = add(start, amount, hours)
    assert due >= start + amount
    assert elapsed(start, due, hours) == amount


@given(calendars(), moments, amounts)
def test_due_is_the_first_moment_at_which_the_time_is_used(hours, start, amount):
    assume(amount)
    due = add(start, amount, hours)
    assert elapsed(start, due - timedelta(microseconds=1), hours) < amount


@given(calendars(), moments, amounts, amounts)
def test_a_later_start_or_a_longer_time_is_never_due_earlier(hours, start, later, longer):
    base = timedelta(hours=5)
    due = add(start, base, hours)
    assert add(start + later, base, hours) >= due
    assert add(start, base + longer, hours) >= due


@given(calendars(), moments, amounts, amounts)
def test_time_can_be_added_in_two_goes(hours, start, one, other):
    assert add(add(start, one, hours), other, hours) == add(start, one + other, hours) or not other


@given(calendars(), moments, amounts, amounts)
def test_elapsed_time_adds_up_and_never_exceeds_the_wall_clock(hours, start, one, other):
    middle, end = start + one, start + one + other
    total = elapsed(start, end, hours)
    assert elapsed(start, middle, hours) + elapsed(middle, end, hours) == total
    assert NOTHING <= total <= end - start


@given(calendars(), moments, amounts, amounts, amounts)
def test_a_pause_never_makes_it_due_earlier(hours, start, worked, pause, target):
    paused_at = start + worked
    used = elapsed(start, paused_at, hours)
    assume(used < target)
    assert add(paused_at + pause, target - used, hours) >= add(start, target, hours)


@given(calendars(), moments, amounts)
def test_the_stretches_cover_everything_once_and_their_counted_time_is_what_elapsed(hours, start, length):
    end = start + length
    told = list(intervals(start, end, hours))
    assert [one.end for one in told[:-1]] == [one.start for one in told[1:]]
    assert not told or (told[0].start, told[-1].end) == (start, end)
    assert all(one.start < one.end for one in told)
    assert sum((one.end - one.start for one in told if one.counted), NOTHING) == elapsed(start, end, hours)


@given(calendars(), moments)
def test_an_instant_counts_when_the_wall_shows_working_time(hours, at):
    counted = elapsed(at, at + timedelta(microseconds=1), hours) > NOTHING
    assert hours.is_open(at) == counted
