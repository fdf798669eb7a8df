"""Keys: shown once, kept hashed, scoped, expiring, revocable."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from servicedesk import remembered_keys
from servicedesk.actions.keys import issue_api_key, revoke_api_key
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid, NotAllowed
from servicedesk.ids import new_id
from servicedesk.models import ApiKey, Event, Shop, User
from servicedesk.rest import authentication
from tests.counting import steady_caches

NOBODY = Actor("staff", new_id(), frozenset({"tickets.read"}))


def ask(secret, path="/api/v1/webhooks/"):
    return Client().get(path, headers={"Authorization": f"Bearer {secret}"})


def test_a_key_is_issued_and_opens_what_its_scopes_say(db):
    key = issue_api_key(integration="erp", scopes=["webhooks:read"], by=SYSTEM)
    assert ask(key.fresh_secret).status_code == 200
    assert ask(key.fresh_secret, "/api/v1/events/").status_code == 403


def test_the_secret_is_kept_nowhere(key):
    secret = key.fresh_secret.split("_", 2)[2].encode()
    row = ApiKey.objects.get(pk=key.pk)
    assert row.fresh_secret == ""
    assert all(secret not in repr(value).encode() for value in vars(row).values())


def test_two_keys_of_one_name_are_one_actor(db):
    first = issue_api_key(integration="erp", scopes=["webhooks:read"], by=SYSTEM)
    second = issue_api_key(integration="erp", scopes=["webhooks:read"], by=SYSTEM)
    assert Actor.integration(first).id == Actor.integration(second).id
    assert first.fresh_secret != second.fresh_secret


def test_only_who_may_edit_keys_issues_and_revokes_them(key):
    with pytest.raises(NotAllowed):
        issue_api_key(integration="erp", scopes=["webhooks:read"], by=NOBODY)
    with pytest.raises(NotAllowed):
        revoke_api_key(key, by=NOBODY)


def test_a_scope_that_does_not_exist_is_refused(db):
    with pytest.raises(Invalid):
        issue_api_key(integration="erp", scopes=["everything"], by=SYSTEM)


def test_issuing_and_revoking_are_told_without_the_secret(key):
    revoke_api_key(key, by=SYSTEM)
    told = list(Event.objects.filter(subject_id=key.pk).order_by("id"))
    assert [event.kind for event in told] == ["api_key.issued", "api_key.revoked"]
    assert key.fresh_secret.split("_", 2)[2] not in str([event.changes for event in told])


@pytest.mark.django_db(transaction=True)
def test_a_revoked_key_opens_nothing_and_cannot_be_revoked_again():
    key = issue_api_key(integration="erp", scopes=["webhooks:read"], by=SYSTEM)
    assert ask(key.fresh_secret).status_code == 200
    revoke_api_key(key, by=SYSTEM)
    answer = ask(key.fresh_secret)
    assert (answer.status_code, answer.json()["code"]) == (401, "key_revoked")
    with pytest.raises(Conflict):
        revoke_api_key(key, by=SYSTEM)


def test_a_key_revoked_elsewhere_is_felt_within_seconds(key, monkeypatch):
    assert ask(key.fresh_secret).status_code == 200
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=now())
    assert remembered_keys.REMEMBERED_SECONDS <= 5
    passed = remembered_keys.time.monotonic() + remembered_keys.REMEMBERED_SECONDS + 0.1
    monkeypatch.setattr(remembered_keys.time, "monotonic", lambda: passed)
    assert ask(key.fresh_secret).status_code == 401


def test_a_key_ends_with_its_term_even_while_it_is_remembered(db):
    key = issue_api_key(integration="erp", scopes=["webhooks:read"], by=SYSTEM, lasting=timedelta(hours=1))
    assert ask(key.fresh_secret).status_code == 200
    with time_machine.travel(now() + timedelta(hours=1, seconds=1)):
        assert ask(key.fresh_secret).json()["code"] == "key_expired"


@pytest.mark.parametrize(
    "secret", ["", "x", "sd_", "sd__", "sd_ä_x", "sd_" + "a" * 40 + "_x", "sd_\x00_x", "sd_a_" + "b" * 9000]
)
def test_what_is_no_key_is_no_error_of_ours(db, secret):
    assert ask(secret).status_code == 401


def test_authentication_costs_one_query_and_then_none(key):
    with steady_caches(), CaptureQueriesContext(connection) as first:
        authentication.find_key(key.fresh_secret)
    with steady_caches(), CaptureQueriesContext(connection) as second:
        authentication.find_key(key.fresh_secret)
    assert (len(first), len(second)) == (1, 0)


def test_use_is_noted_once_a_minute(key, api):
    api.get("/api/v1/webhooks/")
    noted = ApiKey.objects.get(pk=key.pk).last_used_at
    assert noted is not None
    api.get("/api/v1/webhooks/")
    assert ApiKey.objects.get(pk=key.pk).last_used_at == noted


def test_a_key_sees_the_shops_it_was_given(db):
    shop = Shop.objects.create(code="one", name="One")
    key = issue_api_key(integration="erp", scopes=["webhooks:read"], by=SYSTEM, shops=[shop.pk])
    assert Actor.integration(ApiKey.objects.get(pk=key.pk)).shops == frozenset({shop.pk})


def test_a_session_works_too_and_writes_with_its_token_only(db):
    admin = User.objects.create_user("admin@desk.test", "x" * 14, role="admin", name="Ada", is_demo=True)
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)
    assert client.get("/api/v1/webhooks/").status_code == 200
    body = {"url": "https://example.com/", "kinds": ["*"]}
    refused = client.post("/api/v1/webhooks/", body, content_type="application/json")
    assert refused.status_code == 403
    assert refused["Content-Type"] == "application/problem+json"
    token = "a" * 32
    client.cookies["csrftoken"] = token
    taken = client.post("/api/v1/webhooks/", body, content_type="application/json", headers={"X-CSRFToken": token})
    assert taken.status_code == 201, taken.content


def test_beyond_its_limit_a_key_waits(db):
    key = issue_api_key(integration="erp", scopes=["webhooks:read"], by=SYSTEM, rate_per_minute=2)
    with time_machine.travel("2026-11-22T10:00:20Z", tick=False):
        assert [ask(key.fresh_secret).status_code for _ in range(3)] == [200, 200, 429]
        refused = ask(key.fresh_secret)
        assert (refused.json()["code"], refused["Retry-After"]) == ("throttled", "40")
    with time_machine.travel("2026-11-22T10:01:00Z", tick=False):
        assert ask(key.fresh_secret).status_code == 200
