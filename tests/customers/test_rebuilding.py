"""After a restore, contacts find their customers again."""

import pytest

from customers import rebuilding
from customers.actions import create_customer
from customers.keystore.models import DataKey, Tombstone
from customers.models import ContactPoint, Customer
from customers.rebuilding import rebuild_digests
from servicedesk.actor import SYSTEM

pytestmark = pytest.mark.django_db(databases=["default", "keystore"])


@pytest.fixture
def people(shop, monkeypatch):
    monkeypatch.setattr(rebuilding, "BATCH", 2)
    return [
        create_customer(shop=shop, email=f"n{number}@example.com", phone=f"1380013800{number}", by=SYSTEM)
        for number in range(3)
    ]


def digests() -> dict:
    return {pk: bytes(digest) for pk, digest in ContactPoint.objects.values_list("pk", "digest")}


def blank() -> None:
    for point in ContactPoint.objects.all():
        ContactPoint.objects.filter(pk=point.pk).update(digest=point.pk.bytes)


def test_digests_are_made_again_as_they_were(people):
    before = digests()
    blank()
    told = []
    rebuild_digests(told.append)
    assert digests() == before
    assert told[-1] == "contacts: 6"
    rebuild_digests(told.append)
    assert digests() == before


def test_contacts_of_the_erased_are_removed(people):
    gone = people[1]
    DataKey.objects.filter(pk=gone.key_id).delete()
    Tombstone.objects.create(key_id=gone.key_id)
    from customers import keys

    keys.start_scope()
    rebuild_digests(lambda _line: None)
    assert not gone.contact_points.exists()
    assert ContactPoint.objects.count() == 4
    assert Customer.objects.filter(pk=gone.pk).exists()


def test_a_contact_that_does_not_open_is_told_of_and_the_others_are_rebuilt(people):
    one, other = ContactPoint.objects.filter(customer=people[0]).order_by("pk")
    blob = ContactPoint.objects.filter(pk=other.pk).values_list("value", flat=True).get()
    ContactPoint.objects.filter(pk=one.pk).update(value=blob)
    before = digests()
    blank()
    told = []
    rebuild_digests(told.append)
    assert {pk: digest for pk, digest in digests().items() if pk != one.pk} == {
        pk: digest for pk, digest in before.items() if pk != one.pk
    }
    assert [line for line in told if line.startswith("! ") and str(one.pk) in line]
