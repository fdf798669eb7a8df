"""When subjects are merged: the source's clocks are put away as they are, and brought back as they were."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from clocks import course as courses
from clocks.hours import hours_of, load_hours
from clocks.loans import candidate_of, lead, roll_forward
from clocks.models import Clock
from clocks.progress import advance, follow
from clocks.sitting import WAKE, Sitting, book_wakes, tell_happenings
from clocks.subjects import Duty, subject_type
from clocks.times import utc
from clocks.writing import PLAN, PROGRESS, write_clocks
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.events import record_many
from servicedesk.later import drop_many

WAITS: Final = ("first_response", "next_response")


@transaction.atomic
def freeze_clocks(subject: Any, *, at: datetime, by: Actor = SYSTEM) -> list[Clock]:
    """Settle the subject's clocks, then put the open ones away: nothing wakes or changes them until `thaw_clocks`."""
    sitting = Sitting(subject, at, by=by)
    sitting.close()
    for clock in sitting.clocks:
        clock.frozen_at = at
    write_clocks(sitting.clocks, ["frozen_at"])
    drop_many(WAKE, [clock.pk for clock in sitting.clocks])
    return sitting.clocks


@transaction.atomic
def thaw_clocks(subject: Any, *, at: datetime, by: Actor = SYSTEM) -> list[Clock]:
    """Bring frozen clocks back unchanged. What fell due meanwhile is judged silently, told as history."""
    clocks = list(Clock.objects.of(subject).open().filter(frozen_at__isnull=False).locking().order_by("id"))
    if not clocks:
        return []
    load_hours(clock.calendar_version_id for clock in clocks)
    moment = now()
    duty = subject_type(subject.subject_type).duty([subject.pk]).get(subject.pk, Duty())
    told = []
    for clock in clocks:
        clock.frozen_at = None
        kept_over_until, clock.over_until = clock.over_until, at
        told += tell_happenings(clock, advance(clock, at, detected_at=moment, duty=duty))
        clock.over_until = kept_over_until
    write_clocks(clocks, ["frozen_at", *PROGRESS])
    record_many(told)
    book_wakes(clocks)
    return clocks


@transaction.atomic
def lend_wait(
    source: Any,
    target: Any,
    *,
    at: datetime,
    by: Actor = SYSTEM,
    metrics: Collection[str] = WAITS,
    metric: str = "next_response",
) -> Clock | None:
    """The customer's wait on `source` counts on `target`: the open clock that waits there is due when the earlier is.

    Where nothing waits on `target`, a clock of `metric` goes on with the wait. `metrics` are those that time a waiting
    customer. Call it after the source's clocks are frozen. Returns the target's clock if a wait was lent, else None.
    """
    waiting = Clock.objects.of(source).open().filter(metric__in=metrics, state="running")
    lender = waiting.order_by("due_at", "id").first()
    if lender is None:
        return None
    sitting = Sitting(target, at, by=by)
    load_hours([lender.calendar_version_id])
    borrower = next((clock for clock in sitting.pick(metrics) if clock.state != Clock.State.BREACHED), None)
    lent = candidate_of(lender, lender) | {"spans": courses.to_json(courses.cut(courses.from_json(lender.spans), at))}
    if borrower is None:
        borrower = _take_over(target, lender, lent, at, metric) if not sitting.pick(metrics) else None
    else:
        _lead(sitting, borrower, [*roll_forward(borrower, at), lent])
    sitting.close()
    return borrower


@transaction.atomic
def return_wait(
    source: Any, target: Any, *, at: datetime, by: Actor = SYSTEM, metrics: Collection[str] = WAITS
) -> Clock | None:
    """The wait that `source` lent goes back: the target's clock is due as it would be without it.

    A clock that only went on with the lent wait is cancelled. Verdicts stay. Returns the target's clock, or None.
    """
    sitting = Sitting(target, at, by=by)
    lenders = {str(pk) for pk in Clock.objects.of(source).values_list("pk", flat=True)}
    for clock in sitting.pick(metrics):
        names = {one["from"] for one in (clock.loans or {}).get("candidates", ())}
        if not names & lenders:
            continue
        if clock.state != Clock.State.BREACHED:
            _give_back(sitting, clock, lenders)
            sitting.close()
        return clock
    sitting.close()
    return None


def _give_back(sitting: Sitting, clock: Clock, lenders: Collection[str]) -> None:
    left = [one for one in roll_forward(clock, sitting.at) if one["from"] not in lenders]
    if left:
        _lead(sitting, clock, left)
        return
    clock.move_to(Clock.State.CANCELLED)
    clock.stopped_at = sitting.at
    sitting.take(clock, courses.cut(sitting.course(clock), sitting.at), PLAN)


def _lead(sitting: Sitting, clock: Clock, candidates: list[dict[str, Any]]) -> None:
    due_before = clock.due_at
    course = lead(clock, candidates, sitting.at)
    sitting.take(clock, course, PLAN)
    if clock.due_at != due_before:
        due = [None if one is None else utc(one) for one in (due_before, clock.due_at)]
        sitting.tell("clock.recomputed", clock, {"due_at": due})
    sitting.settle()


def _take_over(target: Any, lender: Clock, lent: dict[str, Any], at: datetime, metric: str) -> Clock:
    """A clock on the target that goes on with the lender's wait, under the lender's plan."""
    clock = Clock(
        subject_type=target.subject_type,
        subject_id=target.pk,
        subject_number=str(getattr(target, "number", "") or ""),
        shop_id=target.shop_id,
        metric=metric,
        state=lender.state,
        target=lender.target,
        calendar_id=lender.calendar_id,
        calendar_version_id=lender.calendar_version_id,
        started_at=lender.started_at,
        known_at=now(),
        warn_at_percent=lender.warn_at_percent,
        warned_at=lender.warned_at,
        steps=lender.steps,
        steps_done=lender.steps_done,
        loans={"at": at.isoformat(), "candidates": [lent]},
    )
    follow(clock, courses.from_json(lender.spans), hours_of, known_at=now())
    Clock.objects.bulk_create([clock])
    book_wakes([clock])
    return clock
