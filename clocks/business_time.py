"""Business time: adding and measuring time that counts only within working hours. Pure: values in, values out.

An instant counts when a clock on the wall of the calendar's time zone shows working time. Local hours become spans of
UTC day by day, so a day on which the clocks change has as many working hours as really pass: an hour that is skipped
counts nothing, an hour that is shown twice counts twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from clocks.country_days import NO_COUNTRY, CountryDays
from clocks.weekly_hours import Week
from servicedesk.errors import Conflict

LONGEST_CLOSURE = timedelta(days=731)
ONE_DAY = timedelta(days=1)
NOTHING = timedelta(0)

Span = tuple[datetime, datetime]


class NoWorkingTime(Conflict):
    """The calendar has no working time within two years of the moment asked about."""

    code = "no_working_time"
    title = _("The calendar has no working time")


class Reason(StrEnum):
    """Why a stretch of time counts or doesn't."""

    ROUND_THE_CLOCK = "round_the_clock"
    WORKING_HOURS = "working_hours"
    EXTRA_WORKDAY = "extra_workday"
    MAKE_UP_WORKDAY = "make_up_workday"
    CLOSED = "closed"
    WEEKEND = "weekend"
    DAY_OFF = "day_off"
    HOLIDAY = "holiday"
    PUBLIC_HOLIDAY = "public_holiday"


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time; `on` is the local day for the reasons that belong to a day (a holiday, a make-up workday)."""

    start: datetime
    end: datetime
    counted: bool
    reason: Reason
    on: date | None = None


@dataclass(frozen=True, slots=True)
class _Day:
    spans: tuple[Span, ...]
    reason: Reason


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """When work is done: weekly hours in a time zone, days off, and days worked out of turn.

    `week` holds for each weekday (Monday first) its intervals in seconds since local midnight. A day of its own in
    `extra_workdays` or `holidays` outranks what the country says about it, and an extra workday outranks a holiday. A
    day worked out of turn has that weekday's hours, or if it has none the hours of the first weekday that has some.
    """

    week: Week
    time_zone: str = "UTC"
    holidays: frozenset[date] = frozenset()
    extra_workdays: frozenset[date] = frozenset()
    country_days: CountryDays = NO_COUNTRY
    _days: dict[date, _Day] = field(default_factory=dict, init=False, repr=False, compare=False)

    def is_open(self, at: datetime) -> bool:
        spans = self._day(_local_date(at, self.time_zone)).spans
        return any(start <= at < end for start, end in spans)

    def intervals(self, start: datetime, end: datetime) -> Iterator[Interval]:
        """Every stretch between `start` and `end`, counted or left out, without gaps, in order."""
        open_stretch: Interval | None = None
        for stretch in self._stretches(start, end):
            if open_stretch is None:
                open_stretch = stretch
            elif _belong_together(open_stretch, stretch):
                open_stretch = Interval(
                    open_stretch.start, stretch.end, stretch.counted, stretch.reason, open_stretch.on
                )
            else:
                yield open_stretch
                open_stretch = stretch
        if open_stretch is not None:
            yield open_stretch

    def spans_from(self, start: datetime) -> Iterator[Span]:
        """Working spans that end after `start`, in order, the first one cut at `start`.

        Raises NoWorkingTime where two years pass without any.
        """
        on = _local_date(start, self.time_zone)
        give_up_on = on + LONGEST_CLOSURE
        while on <= give_up_on:
            for span in self._day(on).spans:
                if span[1] > start:
                    give_up_on = on + LONGEST_CLOSURE
                    yield span if span[0] >= start else (start, span[1])
            on += ONE_DAY
        raise NoWorkingTime(_("The calendar has no working time within two years."))

    def _stretches(self, start: datetime, end: datetime) -> Iterator[Interval]:
        moment, on = start, _local_date(start, self.time_zone)
        while moment < end:
            day = self._day(on)
            midnight = min(_first_instant(on + ONE_DAY, ZoneInfo(self.time_zone)), end)
            named = on if day.reason in _NAMED else None
            for opens, closes in day.spans:
                if closes <= moment or opens >= end:
                    continue
                if opens > moment:
                    yield Interval(moment, opens, False, Reason.CLOSED)
                yield Interval(max(opens, moment), min(closes, end), True, day.reason, named)
                moment = min(closes, end)
            if moment < midnight:
                reason = Reason.CLOSED if day.spans else day.reason
                yield Interval(moment, midnight, False, reason, None if day.spans else named)
                moment = midnight
            on += ONE_DAY

    def _day(self, on: date) -> _Day:
        day = self._days.get(on)
        if day is None:
            hours, reason = self._hours_of(on)
            day = self._days[on] = _Day(_utc_spans(on, hours, ZoneInfo(self.time_zone)), reason)
        return day

    def _hours_of(self, on: date) -> tuple[tuple[tuple[int, int], ...], Reason]:
        hours = self.week[on.weekday()]
        out_of_turn = hours or next((some for some in self.week if some), ())
        if on in self.extra_workdays:
            return out_of_turn, Reason.EXTRA_WORKDAY
        if on in self.holidays:
            return (), Reason.HOLIDAY
        if self.country_days.is_on(on):
            return out_of_turn, Reason.MAKE_UP_WORKDAY
        if self.country_days.is_off(on):
            return (), Reason.PUBLIC_HOLIDAY
        if hours:
            return hours, Reason.WORKING_HOURS
        return (), Reason.WEEKEND if on.weekday() >= 5 else Reason.DAY_OFF


_NAMED = frozenset({Reason.HOLIDAY, Reason.PUBLIC_HOLIDAY, Reason.EXTRA_WORKDAY, Reason.MAKE_UP_WORKDAY})


def add(start: datetime, amount: timedelta, hours: WorkingHours | None) -> datetime:
    """The moment at which `amount` of working time has passed since `start` (wall clock where `hours` is None).

    A moment that falls exactly on closing time stays there. Raises NoWorkingTime, and ValueError for a negative amount.
    """
    if amount < NOTHING:
        raise ValueError("cannot add a negative amount of time")
    if hours is None or not amount:
        return start + amount
    for opens, closes in hours.spans_from(start):
        if amount <= closes - opens:
            return opens + amount
        amount -= closes - opens
    raise AssertionError("spans_from ends only by raising")


def elapsed(start: datetime, end: datetime, hours: WorkingHours | None) -> timedelta:
    """Working time between two moments; zero where `end` lies before `start`."""
    if end <= start:
        return NOTHING
    if hours is None:
        return end - start
    total, on, last = NOTHING, _local_date(start, hours.time_zone), _local_date(end, hours.time_zone)
    while on <= last:
        for opens, closes in hours._day(on).spans:
            if closes > start and opens < end:
                total += min(closes, end) - max(opens, start)
        on += ONE_DAY
    return total


def intervals(start: datetime, end: datetime, hours: WorkingHours | None) -> Iterator[Interval]:
    """Every stretch between two moments and why it counts or not."""
    if hours is not None:
        yield from hours.intervals(start, end)
    elif start < end:
        yield Interval(start, end, True, Reason.ROUND_THE_CLOCK)


def _belong_together(one: Interval, next_one: Interval) -> bool:
    return one.end == next_one.start and (one.reason, one.on) == (next_one.reason, next_one.on)


def _local_date(at: datetime, time_zone: str) -> date:
    return at.astimezone(ZoneInfo(time_zone)).date()


def _first_instant(on: date, zone: ZoneInfo) -> datetime:
    """When a local day begins: at the change of offset where midnight is skipped, the first of two."""
    return datetime.combine(on, time(), zone).astimezone(UTC)


def _utc_spans(on: date, hours: tuple[tuple[int, int], ...], zone: ZoneInfo) -> tuple[Span, ...]:
    """The instants of a local day at which the wall shows `hours`, in order."""
    if not hours:
        return ()
    midnight = datetime.combine(on, time(), UTC)
    first, change, last, before, after = _local_day(on, zone)
    spans: list[Span] = []
    for offset, since, until in ((before, first, change), (after, change, last)):
        for opens, closes in hours:
            start = max(midnight + timedelta(seconds=opens) - offset, since)
            end = min(midnight + timedelta(seconds=closes) - offset, until)
            if start < end and spans and spans[-1][1] == start:
                spans[-1] = (spans[-1][0], end)
            elif start < end:
                spans.append((start, end))
    return tuple(spans)


@lru_cache(maxsize=8192)
def _local_day(on: date, zone: ZoneInfo) -> tuple[datetime, datetime, datetime, timedelta, timedelta]:
    """A local day in UTC: its first instant, that at which its offset changes (else its end), its end, both offsets."""
    first, last = _first_instant(on, zone), _first_instant(on + ONE_DAY, zone)
    before, after = _offset(first, zone), _offset(last - timedelta(microseconds=1), zone)
    if before == after or first >= last:
        return first, last, last, before, after
    low, high = 0, int((last - first).total_seconds())
    while low < high:
        middle = (low + high) // 2
        if _offset(first + timedelta(seconds=middle), zone) == after:
            high = middle
        else:
            low = middle + 1
    return first, first + timedelta(seconds=low), last, before, after


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None  # a ZoneInfo always has one
    return offset
