"""Many rows at once: the same rows whichever way they go in and out."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from servicedesk.actor import SYSTEM
from servicedesk.bulk import ENOUGH, add, delete_by_key
from servicedesk.clock import now
from servicedesk.events import SubjectRef, Told, record_many
from servicedesk.ids import new_id
from servicedesk.models import Delivery, Event, UnsequencedEvent

pytestmark = pytest.mark.django_db

WORDS = 'tab\t line\n back\\slash "quoted" 退款'


def tell(number: int) -> list[Event]:
    return record_many(Told("thing.done", SubjectRef("thing", new_id()), SYSTEM) for _ in range(number))


@pytest.mark.parametrize("number", [1, ENOUGH - 1, ENOUGH, 501])
def test_added_rows_are_the_rows_that_were_given(number: int) -> None:
    events, moment = tell(number), now()
    rows = [Delivery(event=event, reaction=f"one {n}", try_at=moment, error=WORDS) for n, event in enumerate(events)]
    add(rows)
    found = Delivery.objects.order_by("id").values_list("event_id", "reaction", "is_outside", "try_at", "error")
    assert list(found) == [(event.pk, f"one {n}", False, moment, WORDS) for n, event in enumerate(events)]


def test_only_the_rows_of_the_keys_are_deleted() -> None:
    events = tell(3)
    add([Delivery(event=event, reaction="one") for event in events])
    keys = list(Delivery.objects.order_by("id").values_list("pk", flat=True))
    delete_by_key(Delivery, keys[:2])
    assert list(Delivery.objects.values_list("pk", flat=True)) == keys[2:]
    delete_by_key(UnsequencedEvent, [events[0].pk, events[2].pk])
    assert [row.event_id for row in UnsequencedEvent.objects.all()] == [events[1].pk]
    delete_by_key(UnsequencedEvent, [])
    assert UnsequencedEvent.objects.exists()


def test_among_finds_the_members_and_nobody_else() -> None:
    first, second, third = (event.pk for event in tell(3))
    assert set(Event.objects.filter(pk__among={first, third, new_id()}).values_list("pk", flat=True)) == {first, third}
    assert set(Event.objects.exclude(pk__among=[first]).values_list("pk", flat=True)) == {second, third}
    assert list(UnsequencedEvent.objects.filter(event__pk__among=[second]).values_list("pk", flat=True)) == [second]
    assert not Event.objects.filter(pk__among=[]).exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only on PostgreSQL: elsewhere it is `in`")
def test_among_hands_over_one_array() -> None:
    with CaptureQueriesContext(connection) as asked:
        assert not list(Event.objects.filter(pk__among=[new_id() for _ in range(5)]))
    assert "= ANY('{" in asked[0]["sql"]
