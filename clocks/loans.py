"""A wait that a customer began elsewhere counts here: the clock that waits takes the earliest of several courses.

When subjects are merged, the target's clock lends itself the course of the source's: whichever is due first leads. What
happens from then on (pauses, resumes) happens to all of them, so that each can be given back as it would stand now.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from clocks import course as courses
from clocks.course import Course
from clocks.hours import hours_of
from clocks.models import Clock


def candidate_of(clock: Clock, lender: Clock | None = None) -> dict[str, Any]:
    """A wait that may lead: the clock's own, or the one that `lender` lends."""
    source = lender or clock
    return {
        "from": None if lender is None else str(lender.pk),
        "started_at": source.started_at.isoformat(),
        "target_seconds": source.target.total_seconds(),
        "calendar": None if source.calendar_id is None else str(source.calendar_id),
        "version": None if source.calendar_version_id is None else str(source.calendar_version_id),
        "spans": source.spans,
    }


def roll_forward(clock: Clock, at: datetime) -> list[dict[str, Any]]:
    """The clock's candidates, each with what happened to the clock since they were last looked at."""
    if not clock.loans:
        return [candidate_of(clock) | {"spans": courses.to_json(courses.cut(_course(clock.spans), at))}]
    lived = courses.since(courses.cut(_course(clock.spans), at), datetime.fromisoformat(clock.loans["at"]))
    return [_prolong(one, lived, at) for one in clock.loans["candidates"]]


def lead(clock: Clock, candidates: Sequence[Mapping[str, Any]], at: datetime) -> Course:
    """Let the candidate that is due first lead the clock from `at` on. Returns the course to follow."""
    first = min(candidates, key=lambda one: _due(one, at))
    clock.started_at = datetime.fromisoformat(first["started_at"])
    clock.target = timedelta(seconds=first["target_seconds"])
    clock.calendar_id = _uuid(first["calendar"])
    clock.calendar_version_id = _uuid(first["version"])
    only_own = len(candidates) == 1 and candidates[0]["from"] is None
    clock.loans = None if only_own else {"at": at.isoformat(), "candidates": list(candidates)}
    if clock.paused_at is not None:
        return (*_course(first["spans"]), courses.stand_from(at, _standing_for(clock)))
    return (*_course(first["spans"]), courses.run_from(at, clock.calendar_version_id))


def replan(clock: Clock, at: datetime) -> Course:
    """The clock has a new plan, and so has each of the waits that may lead it. Returns the course to follow."""
    plan = candidate_of(clock)
    new = {key: plan[key] for key in ("target_seconds", "calendar", "version")}
    return lead(clock, [one | new for one in roll_forward(clock, at)], at)


def _prolong(candidate: Mapping[str, Any], lived: Course, at: datetime) -> dict[str, Any]:
    """A candidate's course with what the clock lived through since, under the candidate's own calendar."""
    version = _uuid(candidate["version"])
    own = tuple(courses.Stretch(one.start, one.end, one.runs, one.why, version if one.runs else None) for one in lived)
    return {**candidate, "spans": courses.to_json((*_course(candidate["spans"]), *own))}


def _due(candidate: Mapping[str, Any], at: datetime) -> datetime:
    course = (*_course(candidate["spans"]), courses.run_from(at, _uuid(candidate["version"])))
    due_at = courses.due(course, timedelta(seconds=candidate["target_seconds"]), hours_of)
    assert due_at is not None  # a course that runs on is due some day, or NoWorkingTime was raised
    return due_at


def _standing_for(clock: Clock) -> str:
    return str(clock.spans[-1]["why"])


def _course(spans: Sequence[Mapping[str, Any]]) -> Course:
    return courses.from_json(spans)


def _uuid(text: str | None) -> uuid.UUID | None:
    return None if text is None else uuid.UUID(text)
