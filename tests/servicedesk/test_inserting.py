"""Rows of several tables in one journey, which a clash undoes as a whole."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from customers.contacts import EMAIL, contact, point
from customers.keys import new_key_id
from customers.models import ContactPoint, Customer
from servicedesk.inserting import insert_together
from tests.make import Make


def newcomer(make: Make, email: str) -> tuple[Customer, list[ContactPoint]]:
    customer = Customer(shop=make.shop(), key_id=new_key_id(), name="Erik")
    return customer, [point(customer, contact(EMAIL, email, "CN"), source="", is_lookup=True)]


def test_rows_of_several_tables_are_stored_and_read_again(make: Make) -> None:
    customer, points = newcomer(make, "erik@example.com")
    with CaptureQueriesContext(connection) as seen, transaction.atomic(savepoint=False):
        insert_together([customer], [], points)
    if connection.vendor == "postgresql":
        assert len(seen) == 1
    stored = Customer.objects.get(pk=customer.pk)
    assert (stored.name, stored.email) == ("Erik", "erik@example.com")
    assert not customer._state.adding


def test_a_clash_undoes_its_own_rows_only_and_the_transaction_goes_on(make: Make, dana: Customer) -> None:
    customer, points = newcomer(make, "dana@example.com")
    with transaction.atomic():
        before = make.customer("Before", "before@example.com")
        with pytest.raises(IntegrityError):
            insert_together([customer], points, undoable=True)
        after = make.customer("After", "after@example.com")
    assert Customer.objects.filter(pk__in=[before.pk, after.pk]).count() == 2
    assert not Customer.objects.filter(pk=customer.pk).exists()
