"""Tell and listen: order, exactly once, and what becomes of a reaction that fails."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from servicedesk import carrying, listening
from servicedesk.actor import SYSTEM
from servicedesk.carrying import carry, run_inside, sequence_events
from servicedesk.clock import now
from servicedesk.events import SubjectRef, record
from servicedesk.ids import new_id
from servicedesk.listening import REACTIONS, on, on_all
from servicedesk.models import Delivery, Event, EventPosition, Team, UnsequencedEvent


@pytest.fixture(autouse=True)
def only_our_reactions() -> Iterator[None]:
    before = dict(REACTIONS)
    REACTIONS.clear()
    listening.reactions_to.cache_clear()
    yield
    REACTIONS.clear()
    REACTIONS.update(before)
    listening.reactions_to.cache_clear()


def something(kind: str = "thing.done") -> Event:
    return record(kind, SubjectRef("thing", new_id()), by=SYSTEM)


@pytest.mark.django_db
def test_a_reaction_runs_once_however_often_events_are_carried() -> None:
    seen = []

    @on("thing.done")
    def note_it(event: Event) -> None:
        seen.append(event.pk)

    event = something()
    carry()
    carry()
    assert seen == [event.pk]
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_one_that_fails_neither_stops_nor_repeats_the_others() -> None:
    counts = {"good": 0, "also_good": 0}

    @on("thing.done")
    def good(event: Event) -> None:
        counts["good"] += 1
        Team.objects.create(name=f"good {event.pk}")

    @on("thing.done")
    def bad(event: Event) -> None:
        Team.objects.create(name=f"bad {event.pk}")
        raise ValueError("a customer's secret words")

    @on("thing.done")
    def also_good(event: Event) -> None:
        Team.objects.create(name=f"also {event.pk}")

    event = something()
    carry()
    assert set(Team.objects.values_list("name", flat=True)) == {f"good {event.pk}", f"also {event.pk}"}
    failed = Delivery.objects.get()
    assert failed.attempts == 1
    assert "ValueError" in failed.error
    assert "secret" not in failed.error
    assert failed.try_at is not None
    assert failed.try_at > now()


@pytest.mark.django_db
def test_a_group_asks_the_database_twice_however_many_reactions_are_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "GROUP_SECONDS", 3600)

    @on("thing.done")
    def note_it(event: Event) -> None:
        """Nothing."""

    for _ in range(4 + 8):
        something()
    sequence_events()
    with CaptureQueriesContext(connection) as asked:
        assert run_inside(time.monotonic() + 3600) == 12
    statements = [one["sql"].split()[0] for one in asked if "SAVEPOINT" not in one["sql"]]
    # Is there anything? A group of four, a group of eight, and one that finds nothing more.
    assert statements == ["SELECT", "SELECT", "DELETE", "SELECT", "DELETE", "SELECT"]


@pytest.mark.django_db
def test_a_reaction_gets_the_event_as_it_was_told() -> None:
    seen = []

    @on("thing.done")
    def note_it(event: Event) -> None:
        seen.append(event)

    subject = SubjectRef("thing", new_id(), "T-1", new_id())
    told = record("thing.done", subject, by=SYSTEM, changes={"priority": "high", "tags": [1, None]})
    carry()
    (event,) = seen
    names = [field.attname for field in Event._meta.concrete_fields]
    assert {name: getattr(event, name) for name in names} == {name: getattr(told, name) for name in names}
    with pytest.raises(TypeError):
        event.save()


@pytest.mark.django_db
@pytest.mark.parametrize("listen", [on, on_all])
def test_one_whose_statement_the_database_refuses_holds_up_nobody(listen: Any) -> None:
    seen = []

    @listen("thing.done")
    def ask_for_what_is_not_there(_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column FROM servicedesk_team")

    @on("thing.done")
    def good(event: Event) -> None:
        seen.append(event.pk)

    events = [something(), something()]
    carry()
    assert sorted(seen) == sorted(event.pk for event in events)
    assert list(Delivery.objects.values_list("attempts", flat=True)) == [1, 1]
    assert not UnsequencedEvent.objects.exists()


@pytest.mark.django_db
def test_an_outside_one_that_another_carrier_finished_meanwhile_stops_nothing() -> None:
    @on("thing.done", outside=True)
    def slow(event: Event) -> None:
        Delivery.objects.filter(event=event).delete()
        raise ValueError

    something()
    carry()
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_a_failed_reaction_is_tried_again_and_given_up_in_the_end() -> None:
    tries = []

    @on("thing.done")
    def stubborn(event: Event) -> None:
        tries.append(now())
        raise ValueError

    something()
    with time_machine.travel(now(), tick=False) as traveller:
        for _ in range(15):
            carry()
            traveller.shift(timedelta(days=1))
    assert Delivery.objects.get().try_at is None
    assert Delivery.objects.get().attempts == 11


@pytest.mark.django_db
def test_imported_history_is_told_only_to_those_who_ask_for_it() -> None:
    seen = []

    @on("thing.done")
    def of_the_present(event: Event) -> None:
        seen.append("present")

    @on("thing.done", historic=True)
    def of_the_past_too(event: Event) -> None:
        seen.append("past")

    record("thing.done", SubjectRef("thing", new_id()), by=SYSTEM, historic=True)
    carry()
    assert seen == ["past"]


@pytest.mark.django_db
def test_an_outside_reaction_runs_outside_any_transaction_of_its_claim() -> None:
    seen = []

    @on("thing.done", outside=True)
    def tell_the_world(event: Event) -> None:
        seen.append(Delivery.objects.get().try_at)

    something()
    carry()
    assert seen[0] is not None
    assert seen[0] > now()  # under a lease while it runs
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_events_cannot_be_changed_or_deleted() -> None:
    event = something()
    event.kind = "thing.undone"
    with pytest.raises(TypeError):
        event.save()
    with pytest.raises(TypeError):
        event.delete()


@pytest.mark.django_db(transaction=True)
def test_what_rolls_back_was_never_told() -> None:
    def tell_and_fail() -> None:
        with transaction.atomic():
            something()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        tell_and_fail()
    assert not Event.objects.exists()
    assert sequence_events() == 0


@pytest.mark.django_db(transaction=True)
def test_positions_follow_the_order_of_commits_and_skip_nobody() -> None:
    barrier = threading.Barrier(8)

    def tell(_: int) -> None:
        try:
            barrier.wait()
            for _ in range(10):
                with transaction.atomic():
                    something()
                sequence_events()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tell, range(8)))
    while sequence_events():
        pass
    assert not UnsequencedEvent.objects.exists()
    positions = list(EventPosition.objects.order_by("position").values_list("position", flat=True))
    assert len(positions) == 80
    assert positions == list(range(positions[0], positions[0] + 80))


@pytest.mark.django_db(transaction=True)
def test_many_carriers_at_once_run_each_reaction_once() -> None:
    @on("thing.done")
    def make_a_team(event: Event) -> None:
        Team.objects.create(name=str(event.pk))

    events = [something() for _ in range(60)]

    def help_carry(_: int) -> None:
        try:
            carry()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(help_carry, range(6)))
    carry()
    assert sorted(Team.objects.values_list("name", flat=True)) == sorted(str(event.pk) for event in events)
    assert not Delivery.objects.exists()
