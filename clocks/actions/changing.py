"""Recompute, reopen, finalise: what changes a clock that already ran."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from clocks import course as courses
from clocks.hours import load_hours
from clocks.loans import replan
from clocks.models import Clock
from clocks.plans import ClockPlan
from clocks.sitting import Sitting
from clocks.times import utc
from clocks.writing import PLAN
from servicedesk.actor import Actor


@transaction.atomic
def recompute_clocks(
    subject: Any, plans: Sequence[ClockPlan], *, at: datetime, by: Actor, historic: bool = False
) -> list[Clock]:
    """Give open clocks a new plan from `at` on; the time already used is kept. Plans of no open clock are left alone.

    A plan that moves the deadline into the past breaches the clock now, and its lag counts from now. Breached clocks
    stay as they are. Steps and warnings that were reached are not reached again. Returns the clocks it changed.
    """
    sitting = Sitting(subject, at, by=by, historic=historic)
    changed = recompute_in(sitting, {plan.metric: plan for plan in plans})
    sitting.close()
    return changed


def recompute_in(sitting: Sitting, plans: Mapping[str, ClockPlan]) -> list[Clock]:
    """The same within a sitting: for batches of subjects."""
    load_hours(plan.calendar.current_id for plan in plans.values() if plan.calendar is not None)
    picked = [clock for clock in sitting.pick(plans.keys()) if clock.state != Clock.State.BREACHED]
    changed = [clock for clock in picked if _differs(clock, plans[clock.metric])]
    for clock in changed:
        _recompute(sitting, clock, plans[clock.metric])
    if changed:
        sitting.settle()
    return changed


def _differs(clock: Clock, plan: ClockPlan) -> bool:
    version_id = None if plan.calendar is None else plan.calendar.current_id
    return (clock.target, clock.calendar_version_id, clock.warn_at_percent, clock.steps) != (
        plan.target, version_id, plan.warn_at_percent, [step.as_json() for step in plan.steps],
    )  # fmt: skip


def _recompute(sitting: Sitting, clock: Clock, plan: ClockPlan) -> None:
    due_before, target_before = clock.due_at, clock.target
    version_id = None if plan.calendar is None else plan.calendar.current_id
    at = max(sitting.at, clock.started_at)
    course = sitting.course(clock)
    if course[-1].runs and version_id != clock.calendar_version_id:
        course = (*courses.cut(course, at), courses.run_from(at, version_id))
    clock.calendar, clock.calendar_version_id = plan.calendar, version_id
    clock.target, clock.warn_at_percent = plan.target, plan.warn_at_percent
    clock.steps = [step.as_json() for step in plan.steps]
    sitting.take(clock, replan(clock, at) if clock.loans else course, PLAN)
    if (clock.due_at, clock.target) != (due_before, target_before):
        changes = {
            "due_at": [_utc(due_before), _utc(clock.due_at)],
            "target_seconds": [int(target_before.total_seconds()), int(clock.target.total_seconds())],
        }
        sitting.tell("clock.recomputed", clock, changes)


@transaction.atomic
def reopen_clocks(
    subject: Any,
    metrics: Collection[str],
    *,
    at: datetime,
    solved_at: datetime,
    by: Actor,
    historic: bool = False,
) -> list[Clock]:
    """Take met clocks up again, the same rows: the time since `solved_at` counts as a pause.

    Breached, cancelled and final ones stay as they are, and so do metrics that have an open clock. Returns those
    that go on, with what was left of their time.
    """
    sitting = Sitting(subject, at, by=by, historic=historic)
    open_metrics = {clock.metric for clock in sitting.clocks}
    reopened = [clock for clock in _last_met(subject, metrics) if clock.metric not in open_metrics]
    load_hours(clock.calendar_version_id for clock in reopened)
    for clock in reopened:
        _reopen(sitting, clock, solved_at)
    sitting.close()
    return reopened


def _last_met(subject: Any, metrics: Collection[str]) -> list[Clock]:
    met = Clock.objects.of(subject).filter(metric__in=metrics, state=Clock.State.MET, is_final=False, frozen_at=None)
    last = {clock.metric: clock for clock in met.locking().order_by("stopped_at", "id")}
    return list(last.values())


def _reopen(sitting: Sitting, clock: Clock, solved_at: datetime) -> None:
    stood_from = solved_at if clock.stopped_at is None else min(solved_at, clock.stopped_at)
    stood_from = max(stood_from, clock.started_at)
    at = max(sitting.at, stood_from)
    ran = courses.cut(sitting.course(clock), stood_from)
    solved = replace(courses.stand_from(stood_from, "solved"), end=at)
    clock.move_to(Clock.State.RUNNING)
    clock.stopped_at = None
    sitting.take(clock, (*ran, solved, courses.run_from(at, clock.calendar_version_id)))
    paused = int((at - stood_from).total_seconds())
    sitting.tell("clock.resumed", clock, {"due_at": _utc(clock.due_at), "paused_seconds": paused})


@transaction.atomic
def finalise_clocks(subject: Any, *, at: datetime, by: Actor) -> int:
    """The subject is closed for good: what is met stays met. Returns how many verdicts became final."""
    met = Clock.objects.of(subject).filter(state=Clock.State.MET, is_final=False)
    return met.update(is_final=True)


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else utc(moment)
