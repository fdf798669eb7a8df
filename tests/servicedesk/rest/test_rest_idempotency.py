"""The same request sent twice acts once."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.db import connections
from django.test import Client

from servicedesk.clock import now
from servicedesk.errors import Conflict, Stale, TooMany
from servicedesk.ids import new_id
from servicedesk.models import Event, IdempotencyRecord, WebhookEndpoint
from servicedesk.rest.idempotency import forget_old_answers

PATH = "/api/v1/webhooks/"
BODY = {"url": "https://example.com/hook", "kinds": ["ticket.opened"]}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key(transactional_db):
    from servicedesk.actions.keys import issue_api_key
    from servicedesk.actor import SYSTEM

    return issue_api_key(integration="shop system", scopes=["webhooks:write"], by=SYSTEM, rate_per_minute=100_000)


def test_the_first_answer_comes_again(post):
    first = post(PATH, BODY, Idempotency_Key="k1")
    again = post(PATH, BODY, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert (again["ETag"], again["Location"]) == (first["ETag"], first["Location"])
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert WebhookEndpoint.objects.count() == 1
    assert Event.objects.filter(kind="webhook.registered").count() == 1


def test_the_order_of_names_and_the_spaces_of_a_body_do_not_matter(api, post):
    post(PATH, BODY, Idempotency_Key="k1")
    raw = '{ "kinds": ["ticket.opened"],  "url": "https://example.com/hook" }'
    again = api.post(PATH, raw, content_type="application/json", headers={"Idempotency-Key": "k1"})
    assert again["Idempotent-Replayed"] == "true"


def test_another_body_under_the_same_key_is_refused(post):
    post(PATH, BODY, Idempotency_Key="k1")
    answer = post(PATH, {**BODY, "kinds": ["*"]}, Idempotency_Key="k1")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert WebhookEndpoint.objects.count() == 1


def test_another_key_another_address_and_another_actor_are_other_requests(post, api):
    first = post(PATH, BODY, Idempotency_Key="k1").json()
    assert post(PATH, BODY, Idempotency_Key="k2").status_code == 201
    answer = post(f"{PATH}{first['id']}/rotate-secret/", {}, Idempotency_Key="k1")
    assert answer.status_code == 200
    from servicedesk.actions.keys import issue_api_key
    from servicedesk.actor import SYSTEM

    other = issue_api_key(integration="other", scopes=["webhooks:write"], by=SYSTEM)
    client = Client(headers={"Authorization": f"Bearer {other.fresh_secret}", "Idempotency-Key": "k1"})
    answer = client.post(PATH, BODY, content_type="application/json")
    assert (answer.status_code, "Idempotent-Replayed" in answer) == (201, False)


def test_without_a_key_every_request_acts(post):
    post(PATH, BODY)
    post(PATH, BODY)
    assert WebhookEndpoint.objects.count() == 2


@pytest.mark.parametrize("bad", ["", "x" * 256, "schlüssel", "a\tb"])
def test_what_is_no_key_is_named(api, bad):
    answer = api.post(PATH, BODY, content_type="application/json", headers={"Idempotency-Key": bad})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert WebhookEndpoint.objects.count() == 0


def test_a_refusal_is_a_first_answer_too(post, monkeypatch):
    refuse(monkeypatch, Conflict("no", code="busy"))
    assert post(PATH, BODY, Idempotency_Key="k1").json()["code"] == "busy"
    monkeypatch.undo()
    again = post(PATH, BODY, Idempotency_Key="k1")
    assert (again.status_code, again["Idempotent-Replayed"]) == (409, "true")
    assert again["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("error", [Stale(), TooMany()])
def test_what_the_client_can_mend_gives_the_key_back(post, monkeypatch, error):
    refuse(monkeypatch, error)
    assert post(PATH, BODY, Idempotency_Key="k1").status_code == error.status
    monkeypatch.undo()
    assert post(PATH, BODY, Idempotency_Key="k1").status_code == 201


def test_a_failure_of_ours_gives_the_key_back_and_leaves_nothing(api, post, monkeypatch):
    api.raise_request_exception = False

    def half(**kwargs):
        register(**kwargs)
        raise RuntimeError

    from servicedesk.webhooks.actions import register_endpoint as register

    monkeypatch.setattr("servicedesk.webhooks.api.register_endpoint", half)
    assert post(PATH, BODY, Idempotency_Key="k1").status_code == 500
    monkeypatch.undo()
    assert (WebhookEndpoint.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)
    assert post(PATH, BODY, Idempotency_Key="k1").status_code == 201


def test_a_body_that_is_wrong_in_itself_does_not_use_the_key_up(post):
    assert post(PATH, {"url": 5}, Idempotency_Key="k1").status_code == 422
    assert post(PATH, BODY, Idempotency_Key="k1").status_code == 201


def refuse(monkeypatch, error):
    def action(**_):
        raise error

    monkeypatch.setattr("servicedesk.webhooks.api.register_endpoint", action)


def claim_by_another(post, monkeypatch):
    """A worker that claimed the key and died."""

    def die(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr("servicedesk.webhooks.api.register_endpoint", die)
    with pytest.raises(KeyboardInterrupt):
        post(PATH, BODY, Idempotency_Key="k1")
    monkeypatch.undo()


def test_while_it_is_under_way_the_same_request_waits_outside(post, monkeypatch):
    claim_by_another(post, monkeypatch)
    answer = post(PATH, BODY, Idempotency_Key="k1")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_under_way")


def test_the_lease_of_a_dead_worker_runs_out(post, monkeypatch):
    claim_by_another(post, monkeypatch)
    with time_machine.travel(now() + timedelta(seconds=61)):
        assert post(PATH, BODY, Idempotency_Key="k1").status_code == 201
        assert post(PATH, BODY, Idempotency_Key="k1")["Idempotent-Replayed"] == "true"
    assert WebhookEndpoint.objects.count() == 1


def test_who_lost_the_lease_undoes_what_it_did(post, monkeypatch):
    from servicedesk.webhooks.actions import register_endpoint as register

    def slow(**kwargs):
        made = register(**kwargs)
        IdempotencyRecord.objects.update(holder=new_id())  # another took over meanwhile
        return made

    monkeypatch.setattr("servicedesk.webhooks.api.register_endpoint", slow)
    answer = post(PATH, BODY, Idempotency_Key="k1")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_lost")
    assert WebhookEndpoint.objects.count() == 0


def test_answers_are_sealed_and_keys_are_not_kept(post):
    secret = post(PATH, BODY, Idempotency_Key="wang@example.com").json()["secret"].encode()
    record = IdempotencyRecord.objects.get()
    kept = b"".join(bytes(value) for value in (record.answer, record.claim, record.body_digest))
    assert secret not in kept
    assert b"wang" not in kept


def test_after_a_day_it_is_forgotten(post):
    post(PATH, BODY, Idempotency_Key="k1")
    with time_machine.travel(now() + timedelta(hours=23)):
        assert forget_old_answers() == 0
        assert post(PATH, BODY, Idempotency_Key="k1")["Idempotent-Replayed"] == "true"
    with time_machine.travel(now() + timedelta(hours=24, seconds=1)):
        assert post(PATH, {**BODY, "kinds": ["*"]}, Idempotency_Key="k1").status_code == 201
        assert forget_old_answers() == 0
    with time_machine.travel(now() + timedelta(hours=49)):
        assert forget_old_answers() == 1


def test_sixty_four_at_once_act_once(key):
    start = threading.Barrier(64)
    statuses: Counter[int] = Counter()
    bodies = set()

    def send():
        client = Client(headers={"Authorization": f"Bearer {key.fresh_secret}", "Idempotency-Key": "one"})
        start.wait()
        try:
            answer = client.post(PATH, BODY, content_type="application/json")
            statuses[answer.status_code] += 1
            if answer.status_code == 201:
                bodies.add(answer.content)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 409}, statuses
    assert sum(statuses.values()) == 64
    assert len(bodies) == 1
    assert WebhookEndpoint.objects.count() == 1
    assert Event.objects.filter(kind="webhook.registered").count() == 1
