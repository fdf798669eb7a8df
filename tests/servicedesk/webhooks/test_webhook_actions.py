"""Endpoints and deliveries: what each action does, whom and when it refuses, and that it tells."""

import pytest

from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid, NotAllowed, NotFound
from servicedesk.events import SubjectRef, record
from servicedesk.ids import new_id
from servicedesk.models import Event, WebhookDelivery, WebhookEndpoint
from servicedesk.permissions import ROLE_PERMISSIONS
from servicedesk.webhooks import actions, signing

ADMIN = Actor("staff", new_id(), ROLE_PERMISSIONS["admin"])
MANAGER = Actor("staff", new_id(), ROLE_PERMISSIONS["manager"])


@pytest.fixture
def endpoint(db):
    return actions.register_endpoint(url="https://example.com/hook", kinds=["ticket.*", "clock.breached"], by=ADMIN)


@pytest.fixture
def delivery(endpoint):
    event = record("ticket.opened", SubjectRef("ticket", new_id(), "T-1"), by=SYSTEM)
    return WebhookDelivery.objects.create(
        endpoint=endpoint, event=event, kind=event.kind, status="failed", attempts=13, give_up_at=now()
    )


def told(endpoint):
    return list(Event.objects.filter(subject_id=endpoint.pk).order_by("id").values_list("kind", flat=True))


def test_registering_makes_a_secret_that_is_shown_once_and_kept_sealed(endpoint):
    assert endpoint.fresh_secret.startswith("whsec_")
    row = WebhookEndpoint.objects.get()
    assert row.fresh_secret == ""
    assert endpoint.fresh_secret.encode() not in bytes(row.secret)
    assert [signing.shown(secret) for secret in signing.secrets_of(row, now())] == [endpoint.fresh_secret]
    assert told(endpoint) == ["webhook.registered"]


def test_kinds_are_exact_or_of_a_noun_or_all(endpoint):
    wanted = [endpoint.wants(kind, None) for kind in ("ticket.opened", "clock.breached", "clock.met", "message.sent")]
    assert wanted == [True, True, False, False]
    assert WebhookEndpoint(kinds=["*"]).wants("anything.happened", None)


def test_an_endpoint_of_some_shops_is_told_of_theirs_only():
    shop, other = new_id(), new_id()
    endpoint = WebhookEndpoint(kinds=["*"], shop_ids=[str(shop)])
    assert [endpoint.wants("ticket.opened", one) for one in (shop, other, None)] == [True, False, False]


def test_an_actor_of_some_shops_registers_for_these_at_most(db):
    mine, other = new_id(), new_id()
    by = Actor("integration", new_id(), frozenset({"webhooks.write"}), frozenset({mine}))
    assert actions.register_endpoint(url="https://e.com/", kinds=["*"], by=by).shop_ids == [str(mine)]
    with pytest.raises(Invalid):
        actions.register_endpoint(url="https://e.com/", kinds=["*"], shops=[other], by=by)


@pytest.mark.parametrize("kinds", [[], ["Ticket.opened"], ["ticket"], ["*.opened"], ["ticket.opened "]])
def test_what_are_no_kinds_is_refused(db, kinds):
    with pytest.raises(Invalid):
        actions.register_endpoint(url="https://example.com/", kinds=kinds, by=ADMIN)


def test_only_administrators_change_endpoints(endpoint, delivery):
    with pytest.raises(NotAllowed):
        actions.register_endpoint(url="https://example.com/", kinds=["*"], by=MANAGER)
    for act in (actions.edit_endpoint, actions.rotate_secret, actions.remove_endpoint):
        with pytest.raises(NotAllowed):
            act(endpoint, by=MANAGER)
    assert told(endpoint) == ["webhook.registered"]


def test_who_looks_after_operations_sends_again_and_an_agent_does_not(endpoint, delivery):
    agent = Actor("staff", new_id(), ROLE_PERMISSIONS["agent"])
    for act, row in ((actions.resend_failed, endpoint), (actions.resend_delivery, delivery)):
        with pytest.raises(NotAllowed):
            act(row, by=agent)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(status="failed")
    assert actions.resend_failed(endpoint, by=MANAGER) == 1


