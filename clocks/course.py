"""A clock's course: the stretches in which it ran or stood, and what follows from them. Pure: values in, values out.

Everything a clock says about time is derived from its course and its target, so that an event that becomes known later
than it happened (a reply in its undo time, imported history) cuts the course where it belongs and the rest follows.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from clocks.business_time import NOTHING, WorkingHours, add, elapsed

HoursOf = Callable[[uuid.UUID | None], WorkingHours | None]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a clock's life: it ran under the hours of a calendar's version (None: round the clock), or it stood."""

    start: datetime
    end: datetime | None
    runs: bool
    why: str = ""
    hours_id: uuid.UUID | None = None


Course = tuple[Stretch, ...]


def run_from(at: datetime, hours_id: uuid.UUID | None) -> Stretch:
    return Stretch(at, None, runs=True, hours_id=hours_id)


def stand_from(at: datetime, why: str) -> Stretch:
    return Stretch(at, None, runs=False, why=why)


def nothing(at: datetime, hours_id: uuid.UUID | None) -> Course:
    """The course of a clock that stopped as it started."""
    return (Stretch(at, at, runs=True, hours_id=hours_id),)


def cut(course: Course, at: datetime) -> Course:
    """What of the course lies before `at`, its last stretch ended there."""
    kept = [one for one in course if one.start < at]
    if kept and (kept[-1].end is None or kept[-1].end > at):
        kept[-1] = replace(kept[-1], end=at)
    return tuple(kept)


def since(course: Course, at: datetime) -> Course:
    """What of the course lies at or after `at`, its first stretch begun there."""
    return tuple(replace(one, start=at) if one.start < at else one for one in course if one.end is None or one.end > at)


def used(course: Course, until: datetime, hours_of: HoursOf) -> timedelta:
    """The time that counted up to `until`."""
    spent = (
        elapsed(one.start, until if one.end is None else min(one.end, until), hours_of(one.hours_id))
        for one in course
        if one.runs
    )
    return sum(spent, NOTHING)


def stood(course: Course, until: datetime) -> timedelta:
    """The time, by the wall clock, in which it stood up to `until`."""
    return sum(
        (
            max(NOTHING, (until if one.end is None else min(one.end, until)) - one.start)
            for one in course
            if not one.runs
        ),
        NOTHING,
    )


def due(course: Course, target: timedelta, hours_of: HoursOf) -> datetime | None:
    """The moment at which the time that counted reaches `target`; None while it stands and has not reached it.

    Raises NoWorkingTime where the calendar it runs under never opens.
    """
    left = target
    for one in course:
        if not one.runs:
            continue
        hours = hours_of(one.hours_id)
        if one.end is None:
            return add(one.start, left, hours)
        spent = elapsed(one.start, one.end, hours)
        if spent >= left and (moment := add(one.start, left, hours)) < one.end:
            return moment
        # Used up at the very moment at which it stopped running: that is not too late yet.
        left -= spent
    return None


def to_json(course: Course) -> list[dict[str, Any]]:
    return [
        {
            "from": one.start.isoformat(),
            "to": None if one.end is None else one.end.isoformat(),
            "runs": one.runs,
            "why": one.why,
            "hours": None if one.hours_id is None else str(one.hours_id),
        }
        for one in course
    ]


def from_json(spans: Sequence[Mapping[str, Any]]) -> Course:
    return tuple(
        Stretch(
            datetime.fromisoformat(one["from"]),
            None if one["to"] is None else datetime.fromisoformat(one["to"]),
            one["runs"],
            one["why"],
            None if one["hours"] is None else uuid.UUID(one["hours"]),
        )
        for one in spans
    )
