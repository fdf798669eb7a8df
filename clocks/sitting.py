"""One action's work on a subject's clocks: they are locked and settled first, and all is written at the end."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from clocks import course as courses
from clocks.course import Course
from clocks.hours import hours_of, load_hours
from clocks.models import Clock
from clocks.progress import Happening, advance, follow, next_wake
from clocks.subjects import Duty, subject_type
from clocks.times import utc
from clocks.writing import COURSE, PROGRESS, write_clocks
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.events import Told, tell_many
from servicedesk.later import Booked, book_many, drop_many

WAKE: Final = "clock.next"
UNKNOWN: Final = Duty()


class Ledger:
    """What one transaction changes on clocks, tells of them and books for them, written at its end."""

    def __init__(self) -> None:
        self.moment = now()
        self.told: list[Told] = []
        self._changed: dict[uuid.UUID, Clock] = {}
        self._columns: set[str] = set()
        self._woken: dict[uuid.UUID, Clock] = {}
        self._not_before: dict[uuid.UUID, datetime] = {}

    def change(self, clock: Clock, columns: Iterable[str]) -> None:
        self._changed[clock.pk] = self._woken[clock.pk] = clock
        self._columns.update(columns)

    def look_again(self, clock: Clock, *, not_before: datetime | None = None) -> None:
        """Book the clock's next wake though nothing changed, for no earlier than this."""
        self._woken[clock.pk] = clock
        if not_before is not None:
            self._not_before[clock.pk] = not_before

    def close(self, *, drops: bool = True) -> None:
        """Write the clocks, their events and their next bookings.

        Without `drops` for the sweep, which has taken the bookings away before it woke the clocks.
        """
        if self._changed:
            write_clocks(self._changed.values(), sorted(self._columns))
            tell_many(self.told)
        book_wakes(self._woken.values(), self._not_before, drops=drops)


class Sitting:
    """The clocks of one subject, locked, from the moment `at` of an act to the writing of what it brought about.

    The caller holds the subject's lock. `historic` is for history that is brought over from another system. A batch
    gives the clocks and a ledger shared by its sittings, which it closes itself.
    """

    def __init__(
        self,
        subject: Any,
        at: datetime,
        *,
        by: Actor = SYSTEM,
        historic: bool = False,
        clocks: Iterable[Clock] | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self.subject, self.at, self.by, self.historic = subject, at, by, historic
        self.ledger = ledger or Ledger()
        self.moment = self.ledger.moment
        given = Clock.objects.of(subject).going().locking().order_by("id") if clocks is None else clocks
        self.clocks = list(given)
        self._on_duty: Duty | None = None
        load_hours(clock.calendar_version_id for clock in self.clocks)
        self.settle()

    def pick(self, metrics: Collection[str] | None) -> list[Clock]:
        """The open clocks of these metrics (None: all), to be acted upon at `at`.

        Imported history may know better than a verdict that was told as history, and lifts it: "breached" is final for
        what happens here, not for what we only learn of later.
        """
        picked = [clock for clock in self.clocks if metrics is None or clock.metric in metrics]
        for clock in picked:
            if self.historic and clock.is_historic and clock.is_silent and clock.state == Clock.State.BREACHED:
                self._lift(clock)
        return picked

    def course(self, clock: Clock) -> Course:
        return courses.from_json(clock.spans)

    def take(self, clock: Clock, course: Course, columns: Sequence[str] = ()) -> None:
        """Give a clock a new course, and mark it and these further columns for writing."""
        if self.historic:
            clock.over_until = self.moment
        follow(clock, course, hours_of, known_at=self.moment)
        self.ledger.change(clock, (*COURSE, *columns))

    def tell(self, kind: str, clock: Clock, changes: Mapping[str, Any], *, at: datetime | None = None) -> None:
        told = {"clock": str(clock.pk), "metric": clock.metric, **changes}
        self.ledger.told.append(Told(kind, clock.subject, self.by, at or self.at, told, self.historic))

    def judge(self, clock: Clock) -> None:
        """Judge a clock now, whether or not a reply is in its undo time: its own stop or a new target decides."""
        self._note(clock, advance(clock, self.at, detected_at=self.moment, duty=self._duty()))

    def close(self) -> None:
        """Write the clocks, their events and their next bookings."""
        self.ledger.close()

    def settle(self) -> None:
        """Do what fell due by `at`; verdicts wait while a reply is in its undo time."""
        may_judge = not any(clock.is_overdue(self.at) for clock in self.clocks) or self._may_judge()
        for clock in self.clocks:
            duty = self._duty() if may_judge and clock.is_overdue(self.at) else UNKNOWN
            happened = advance(clock, self.at, detected_at=self.moment, duty=duty, may_judge=may_judge)
            if happened:
                self._note(clock, happened)

    def _note(self, clock: Clock, happened: Sequence[Happening]) -> None:
        self.ledger.change(clock, PROGRESS)
        self.ledger.told += tell_happenings(clock, happened)

    def _may_judge(self) -> bool:
        kind = subject_type(self.subject.subject_type)
        held_until = kind.postpone([self.subject.pk]).get(self.subject.pk)
        return held_until is None or held_until <= self.moment

    def _duty(self) -> Duty:
        if self._on_duty is None:
            kind = subject_type(self.subject.subject_type)
            self._on_duty = kind.duty([self.subject.pk]).get(self.subject.pk, UNKNOWN)
        return self._on_duty

    def _lift(self, clock: Clock) -> None:
        if self.at > _due(clock):
            return
        clock.move_to(Clock.State.RUNNING)
        if clock.paused_at is not None:
            clock.move_to(Clock.State.PAUSED)
        clock.detected_at = clock.assignee_id = clock.team_id = clock.on_duty = None
        self.ledger.change(clock, PROGRESS)


def tell_happenings(clock: Clock, happened: Sequence[Happening]) -> list[Told]:
    """The events that tell them. Of what was over before it reached us only a breach is told, as history."""
    return [
        Told(
            one.kind,
            clock.subject,
            SYSTEM,
            one.at,
            {
                "clock": str(clock.pk),
                "metric": clock.metric,
                "due_at": None if clock.due_at is None else utc(clock.due_at),
                **_verdict(clock, one),
                **one.changes,
            },
            historic=one.is_silent,
        )
        for one in happened
        if not one.is_silent or (one.kind == "clock.breached" and not one.is_known)
    ]


def book_wakes(
    clocks: Iterable[Clock], not_before: Mapping[uuid.UUID, datetime] | None = None, *, drops: bool = True
) -> None:
    """One booking a clock: for the next thing that can befall it, or none."""
    later = not_before or {}
    wakes = [(clock.pk, next_wake(clock)) for clock in clocks]
    booked = [Booked(WAKE, pk, max(wake, later.get(pk, wake))) for pk, wake in wakes if wake is not None]
    if booked:
        book_many(booked)
    asleep = [pk for pk, wake in wakes if wake is None]
    if asleep and drops:
        drop_many(WAKE, asleep)


def _verdict(clock: Clock, happening: Happening) -> dict[str, Any]:
    if happening.kind != "clock.breached" or clock.detected_at is None:
        return {}
    return {
        "detected_at": utc(clock.detected_at),
        "assignee": None if clock.assignee_id is None else str(clock.assignee_id),
        "team": None if clock.team_id is None else str(clock.team_id),
        "on_duty": clock.on_duty,
    }


def _due(clock: Clock) -> datetime:
    assert clock.due_at is not None  # a breached clock has the due time it missed
    return clock.due_at
