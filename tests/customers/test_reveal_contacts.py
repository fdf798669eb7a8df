"""Looking at what is masked needs a reason, and is on the record."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, connections

from customers.actions import create_customer, reveal_contacts
from customers.models import Customer, Reveal
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid, NotAllowed, TooMany
from servicedesk.ids import new_id
from servicedesk.models import Event
from servicedesk.permissions import permissions_of_scopes

pytestmark = pytest.mark.django_db(databases=["default", "keystore"])


@pytest.fixture
def dana(shop):
    return create_customer(shop=shop, name="Dana", email="dana@example.com", phone="13800138000", by=SYSTEM)


def reveal(customer, by, **facts):
    facts = {"fields": ["phone"], "reason_code": "call_back", **facts}
    return reveal_contacts(customer, facts.pop("fields"), by=by, **facts)


def test_the_fields_asked_for_are_shown_in_full(dana, alice):
    assert reveal(dana, alice, fields=["phone", "name"]) == {"phone": ["+8613800138000"], "name": ["Dana"]}
    assert reveal(dana, alice, fields=["email"]) == {"email": ["dana@example.com"]}


def test_each_look_is_a_row_and_an_event_that_name_fields_and_no_values(dana, alice):
    reveal(dana, alice, fields=["phone"], note="parcel lost")
    row = Reveal.objects.get()
    assert (row.by_type, row.by_id, row.fields, row.reason, row.note) == (
        "staff", alice.id, ["phone"], "call_back", "parcel lost",
    )  # fmt: skip
    event = Event.objects.get(kind="customer.revealed")
    assert event.changes == {"fields": ["phone"], "reason": "call_back"}
    assert b"parcel" not in bytes(Reveal.objects.values_list("note", flat=True).get())


def test_who_may_not_reveal_sees_nothing_and_leaves_no_row(dana, trainee, reviewer, integration):
    for actor in (trainee, reviewer, integration, Actor.customer(dana.pk, dana.shop_id)):
        with pytest.raises(NotAllowed):
            reveal(dana, actor)
    assert not Reveal.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"fields": []}, {"fields": ["password"]}, {"reason_code": ""}, {"reason_code": "x"}, {"reason_code": "other", "note": " "}],
)  # fmt: skip
def test_a_reason_and_known_fields_are_needed(dana, alice, wrong):
    with pytest.raises(Invalid):
        reveal(dana, alice, **wrong)


def test_the_erased_cannot_be_revealed(dana, alice):
    Customer.objects.filter(pk=dana.pk).update(erased_at=now())
    with pytest.raises(Conflict):
        reveal(dana, alice)


def test_more_than_the_limit_within_an_hour_is_too_many(dana, alice, bob, settings):
    settings.REVEALS_PER_HOUR = 2
    start = now()
    with time_machine.travel(start, tick=False) as clock:
        reveal(dana, alice)
        clock.shift(timedelta(minutes=10))
        reveal(dana, alice)
        with pytest.raises(TooMany) as refused:
            reveal(dana, alice)
        assert refused.value.retry_after == 3001
        reveal(dana, bob)
        clock.shift(timedelta(seconds=refused.value.retry_after))
        reveal(dana, alice)


def test_the_limit_binds_keys_too(dana, settings):
    settings.REVEALS_PER_HOUR = 1
    key = Actor("integration", new_id(), permissions_of_scopes(["customers:reveal"]))
    reveal(dana, key)
    with pytest.raises(TooMany):
        reveal(dana, key)


@pytest.mark.django_db(databases=["default", "keystore"], transaction=True)
def test_simultaneous_looks_do_not_pass_the_limit_together(dana, alice, settings):
    settings.REVEALS_PER_HOUR = 3
    refused = []

    def look() -> None:
        try:
            reveal(dana, alice)
        except TooMany as error:
            refused.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Reveal.objects.count() == 3
    assert len(refused) == 5
    assert connection.vendor in {"sqlite", "postgresql"}
