"""A customer is found by the number of an order that a ticket of theirs names."""

import pytest
from django.test import Client

from customers.lookup import find_customers
from customers.models import Customer
from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM, Actor
from servicedesk.permissions import SCOPE_PERMISSIONS

pytestmark = pytest.mark.django_db
ORDER = "A-2026-7"


def found_by(actor: Actor) -> list[Customer]:
    return list(find_customers(Customer.objects.visible_to(actor), order_number=ORDER, by=actor))


def test_the_lookup_finds_who_asked_about_an_order_by_its_whole_number(make):
    asked, other = make.ticket(order_number=ORDER), make.ticket(order_number="A-2026-70")
    make.ticket(customer=asked.customer, order_number=ORDER)
    key = issue_api_key(integration="shop", scopes=list(SCOPE_PERMISSIONS), by=SYSTEM)
    headers = {"Authorization": f"Bearer {key.fresh_secret}"}
    body = {"order_number": ORDER}
    looked_up = Client().post("/api/v1/customers/lookup/", body, content_type="application/json", headers=headers)
    listed = Client().get("/api/v1/customers/", body, headers=headers)
    for answer in (looked_up, listed):
        assert [row["id"] for row in answer.json()["results"]] == [str(asked.customer_id)]
    assert str(other.customer_id) not in looked_up.content.decode()


def test_a_ticket_that_one_may_not_see_leads_to_nobody(make, alice, charlie):
    ticket = make.ticket(order_number=ORDER, team=charlie.team)
    assert found_by(Actor.staff(charlie)) == [ticket.customer]
    assert found_by(Actor.staff(alice)) == []
