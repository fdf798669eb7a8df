"""A subject that is nothing but a subject, and a machine for travelling through what clocks do."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from clocks.actions import create_calendar, start_clocks
from clocks.actions.calendars import CalendarDraft
from clocks.models import Clock
from clocks.plans import ClockPlan, Step
from servicedesk.actor import SYSTEM
from servicedesk.clock import now
from servicedesk.ids import new_id
from servicedesk.later import sweep_once
from servicedesk.models import Booking, Event

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OFFICE = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass
class Probe:
    subject_type: ClassVar[str] = "probe"
    pk: uuid.UUID = field(default_factory=new_id)
    number: str = "P-1"
    shop_id: uuid.UUID | None = None

    def clock(self, metric="answer"):
        return Clock.objects.of(self).filter(metric=metric).latest("started_at", "id")

    def told(self, *kinds):
        events = Event.objects.filter(subject_id=self.pk).order_by("id")
        return [event for event in events if not kinds or event.kind in kinds]


@dataclass
class House:
    """What the registered functions answer; tests change it."""

    busy: set = field(default_factory=set)
    duty: dict = field(default_factory=dict)
    held: dict = field(default_factory=dict)


class Face:
    def __init__(self, traveller):
        self.traveller = traveller

    @property
    def now(self):
        return now()

    def go(self, to):
        """Travel, without the detector."""
        self.traveller.move_to(self.now + to if isinstance(to, timedelta) else to)

    def sweep(self):
        woken = 0
        while done := sweep_once():
            woken += done
        return woken

    def live(self, to):
        """Travel with the detector at work all the way, to the millisecond."""
        end = self.now + to if isinstance(to, timedelta) else to
        while (first := Booking.objects.order_by("try_at").first()) and first.try_at <= end:
            self.go(max(first.try_at, self.now))
            self.sweep()
        self.go(end)


def plan(metric="answer", target=10 * MINUTE, **more):
    return ClockPlan(metric, target, **more)


def step(key, minutes, action="notify_manager", **params):
    return Step(key, minutes * MINUTE, action, params)


def started(probe, *plans, at=MONDAY, historic=False):
    return start_clocks(probe, plans or [plan()], at=at, by=SYSTEM, historic=historic)


def office(**more):
    facts = {"name": "Office", "time_zone": "UTC", "hours": OFFICE}
    return create_calendar(CalendarDraft(**{**facts, **more}), by=SYSTEM)
