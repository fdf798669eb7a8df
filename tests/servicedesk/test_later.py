"""Booked events: in time, once, in batches, and one bad row holds up nobody."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from servicedesk.clock import now
from servicedesk.ids import new_id
from servicedesk.later import WAKES, Booked, book, book_many, drop, sweep_once, when
from servicedesk.models import Booking, Team


@pytest.fixture(autouse=True)
def only_our_wakes() -> Iterator[None]:
    before = dict(WAKES)
    yield
    WAKES.clear()
    WAKES.update(before)


@pytest.mark.django_db
def test_it_wakes_when_the_time_has_come_and_not_before() -> None:
    woken: list[Booking] = []

    @when("thing.due")
    def note(bookings: Sequence[Booking], now: datetime) -> None:
        woken.extend(bookings)

    subject, at = new_id(), now() + timedelta(minutes=5)
    book("thing.due", subject, at=at, payload={"n": 1})
    with time_machine.travel(at - timedelta(milliseconds=1), tick=False):
        assert sweep_once() == 0
    with time_machine.travel(at, tick=False):
        assert sweep_once() == 1
        assert sweep_once() == 0
    assert [(b.subject_id, b.payload, b.at) for b in woken] == [(subject, {"n": 1}, at)]


@pytest.mark.django_db
def test_booking_again_moves_it_and_dropping_counts() -> None:
    subject = new_id()
    book("thing.due", subject, at=now())
    book("thing.due", subject, at=now() + timedelta(days=1))
    assert Booking.objects.count() == 1
    assert sweep_once() == 0
    assert drop("thing.due", subject) == 1
    assert drop("thing.due", subject) == 0


@pytest.mark.django_db
def test_a_handler_may_book_the_same_thing_again() -> None:
    later = now() + timedelta(days=1)

    @when("thing.due")
    def again(bookings: Sequence[Booking], now: datetime) -> None:
        book_many([Booked(b.kind, b.subject_id, later) for b in bookings])

    book("thing.due", new_id(), at=now())
    assert sweep_once() == 1
    assert Booking.objects.get().at == later


@pytest.mark.django_db
def test_one_bad_row_holds_up_nobody_and_is_tried_again() -> None:
    bad, good = new_id(), [new_id() for _ in range(5)]

    @when("thing.due")
    def make(bookings: Sequence[Booking], now: datetime) -> None:
        for booking in bookings:
            Team.objects.create(name=str(booking.subject_id))
            if booking.subject_id == bad:
                raise ValueError("secret")

    book_many([Booked("thing.due", one, now()) for one in [bad, *good]])
    sweep_once()
    assert set(Team.objects.values_list("name", flat=True)) == {str(one) for one in good}
    left = Booking.objects.get()
    assert (left.subject_id, left.attempts) == (bad, 1)
    assert "secret" not in left.error
    assert left.try_at is not None
    assert left.try_at > now()


@pytest.mark.django_db
def test_a_bad_row_holds_up_no_other_kind_and_repeats_nothing() -> None:
    @when("thing.due")
    def make(bookings: Sequence[Booking], now: datetime) -> None:
        Team.objects.bulk_create([Team(name=str(booking.subject_id)) for booking in bookings])

    @when("thing.broken")
    def fail(bookings: Sequence[Booking], now: datetime) -> None:
        raise ValueError

    good = [new_id() for _ in range(3)]
    book_many([Booked("thing.due", one, now()) for one in good])
    book("thing.broken", new_id(), at=now())
    book("thing.unknown", new_id(), at=now())
    assert sweep_once() == 5
    assert sorted(Team.objects.values_list("name", flat=True)) == sorted(str(one) for one in good)
    assert sorted(Booking.objects.values_list("kind", "attempts")) == [("thing.broken", 1), ("thing.unknown", 1)]


@pytest.mark.django_db
def test_a_batch_is_claimed_in_one_talk_with_the_database() -> None:
    @when("thing.due")
    def make(bookings: Sequence[Booking], now: datetime) -> None:
        """Nothing."""

    book_many([Booked("thing.due", new_id(), now()) for _ in range(5)])
    with CaptureQueriesContext(connection) as asked:
        assert sweep_once() == 5
    # Is there anything? Then the claim in its transaction, which is a savepoint in the test's own.
    assert [one["sql"].split()[0] for one in asked] == ["SELECT", "SAVEPOINT", "WITH", "RELEASE"]


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_wake_each_row_once() -> None:
    @when("thing.due")
    def make(bookings: Sequence[Booking], now: datetime) -> None:
        Team.objects.bulk_create([Team(name=str(booking.subject_id)) for booking in bookings])

    subjects = [new_id() for _ in range(300)]
    book_many([Booked("thing.due", one, now()) for one in subjects])

    def help_sweep(_: int) -> None:
        try:
            while sweep_once(limit=20):
                pass
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(help_sweep, range(6)))
    while sweep_once():
        pass
    assert sorted(Team.objects.values_list("name", flat=True)) == sorted(str(one) for one in subjects)
