"""Start, settle, stop, pause, resume, cancel."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from clocks import course as courses
from clocks.business_time import NOTHING
from clocks.hours import hours_of, load_hours
from clocks.models import Clock
from clocks.plans import ClockPlan
from clocks.progress import follow
from clocks.sitting import Sitting, book_wakes
from clocks.subjects import subject_type
from clocks.times import utc
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.inserting import insert


@transaction.atomic(savepoint=False)
def start_clocks(
    subject: Any, plans: Sequence[ClockPlan], *, at: datetime, by: Actor, historic: bool = False
) -> list[Clock]:
    """Start a clock for each plan, in one insert and one booking.

    The caller knows from `settle` that none of the metrics is open: the database refuses a second one (IntegrityError).
    """
    subject_type(subject.subject_type)  # a clock whose subject nobody can lock would never be judged
    moment = now()
    load_hours(plan.calendar.current_id for plan in plans if plan.calendar is not None)
    clocks = [new_clock(subject, plan, at, moment, historic=historic) for plan in plans]
    insert(clocks)
    book_wakes(clocks)
    return clocks


def new_clock(subject: Any, plan: ClockPlan, at: datetime, moment: datetime, *, historic: bool) -> Clock:
    version_id = None if plan.calendar is None else plan.calendar.current_id
    clock = Clock(
        subject_type=subject.subject_type,
        subject_id=subject.pk,
        subject_number=str(getattr(subject, "number", "") or ""),
        shop_id=subject.shop_id,
        metric=plan.metric,
        state=Clock.State.RUNNING,
        target=plan.target,
        calendar=plan.calendar,
        calendar_version_id=version_id,
        started_at=at,
        known_at=moment,
        warn_at_percent=plan.warn_at_percent,
        steps=[step.as_json() for step in plan.steps],
        is_historic=historic,
        over_until=moment if historic else None,
    )
    follow(clock, (courses.run_from(at, version_id),), hours_of, known_at=moment)
    return clock


@transaction.atomic
def settle(subject: Any, *, at: datetime, by: Actor = SYSTEM, historic: bool = False) -> list[Clock]:
    """Lock the subject's open clocks and breach what was overdue by `at`. Returns the open clocks, breached ones too.

    A reply in its undo time (the subject's `postpone`) puts the verdict off.
    """
    sitting = Sitting(subject, at, by=by, historic=historic)
    sitting.close()
    return sitting.clocks


@transaction.atomic
def stop_clocks(
    subject: Any, metrics: Collection[str] | None, *, at: datetime, by: Actor, historic: bool = False
) -> list[Clock]:
    """The awaited event happened at `at` (which may lie before now: the press of the button). None: every metric.

    At or before the due time it is met, else breached; one breached already stays so and keeps when it was stopped.
    Returns the clocks that it stopped.
    """
    sitting = Sitting(subject, at, by=by, historic=historic)
    stopped = sitting.pick(metrics)
    for clock in stopped:
        _stop(sitting, clock)
    sitting.close()
    return stopped


def _stop(sitting: Sitting, clock: Clock) -> None:
    at = max(sitting.at, clock.started_at)
    if clock.is_overdue(at):
        sitting.judge(clock)
    course = courses.cut(sitting.course(clock), at)
    if clock.state != Clock.State.BREACHED:
        if clock.due_at is None:
            # It stood: this is when it would have been due, had it gone on from here.
            clock.due_at = courses.due(
                (*course, courses.run_from(at, clock.calendar_version_id)), clock.target, hours_of
            )
        clock.move_to(Clock.State.MET)
        sitting.tell("clock.met", clock, {**_outcome(clock), "stopped_at": utc(at)}, at=at)
    _end(sitting, clock, at)


def _end(sitting: Sitting, clock: Clock, at: datetime) -> None:
    course = courses.cut(sitting.course(clock), at)
    clock.stopped_at = at
    sitting.take(clock, course or courses.nothing(at, clock.calendar_version_id))


def _outcome(clock: Clock) -> dict[str, Any]:
    return {"due_at": None if clock.due_at is None else utc(clock.due_at)}


@transaction.atomic
def pause_clocks(
    subject: Any,
    metrics: Collection[str] | None,
    *,
    at: datetime,
    reason: str,
    by: Actor = SYSTEM,
    historic: bool = False,
) -> list[Clock]:
    """From `at` on these clocks stand (None: all). `reason` is a code that the explanation shows: "pending", "on_hold".

    A breached one stays breached, but its time stands and the steps after its due time wait. Returns those it paused.
    """
    sitting = Sitting(subject, at, by=by, historic=historic)
    paused = [clock for clock in sitting.pick(metrics) if not _stands_for(sitting, clock, reason)]
    for clock in paused:
        moment = max(at, clock.started_at)
        if clock.state == Clock.State.RUNNING:
            clock.move_to(Clock.State.PAUSED)
        sitting.take(clock, (*courses.cut(sitting.course(clock), moment), courses.stand_from(moment, reason)))
    sitting.close()
    return paused


def _stands_for(sitting: Sitting, clock: Clock, reason: str) -> bool:
    last = sitting.course(clock)[-1]
    return not last.runs and last.why == reason and last.start <= sitting.at


@transaction.atomic
def resume_clocks(
    subject: Any,
    *,
    at: datetime,
    metrics: Collection[str] | None = None,
    by: Actor = SYSTEM,
    historic: bool = False,
) -> list[Clock]:
    """From `at` on the clocks that stand (of these metrics, if given) go on. Returns those that did."""
    sitting = Sitting(subject, at, by=by, historic=historic)
    resumed = [clock for clock in sitting.pick(metrics) if clock.paused_at is not None]
    for clock in resumed:
        moment = max(at, clock.started_at)
        if clock.state == Clock.State.PAUSED:
            clock.move_to(Clock.State.RUNNING)
        elif clock.paused_at is not None:
            clock.steps_delay += max(moment - clock.paused_at, NOTHING)
        course = courses.cut(sitting.course(clock), moment)
        sitting.take(clock, (*course, courses.run_from(moment, clock.calendar_version_id)))
    sitting.close()
    return resumed


@transaction.atomic
def cancel_clocks(
    subject: Any, metrics: Collection[str] | None = None, *, at: datetime, by: Actor, historic: bool = False
) -> list[Clock]:
    """What these clocks wait for will not come and need not. A breached one stays breached. Returns those it ended."""
    sitting = Sitting(subject, at, by=by, historic=historic)
    cancelled = sitting.pick(metrics)
    for clock in cancelled:
        if clock.state != Clock.State.BREACHED:
            clock.move_to(Clock.State.CANCELLED)
        _end(sitting, clock, max(at, clock.started_at))
    sitting.close()
    return cancelled
