"""Reactions to many events at once, as webhooks are queued."""

import json
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from servicedesk import listening
from servicedesk.actor import SYSTEM
from servicedesk.carrying import carry, sequence_events
from servicedesk.events import SubjectRef, Told, record_many
from servicedesk.ids import new_id
from servicedesk.listening import REACTIONS, on, on_all
from servicedesk.models import Delivery, EventPosition, Team, WebhookDelivery
from servicedesk.webhooks.actions import register_endpoint
from servicedesk.webhooks.sending import sender
from tests.counting import steady_caches

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_reactions() -> Iterator[None]:
    before = dict(REACTIONS)
    yield
    REACTIONS.clear()
    REACTIONS.update(before)
    listening.reactions_to.cache_clear()


def tell(number, *, historic=False):
    told = [Told("thing.done", SubjectRef("thing", new_id()), SYSTEM, historic=historic) for _ in range(number)]
    return record_many(told)


def test_it_is_called_once_for_all_of_them():
    calls = []

    @on_all("thing.done")
    def take(events):
        calls.append([event.pk for event in events])

    events = tell(5)
    carry()
    carry()
    assert calls == [[event.pk for event in events]]


def test_history_is_left_out_unless_it_is_asked_for():
    plain, all_ = [], []

    @on_all("thing.done")
    def take(events):
        plain.extend(events)

    @on_all("thing.done", historic=True)
    def take_all(events):
        all_.extend(events)

    tell(2, historic=True)
    tell(1)
    carry()
    assert (len(plain), len(all_)) == (1, 3)


def test_one_that_fails_is_owed_its_events_singly_and_holds_up_nobody():
    @on_all("thing.done")
    def take(events):
        Team.objects.create(name=f"{len(events)} {events[0].pk}")
        if len(events) > 1 or events[0].pk == bad.pk:
            raise ValueError

    @on("thing.done")
    def other(event):
        Team.objects.create(name=f"other {event.pk}")

    events = tell(3)
    bad = events[1]
    carry()
    expected = [f"other {e.pk}" for e in events] + [f"1 {e.pk}" for e in events if e != bad]
    assert sorted(Team.objects.values_list("name", flat=True)) == sorted(expected)
    (left,) = Delivery.objects.all()
    assert (left.event_id, left.attempts, left.error.split()[0]) == (bad.pk, 1, "ValueError")


def test_queueing_costs_the_same_number_of_queries_for_one_event_and_for_many(django_assert_max_num_queries):
    from servicedesk.webhooks.reactions import queue_webhooks

    register_endpoint(url="https://example.com/", kinds=["*"], by=SYSTEM)
    events = tell(50)
    # The endpoints and the rows; those are copied in where the database can, which is no query.
    with steady_caches(), django_assert_max_num_queries(2):
        queue_webhooks(events)
    assert WebhookDelivery.objects.count() == 50


def test_what_leaves_at_once_knows_its_positions_from_the_sequencer(monkeypatch):
    taken = []
    register_endpoint(url="https://example.com/", kinds=["*"], by=SYSTEM)
    monkeypatch.setattr(sender(), "is_at_work", True)
    monkeypatch.setattr(sender(), "take", taken.extend)
    carry()
    events = tell(3)
    with CaptureQueriesContext(connection) as asked, TestCase.captureOnCommitCallbacks(execute=True):
        sequence_events()
    told = {
        json.loads(parcel.body)["data"]["event_id"]: json.loads(parcel.body)["data"]["position"] for parcel in taken
    }
    positions = EventPosition.objects.filter(event__in=events).values_list("event_id", "position")
    assert told == {str(pk): position for pk, position in positions}
    looked_up = [one["sql"] for one in asked if one["sql"].startswith("SELECT") and "eventposition" in one["sql"]]
    assert len(looked_up) == 1  # the last position given
