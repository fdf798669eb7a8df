"""Business time: tables of known cases."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from clocks.business_time import Interval, NoWorkingTime, Reason, WorkingHours, add, elapsed, intervals
from clocks.country_days import CountryDays, fix_years
from clocks.weekly_hours import HoursError, parse_week

OFFICE = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
ALL_DAY = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def office(time_zone="UTC", hours=OFFICE, **more):
    return WorkingHours(parse_week(hours), time_zone, **more)


def local(text, time_zone="UTC", fold=0):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(time_zone), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-11-23T09:00", 4, "2026-11-23T13:00"),  # a Monday
        ("2026-11-23T09:00", 9, "2026-11-23T18:00"),  # exactly closing time stays there
        ("2026-11-23T17:00", 2, "2026-11-24T10:00"),
        ("2026-11-23T07:00", 1, "2026-11-23T10:00"),
        ("2026-11-23T20:00", 1, "2026-11-24T10:00"),
        ("2026-11-27T17:30", 1, "2026-11-30T09:30"),  # over a weekend
        ("2026-11-28T12:00", 9, "2026-11-30T18:00"),
        ("2026-11-23T09:00", 24, "2026-11-25T15:00"),
        ("2026-11-23T18:00", 0, "2026-11-23T18:00"),
    ],
)
def test_working_hours_are_added(start, hours, due):
    assert add(local(start), timedelta(hours=hours), office()) == local(due)


def test_without_a_calendar_the_wall_clock_counts():
    start = local("2026-11-28T23:59:59")
    assert add(start, timedelta(hours=24), None) == start + timedelta(hours=24)
    assert elapsed(start, start + timedelta(days=3), None) == timedelta(days=3)


def test_microseconds_are_kept():
    start = local("2026-11-27T17:59:59.999999")
    assert add(start, timedelta(microseconds=2), office()) == local("2026-11-30T09:00:00.000001")
    assert elapsed(start, local("2026-11-30T09:00:00.000001"), office()) == timedelta(microseconds=2)


def test_several_intervals_a_day_leave_out_the_noon_break():
    hours = office(hours={"mon": [["09:00", "12:00"], ["13:30", "18:00"]]})
    assert add(local("2026-11-23T11:00"), timedelta(hours=2), hours) == local("2026-11-23T14:30")
    assert elapsed(local("2026-11-23T00:00"), local("2026-11-24T00:00"), hours) == timedelta(hours=7.5)


def test_a_day_may_end_at_24_00_and_run_on_into_the_next():
    hours = office(hours={"mon": [["20:00", "24:00"]], "tue": [["00:00", "02:00"]]})
    assert add(local("2026-11-23T23:00"), timedelta(hours=2), hours) == local("2026-11-24T01:00")


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-11-23T09:00", "2026-11-23T18:00", 9),
        ("2026-11-23T00:00", "2026-11-30T00:00", 45),
        ("2026-11-23T10:00", "2026-11-23T09:00", 0),
        ("2026-11-28T00:00", "2026-11-29T23:59", 0),
        ("2026-11-23T17:00", "2026-11-24T10:00", 2),
    ],
)
def test_working_time_between_two_moments_is_measured(start, end, hours):
    assert elapsed(local(start), local(end), office()) == timedelta(hours=hours)


def test_holidays_count_nothing_and_extra_workdays_have_mondays_hours():
    hours = office(holidays=frozenset({date(2026, 11, 24)}), extra_workdays=frozenset({date(2026, 11, 28)}))
    assert add(local("2026-11-23T17:00"), timedelta(hours=2), hours) == local("2026-11-25T10:00")
    assert add(local("2026-11-27T17:00"), timedelta(hours=2), hours) == local("2026-11-28T10:00")


def test_an_extra_workday_that_has_hours_of_its_own_keeps_them():
    hours = office(hours=OFFICE | {"sat": [["10:00", "12:00"]]}, extra_workdays=frozenset({date(2026, 11, 28)}))
    assert elapsed(local("2026-11-28T00:00"), local("2026-11-29T00:00"), hours) == timedelta(hours=2)


def test_an_extra_workday_outranks_a_holiday():
    day = date(2026, 11, 24)
    hours = office(holidays=frozenset({day}), extra_workdays=frozenset({day}))
    assert elapsed(local("2026-11-24T00:00"), local("2026-11-25T00:00"), hours) == timedelta(hours=9)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("America/Havana", "2026-03-08", 23),  # midnight itself is skipped
        ("America/Havana", "2026-11-01", 25),  # midnight comes twice
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Asia/Shanghai", "2026-03-29", 24),
    ],
)
def test_a_round_the_clock_day_has_as_many_hours_as_really_pass(zone, day, hours):
    calendar = office(zone, ALL_DAY)
    start, end = local(f"{day}T00:00", zone), local(f"{date.fromisoformat(day) + timedelta(days=1)}T00:00", zone)
    assert end - start == timedelta(hours=hours)
    assert elapsed(start, end, calendar) == timedelta(hours=hours)
    assert add(start, timedelta(hours=hours), calendar) == end


def test_an_hour_that_is_skipped_counts_nothing():
    hours = office("Europe/Berlin", {"sun": [["01:00", "04:00"]]})
    start = local("2026-03-29T01:00", "Europe/Berlin")
    assert elapsed(start, start + timedelta(hours=6), hours) == timedelta(hours=2)
    assert add(start, timedelta(hours=1.5), hours) == local("2026-03-29T03:30", "Europe/Berlin")


def test_hours_that_do_not_exist_that_day_are_no_working_time():
    hours = office("Europe/Berlin", {"sun": [["02:00", "03:00"]]})
    start = local("2026-03-29T00:00", "Europe/Berlin")
    assert elapsed(start, start + timedelta(hours=12), hours) == timedelta(0)
    assert add(start, timedelta(minutes=30), hours) == local("2026-04-05T02:30", "Europe/Berlin")


def test_an_hour_that_is_shown_twice_counts_twice():
    hours = office("Europe/Berlin", {"sun": [["02:00", "02:30"], ["02:30", "03:00"]]})
    midnight = local("2026-10-25T00:00", "Europe/Berlin")
    assert elapsed(midnight, midnight + timedelta(hours=12), hours) == timedelta(hours=2)
    assert add(midnight, timedelta(minutes=90), hours) == local("2026-10-25T02:30", "Europe/Berlin", fold=1)


def test_working_hours_follow_the_wall_when_the_clocks_change():
    hours = office("America/New_York")
    friday = local("2026-03-06T17:00", "America/New_York")
    assert add(friday, timedelta(hours=2), hours) == local("2026-03-09T10:00", "America/New_York")
    assert add(friday, timedelta(hours=2), hours) == datetime(2026, 3, 9, 14, tzinfo=UTC)


def test_a_day_that_a_country_skipped_has_no_hours():
    hours = office("Pacific/Apia", ALL_DAY)
    start, end = local("2011-12-29T00:00", "Pacific/Apia"), local("2012-01-01T00:00", "Pacific/Apia")
    assert elapsed(start, end, hours) == timedelta(hours=48) == end - start


def china(**more):
    return office("Asia/Shanghai", country_days=CountryDays("CN"), **more)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ("2025-09-28", 9),  # a Sunday worked for 7 October
        ("2025-10-07", 0),
        ("2025-10-11", 9),
        ("2026-02-14", 9),  # the Saturday before the Spring Festival
        ("2026-02-16", 0),
        ("2026-02-20", 0),
        ("2026-02-23", 0),
        ("2026-02-24", 9),
        ("2026-02-28", 9),
        ("2026-03-01", 0),
    ],
)
def test_china_works_its_make_up_days(day, hours):
    start = local(f"{day}T00:00", "Asia/Shanghai")
    assert elapsed(start, start + timedelta(days=1), china()) == timedelta(hours=hours)


def test_the_spring_festival_lies_between_two_working_hours():
    eve = local("2026-02-14T17:00", "Asia/Shanghai")
    assert add(eve, timedelta(hours=2), china()) == local("2026-02-24T10:00", "Asia/Shanghai")


def test_the_calendars_own_days_outrank_the_countrys():
    hours = china(extra_workdays=frozenset({date(2026, 2, 17)}), holidays=frozenset({date(2026, 2, 14)}))
    closed, worked = local("2026-02-14T00:00", "Asia/Shanghai"), local("2026-02-17T00:00", "Asia/Shanghai")
    assert elapsed(closed, closed + timedelta(days=1), hours) == timedelta(0)
    assert elapsed(worked, worked + timedelta(days=1), hours) == timedelta(hours=9)


def test_overrides_correct_the_library():
    fixed = fix_years("CN", [2026], [(date(2026, 2, 14), False), (date(2026, 2, 17), True), (date(2031, 5, 3), True)])
    assert not fixed.is_on(date(2026, 2, 14))
    assert fixed.is_off(date(2026, 2, 14))
    assert fixed.is_on(date(2026, 2, 17))
    assert not fixed.is_off(date(2026, 2, 17))
    assert fixed.is_on(date(2031, 5, 3))
    assert fixed.is_off(date(2025, 10, 7))  # a year that wasn't fixed is the library's


def test_a_calendar_without_working_time_is_refused_and_not_searched_for_ever():
    never = office(hours={})
    with pytest.raises(NoWorkingTime):
        add(local("2026-11-23T09:00"), timedelta(seconds=1), never)
    assert elapsed(local("2020-01-01T00:00"), local("2026-01-01T00:00"), never) == timedelta(0)


def test_a_long_target_is_no_long_closure():
    assert add(local("2026-11-23T09:00"), timedelta(hours=45 * 200), office()) == local("2030-09-20T18:00")


def test_negative_amounts_are_refused():
    with pytest.raises(ValueError, match="negative"):
        add(local("2026-11-23T09:00"), timedelta(seconds=-1), office())


def test_every_stretch_has_its_reason():
    hours = china(holidays=frozenset({date(2026, 2, 25)}))
    zone = "Asia/Shanghai"
    told = list(intervals(local("2026-02-20T12:00", zone), local("2026-02-26T10:00", zone), hours))
    assert told == [
        Interval(local("2026-02-20T12:00", zone), local("2026-02-21T00:00", zone), False, Reason.PUBLIC_HOLIDAY, date(2026, 2, 20)),
        Interval(local("2026-02-21T00:00", zone), local("2026-02-23T00:00", zone), False, Reason.WEEKEND),
        Interval(local("2026-02-23T00:00", zone), local("2026-02-24T00:00", zone), False, Reason.PUBLIC_HOLIDAY, date(2026, 2, 23)),
        Interval(local("2026-02-24T00:00", zone), local("2026-02-24T09:00", zone), False, Reason.CLOSED),
        Interval(local("2026-02-24T09:00", zone), local("2026-02-24T18:00", zone), True, Reason.WORKING_HOURS),
        Interval(local("2026-02-24T18:00", zone), local("2026-02-25T00:00", zone), False, Reason.CLOSED),
        Interval(local("2026-02-25T00:00", zone), local("2026-02-26T00:00", zone), False, Reason.HOLIDAY, date(2026, 2, 25)),
        Interval(local("2026-02-26T00:00", zone), local("2026-02-26T09:00", zone), False, Reason.CLOSED),
        Interval(local("2026-02-26T09:00", zone), local("2026-02-26T10:00", zone), True, Reason.WORKING_HOURS),
    ]  # fmt: skip


def test_round_the_clock_is_one_stretch():
    start = local("2026-02-20T12:00")
    assert list(intervals(start, start + timedelta(days=9), None)) == [
        Interval(start, start + timedelta(days=9), True, Reason.ROUND_THE_CLOCK)
    ]
    assert list(intervals(start, start, None)) == []


def test_open_and_closed_moments_are_told_apart():
    hours = office()
    assert hours.is_open(local("2026-11-23T09:00"))
    assert not hours.is_open(local("2026-11-23T18:00"))
    assert not hours.is_open(local("2026-11-28T12:00"))


@pytest.mark.parametrize(
    ("hours", "path", "code"),
    [
        ({"monday": []}, "hours", "unknown_day"),
        ({"mon": "09:00"}, "hours.mon", "not_a_list"),
        ({"mon": 5}, "hours.mon", "not_a_list"),
        ({"mon": [["09:00"]]}, "hours.mon.0", "not_a_pair"),
        ({"mon": ["09:00"]}, "hours.mon.0", "not_a_pair"),
        ({"mon": [["9", "18:00"]]}, "hours.mon.0", "not_a_time"),
        ({"mon": [["09:00", "25:00"]]}, "hours.mon.0", "not_a_time"),
        ({"mon": [["24:00", "24:00"]]}, "hours.mon.0", "ends_before_start"),
        ({"mon": [[9, 18]]}, "hours.mon.0", "not_a_time"),
        ({"mon": [["18:00", "09:00"]]}, "hours.mon.0", "ends_before_start"),
        ({"mon": [["09:00", "12:00"], ["11:00", "13:00"]]}, "hours.mon", "overlap"),
    ],
)
def test_hours_that_cannot_be_read_say_where_and_why(hours, path, code):
    with pytest.raises(HoursError) as refused:
        parse_week(hours)
    assert (refused.value.path, refused.value.code) == (path, code)


def test_intervals_are_put_in_order_and_joined_where_they_touch():
    assert parse_week({"mon": [["12:00", "18:00"], ["09:00", "12:00"]]})[0] == ((9 * 3600, 18 * 3600),)
