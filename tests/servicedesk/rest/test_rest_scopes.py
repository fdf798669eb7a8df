"""A key opens what its scopes say and nothing beside: every operation of the schema, with a key that may do nothing."""

from typing import Any

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM
from servicedesk.ids import new_id
from tests.make import Make
from tests.servicedesk.rest.conftest import api_client
from tickets.models import Macro, SavedView, Tag


@pytest.fixture
def ids(make: Make) -> dict[str, Any]:
    """One row of each noun."""
    ticket = make.ticket()
    return {
        "tickets": ticket.pk,
        "customers": ticket.customer_id,
        "sla-policies": ticket.policy_id,
        "macros": Macro.objects.create(name="m").pk,
        "tags": Tag.objects.create(name="t").pk,
        "saved-views": SavedView.objects.create(name="v").pk,
    }


def operations() -> list[tuple[str, str]]:
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    return [(method, path) for path, methods in paths.items() for method in methods]


def ask(client: Client, method: str, pattern: str, ids: dict[str, Any]) -> int:
    path = pattern.replace("{id}", str(ids.get(pattern.split("/")[3], new_id()))).replace("{metric}", "resolution")
    path = path.replace("{delivery_id}", str(new_id())).replace("{message_id}", str(new_id()))
    return client.generic(method.upper(), path, "{}", "application/json").status_code


def test_without_the_scope_nothing_is_read_and_nothing_done(ids: dict[str, Any]) -> None:
    # It opens no operation of this chapter.
    client = api_client(issue_api_key(integration="orders", scopes=["orders:read"], by=SYSTEM, rate_per_minute=9999))
    answers = {(method, path): ask(client, method, path, ids) for method, path in operations()}
    assert len(answers) > 50
    opened = {operation: status for operation, status in answers.items() if status < 400 or status >= 500}
    assert not opened
    # What is read is asked for before anything else is looked at; what is written may be found malformed first.
    readable = {key: status for key, status in answers.items() if key[0] == "get" and status not in {403, 404}}
    assert not readable


def test_without_a_key_nothing_is_found_out(ids: dict[str, Any]) -> None:
    answers = {(method, path): ask(Client(), method, path, ids) for method, path in operations()}
    assert set(answers.values()) == {401}
