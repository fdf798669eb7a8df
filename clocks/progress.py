"""What becomes of a clock as time goes on. Works on a clock in memory and touches no database.

`follow` derives the kept fields from the course, `advance` does what fell due, `next_wake` says when to look again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from clocks import course as courses
from clocks.course import Course, HoursOf
from clocks.models import Clock
from clocks.subjects import Duty

# `stopped_at ≤ due_at` is met: the detector looks just after the due time, never at it.
JUST_AFTER: Final = timedelta(microseconds=1)
GOING: Final = frozenset({"running", "paused"})


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that befell a clock: the kind of the event that tells it, when it fell due, and its own details."""

    kind: str
    at: datetime
    is_silent: bool = False
    # Told before, as history, and lifted since.
    is_known: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict)


def follow(clock: Clock, course: Course, hours_of: HoursOf, *, known_at: datetime) -> None:
    """Give the clock this course and all that follows from it. A breached clock's due time stays what it was."""
    last = course[-1]
    end = last.start if last.end is None else last.end
    clock.spans = courses.to_json(course)
    clock.used = courses.used(course, end, hours_of)
    clock.paused_total = courses.stood(course, end)
    clock.counted_from = last.start if last.end is None and last.runs else None
    clock.paused_at = last.start if last.end is None and not last.runs else None
    if clock.state in GOING:
        due_at = courses.due(course, clock.target, hours_of)
        if due_at != clock.due_at:
            clock.due_at, clock.known_at = due_at, known_at
        clock.warn_at = _warn_at(clock, course, hours_of)


def advance(
    clock: Clock, at: datetime, *, detected_at: datetime, duty: Duty, may_judge: bool = True
) -> list[Happening]:
    """Do what fell due up to `at`: warn, judge, reach steps; each once, in the order of their times.

    With `may_judge` False (a reply is in its undo time) the verdict and what follows it wait. What was over before it
    reached us (`over_until`) is done silently: steps and warnings are only ticked off.
    """
    happened: list[Happening] = []
    if clock.warn_at is not None and clock.warned_at is None and clock.warn_at <= at and clock.state in GOING:
        clock.warned_at = clock.warn_at
        happened.append(Happening("clock.warned", clock.warn_at, _is_over(clock, clock.warn_at)))
    if may_judge and clock.is_overdue(at):
        happened.append(_breach(clock, detected_at, duty))
    if clock.steps:
        happened += _reach_steps(clock, at)
        happened.sort(key=lambda one: one.at)
    return happened


def next_wake(clock: Clock) -> datetime | None:
    """When to look at the clock again; None when nothing more can befall it by itself."""
    if clock.stopped_at is not None or clock.frozen_at is not None:
        return None
    moments = [moment for _step, moment in _open_steps(clock)]
    if clock.state in GOING:
        if clock.due_at is not None:
            moments.append(clock.due_at + JUST_AFTER)
        if clock.warn_at is not None and clock.warned_at is None:
            moments.append(clock.warn_at)
    return min(moments, default=None)


def _breach(clock: Clock, detected_at: datetime, duty: Duty) -> Happening:
    assert clock.due_at is not None  # an overdue clock has a due time
    clock.state = Clock.State.BREACHED
    clock.detected_at = detected_at
    was_told, clock.is_silent = clock.is_silent, _is_over(clock, clock.due_at)
    clock.assignee_id, clock.team_id, clock.on_duty = duty.assignee_id, duty.team_id, duty.on_duty
    return Happening("clock.breached", clock.due_at, clock.is_silent, is_known=was_told and clock.is_silent)


def _reach_steps(clock: Clock, at: datetime) -> Iterator[Happening]:
    for step, moment in _open_steps(clock):
        if moment <= at:
            clock.steps_done = [*clock.steps_done, step["key"]]
            changes = {"step": step["key"], "action": step["action"], "params": step["params"]}
            yield Happening("clock.step_reached", moment, _is_over(clock, moment), changes=changes)


def _open_steps(clock: Clock) -> list[tuple[Mapping[str, Any], datetime]]:
    """The steps not reached yet that have a time. Those at and after the due time wait for the verdict."""
    if not clock.steps or clock.due_at is None:
        return []
    is_breached = clock.state == Clock.State.BREACHED
    found: list[tuple[Mapping[str, Any], datetime]] = []
    for step in clock.steps:
        if step["key"] in clock.steps_done:
            continue
        seconds = step["offset_seconds"]
        if seconds < 0:
            found.append((step, clock.due_at + timedelta(seconds=seconds)))
        elif is_breached and clock.paused_at is None:
            found.append((step, clock.due_at + timedelta(seconds=seconds) + clock.steps_delay))
    return found


def _warn_at(clock: Clock, course: Course, hours_of: HoursOf) -> datetime | None:
    if clock.warn_at_percent is None:
        return None
    return courses.due(course, clock.target * clock.warn_at_percent / 100, hours_of)


def _is_over(clock: Clock, moment: datetime) -> bool:
    return clock.over_until is not None and moment <= clock.over_until