def test_an_edit_changes_what_is_given_and_tells_which_fields(endpoint):
    edited = actions.edit_endpoint(endpoint, url="https://example.org/new", by=ADMIN)
    assert (edited.url, edited.kinds, edited.version) == ("https://example.org/new", endpoint.kinds, 2)
    event = Event.objects.get(kind="webhook.edited")
    assert event.changes == {"fields": ["url"]}


def test_an_edit_that_changes_nothing_tells_nothing(endpoint):
    assert actions.edit_endpoint(endpoint, url=endpoint.url, by=ADMIN).version == 1
    assert told(endpoint) == ["webhook.registered"]


def test_an_endpoint_is_not_edited_into_a_state_that_only_its_receiver_can_bring_about(endpoint):
    with pytest.raises(Invalid):
        actions.edit_endpoint(endpoint, state="gone", by=ADMIN)


def test_after_a_rotation_both_secrets_sign_for_a_day(endpoint):
    rotated = actions.rotate_secret(endpoint, by=ADMIN)
    both = [signing.shown(secret) for secret in signing.secrets_of(rotated, now())]
    assert both == [rotated.fresh_secret, endpoint.fresh_secret]
    later = now() + actions.BOTH_VALID_FOR
    assert [signing.shown(secret) for secret in signing.secrets_of(rotated, later)] == [rotated.fresh_secret]
    assert told(endpoint)[-1] == "webhook.secret_rotated"


def test_a_removed_endpoint_is_nowhere_to_be_seen_and_its_pending_deliveries_are_given_up(endpoint, delivery):
    WebhookDelivery.objects.update(status="pending")
    actions.remove_endpoint(endpoint, by=ADMIN)
    row = WebhookEndpoint.objects.get()
    assert (bytes(row.secret), row.previous_secret) == (b"", None)
    assert not WebhookEndpoint.objects.visible_to(ADMIN).exists()
    delivery.refresh_from_db()
    assert (delivery.status, delivery.last_error) == ("failed", "endpoint_removed")
    with pytest.raises(NotFound):
        actions.edit_endpoint(endpoint, state="paused", by=ADMIN)
    assert told(endpoint)[-1] == "webhook.removed"


def test_a_failed_delivery_is_sent_again_with_a_day_before_it(delivery):
    again = actions.resend_delivery(delivery, by=ADMIN)
    assert (again.status, again.attempts, again.message_id) == ("pending", 0, delivery.message_id)
    assert again.give_up_at > now() + actions.GIVE_UP_AFTER * 0.99
    assert told(delivery.endpoint)[-1] == "webhook.delivery_resent"


def test_a_delivery_that_is_being_tried_is_not_sent_again(delivery):
    WebhookDelivery.objects.update(status="pending")
    with pytest.raises(Conflict):
        actions.resend_delivery(delivery, by=ADMIN)


def test_nothing_is_sent_again_to_an_endpoint_that_rests(delivery):
    actions.edit_endpoint(delivery.endpoint, state="paused", by=ADMIN)
    with pytest.raises(Conflict):
        actions.resend_delivery(delivery, by=ADMIN)
    with pytest.raises(Conflict):
        actions.resend_failed(delivery.endpoint, by=ADMIN)


def test_all_failed_deliveries_are_sent_again_together(delivery):
    assert actions.resend_failed(delivery.endpoint, by=ADMIN) == 1
    assert actions.resend_failed(delivery.endpoint, by=ADMIN) == 0
    assert told(delivery.endpoint).count("webhook.deliveries_resent") == 1


def test_secrets_are_sealed_again_when_the_master_key_changes(endpoint, monkeypatch):
    monkeypatch.setattr(signing, "is_outdated", lambda _blob: True)
    before = bytes(endpoint.secret)
    assert signing.reseal_secrets() == 1
    row = WebhookEndpoint.objects.get()
    assert bytes(row.secret) != before
    assert [signing.shown(secret) for secret in signing.secrets_of(row, now())] == [endpoint.fresh_secret]
