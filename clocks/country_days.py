"""What a country's year looks like: its public holidays and its make-up workdays, as the `holidays` library knows them.

No database here: the override table reaches these functions as values.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

import holidays
from holidays import registry

# Where make-up workdays are announced year by year: so many of the past ten years prove the habit. Ten, so that a desk
# whose library is years old still warns.
YEARS_THAT_PROVE_A_HABIT = 3
YEARS_LOOKED_BACK = 10
# China announces the coming year in November; before October its absence is no news.
MONTH_TO_ASK_FOR_NEXT_YEAR = 10


@dataclass(frozen=True, slots=True)
class CountryYear:
    off: frozenset[date]
    on: frozenset[date]


def is_known_country(country: str) -> bool:
    """Whether the library knows the country of this ISO code of two letters. Its own list loads them all."""
    return country in _codes()


@lru_cache(maxsize=1)
def _codes() -> frozenset[str]:
    return frozenset(names[1] for names in registry.COUNTRIES.values())


@lru_cache(maxsize=512)
def library_year(country: str, year: int) -> CountryYear:
    """The year as the library has it. A make-up workday may stand only in the next year's table, so both are read."""
    table = holidays.country_holidays(country, years=[year, year + 1])
    return CountryYear(
        off=frozenset(on for on in table if on.year == year),
        on=frozenset(on for on in table.weekend_workdays if on.year == year),
    )


@lru_cache(maxsize=512)
def _names(country: str, year: int, language: str | None) -> dict[date, str]:
    return dict(holidays.country_holidays(country, years=year, language=language))


def holiday_name(country: str, on: date, language: str = "") -> str:
    """The holiday's name in `language` (a Django code: "zh-hans"), else in the country's own; "" if unknown."""
    table = holidays.country_holidays(country)
    wanted = {"zh-hans": "zh_CN", "zh-hant": "zh_TW", "en": "en_US"}.get(language, language.replace("-", "_"))
    known = wanted if wanted in (table.supported_languages or ()) else table.default_language
    return _names(country, on.year, known).get(on, "")


@dataclass(frozen=True, slots=True)
class CountryDays:
    """A country's days off and make-up workdays: fixed for `years`, as the library says for every other year."""

    country: str = ""
    years: frozenset[int] = frozenset()
    off: frozenset[date] = field(default=frozenset(), repr=False)
    on: frozenset[date] = field(default=frozenset(), repr=False)

    def is_off(self, on: date) -> bool:
        return on in self._year(on.year).off

    def is_on(self, on: date) -> bool:
        return on in self._year(on.year).on

    def _year(self, year: int) -> CountryYear:
        if not self.country or year in self.years:
            return CountryYear(self.off, self.on)
        return library_year(self.country, year)


NO_COUNTRY = CountryDays()


def fix_years(country: str, years: Iterable[int], overrides: Iterable[tuple[date, bool]] = ()) -> CountryDays:
    """The given years as the library has them now, with `overrides` (day, is it worked) on top."""
    if not country:
        return NO_COUNTRY
    overrides = list(overrides)
    fixed = frozenset(years) | {on.year for on, _ in overrides}
    off = {on for year in fixed for on in library_year(country, year).off}
    worked = {on for year in fixed for on in library_year(country, year).on}
    for on, is_working in overrides:
        (off if is_working else worked).discard(on)
        (worked if is_working else off).add(on)
    return CountryDays(country, fixed, frozenset(off), frozenset(worked))


def years_not_announced(country: str, today: date, overridden_years: Iterable[int] = ()) -> tuple[int, ...]:
    """This year and, from October, the next, where a country that announces make-up workdays every year has none yet.

    A year with entries of its own in the override table (`overridden_years`) counts as known.
    """
    asked = [today.year] if today.month < MONTH_TO_ASK_FOR_NEXT_YEAR else [today.year, today.year + 1]
    known = set(overridden_years)
    return tuple(year for year in asked if year not in known and _is_missing(country, year))


def _is_missing(country: str, year: int) -> bool:
    if not country or library_year(country, year).on:
        return False
    announced = [past for past in range(year - YEARS_LOOKED_BACK, year) if library_year(country, past).on]
    return len(announced) >= YEARS_THAT_PROVE_A_HABIT
