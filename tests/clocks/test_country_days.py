from datetime import date

import pytest

from clocks.country_days import fix_years, holiday_name, is_known_country, library_year, years_not_announced


@pytest.mark.parametrize(
    "day", ["2025-01-26", "2025-02-08", "2025-09-28", "2025-10-11", "2026-02-14", "2026-02-28", "2026-05-09"]
)
def test_chinas_make_up_workdays_are_known(day):
    on = date.fromisoformat(day)
    assert on.weekday() >= 5
    assert on in library_year("CN", on.year).on


def test_a_make_up_workday_told_by_the_next_years_table_belongs_to_its_own_year():
    assert date(2011, 12, 31) in library_year("CN", 2011).on
    assert date(2011, 12, 31) not in library_year("CN", 2012).on


def test_countries_without_the_custom_have_no_make_up_workdays():
    assert library_year("DE", 2026).on == frozenset()
    assert date(2026, 10, 3) in library_year("DE", 2026).off


@pytest.mark.parametrize(
    ("today", "missing"),
    [
        (date(2026, 6, 1), ()),
        (date(2026, 9, 30), ()),
        (date(2029, 6, 1), (2029,)),
        (date(2029, 11, 22), (2029, 2030)),
        (date(2033, 6, 1), (2033,)),
    ],
)
def test_a_year_that_is_not_announced_is_named(today, missing, monkeypatch):
    monkeypatch.setattr("clocks.country_days.library_year", lambda country, year: library_year("CN", min(year, 2099) if year < 2027 else 2099))  # fmt: skip
    assert years_not_announced("CN", today) == missing


def test_a_country_that_announces_nothing_is_missing_nothing():
    assert years_not_announced("DE", date(2029, 11, 22)) == ()
    assert years_not_announced("", date(2029, 11, 22)) == ()


def test_a_year_with_entries_of_its_own_counts_as_announced():
    assert years_not_announced("CN", date(2060, 11, 22), {2060, 2061}) == ()


def test_holidays_are_named_in_the_language_asked_for():
    assert holiday_name("CN", date(2026, 10, 1), "zh-hans") == "国庆节"
    assert holiday_name("CN", date(2026, 10, 1), "zh-hant") == "國慶節"
    assert holiday_name("CN", date(2026, 10, 1), "en") == "National Day"
    assert holiday_name("CN", date(2026, 10, 1), "xx") == "国庆节"
    assert holiday_name("CN", date(2026, 11, 23), "en") == ""


def test_countries_are_known_by_their_code():
    assert is_known_country("CN")
    assert not is_known_country("XX")


def test_no_country_fixes_nothing():
    assert not fix_years("", [2026]).is_off(date(2026, 10, 1))
