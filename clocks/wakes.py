"""When a clock's time has come: warnings, verdicts and steps, for a batch of clocks at once."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db.models.base import ModelState

from clocks.actions.calendars import REFRESH, refresh_country_days
from clocks.actions.recomputing import recompute_batch
from clocks.business_time import ONE_DAY
from clocks.models import Calendar, Clock
from clocks.progress import advance
from clocks.sitting import UNKNOWN, WAKE, Ledger, tell_happenings
from clocks.subjects import Duty, subject_type
from clocks.writing import PROGRESS
from servicedesk.later import Booked, book_many, when
from servicedesk.models import Booking

# What advancing, telling and booking read of a clock: its course stays where it is.
LOOKED_AT: Final = (
    "id", "subject_type", "subject_id", "subject_number", "shop_id", "metric", "state", "due_at", "stopped_at",
    "warn_at", "warned_at", "steps", "steps_done", "steps_delay", "paused_at", "frozen_at", "over_until", "is_silent",
)  # fmt: skip

# Somebody is acting on the subject right now: look again when they have done.
MEANWHILE: Final = timedelta(milliseconds=20)


@when(WAKE)
def advance_clocks(bookings: Sequence[Booking], now: datetime) -> None:
    """Do what fell due for a batch of clocks, and book what comes next for each.

    Locks subjects before clocks, as every action does; a subject that somebody holds is left for a moment later, so
    that the sweep never waits.
    """
    woken = {booking.subject_id: booking for booking in bookings}
    whose = Clock.objects.filter(pk__among=woken).values_list("pk", "subject_type", "subject_id")
    by_type: dict[str, dict[uuid.UUID, uuid.UUID]] = defaultdict(dict)
    for pk, kind, subject_id in whose:
        by_type[kind][pk] = subject_id
    busy: list[uuid.UUID] = []
    ledger = Ledger()
    for kind, subject_ids in by_type.items():
        locked = subject_type(kind).lock(set(subject_ids.values()))
        busy += [pk for pk, subject_id in subject_ids.items() if subject_id not in locked]
        free = [pk for pk, subject_id in subject_ids.items() if subject_id in locked]
        _advance(kind, _locked(free), now, ledger)
    ledger.close(drops=False)
    if busy:
        book_many(Booked(WAKE, pk, now + MEANWHILE) for pk in busy)


@when("clocks.recompute")
def recompute_clocks_of_jobs(bookings: Sequence[Booking], now: datetime) -> None:
    for booking in bookings:
        recompute_batch(booking.subject_id, at=now)


@when(REFRESH)
def refresh_countries_of_calendars(bookings: Sequence[Booking], now: datetime) -> None:
    """Once a day: a release of the library may know a year that its country announced."""
    calendars = Calendar.objects.filter(pk__in=[booking.subject_id for booking in bookings]).exclude(country="")
    still = list(calendars.values_list("pk", "country"))
    for country in sorted({country for _pk, country in still}):
        refresh_country_days(country=country)
    book_many(Booked(REFRESH, pk, now + ONE_DAY) for pk, _country in still)


def _locked(clock_ids: Sequence[uuid.UUID]) -> list[Clock]:
    """These clocks as far as LOOKED_AT goes, locked; made by hand, which halves the cost of reading them."""
    clocks: list[Clock] = []
    for row in Clock.objects.filter(pk__among=clock_ids).going().locking().values_list(*LOOKED_AT):
        clock = Clock.__new__(Clock)
        clock._state = ModelState()
        clock.__dict__.update(zip(LOOKED_AT, row, strict=True))
        clocks.append(clock)
    return clocks


def _advance(kind: str, clocks: Sequence[Clock], now: datetime, ledger: Ledger) -> None:
    overdue = {clock.subject_id for clock in clocks if clock.is_overdue(now)}
    held, duty = _ask(kind, overdue)
    for clock in clocks:
        held_until = held.get(clock.subject_id)
        may_judge = held_until is None or held_until <= now
        happened = advance(
            clock, now, detected_at=ledger.moment, duty=duty.get(clock.subject_id, UNKNOWN), may_judge=may_judge
        )
        if happened:
            ledger.told += tell_happenings(clock, happened)
            ledger.change(clock, PROGRESS)
        ledger.look_again(clock, not_before=None if may_judge else held_until)


def _ask(kind: str, subject_ids: set[uuid.UUID]) -> tuple[Mapping[uuid.UUID, datetime], Mapping[uuid.UUID, Duty]]:
    """Whose verdict waits for a reply in its undo time, and who is on the subjects: asked once for the batch."""
    if not subject_ids:
        return {}, {}
    subjects = subject_type(kind)
    return subjects.postpone(subject_ids), subjects.duty(subject_ids)
