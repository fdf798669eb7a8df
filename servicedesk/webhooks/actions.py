"""What may be done with endpoints and deliveries."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid, NotFound
from servicedesk.events import record
from servicedesk.models import WebhookDelivery, WebhookEndpoint
from servicedesk.nudges import nudge
from servicedesk.shops import shops_within
from servicedesk.webhooks.addresses import check_url
from servicedesk.webhooks.reactions import GIVE_UP_AFTER
from servicedesk.webhooks.signing import new_secret, sealed, shown

KIND: Final = re.compile(r"\*|[a-z][a-z_]*\.(\*|[a-z][a-z_]*)")
BOTH_VALID_FOR: Final = timedelta(hours=24)
State = WebhookEndpoint.State
Status = WebhookDelivery.Status


@transaction.atomic
def register_endpoint(
    *, url: str, kinds: Sequence[str], by: Actor, shops: Sequence[UUID] | None = None
) -> WebhookEndpoint:
    """A new endpoint. Its secret is in `fresh_secret` of what is returned, and nowhere else in the clear."""
    by.must("webhooks.write")
    secret = new_secret()
    endpoint = WebhookEndpoint(
        url=check_url(url), kinds=_kinds(kinds), shop_ids=shops_within(shops, by), secret=sealed(secret)
    )
    endpoint.save(force_insert=True)
    endpoint.fresh_secret = shown(secret)
    record("webhook.registered", endpoint, by=by, changes={"kinds": endpoint.kinds})
    return endpoint


@transaction.atomic
def edit_endpoint(
    endpoint: WebhookEndpoint,
    *,
    by: Actor,
    url: str | None = None,
    kinds: Sequence[str] | None = None,
    state: str | None = None,
) -> WebhookEndpoint:
    """Another address, other kinds, paused or active again. What is not given stays."""
    endpoint = _locked(endpoint, by)
    fields: dict[str, Any] = {}
    if url is not None:
        fields["url"] = check_url(url)
    if kinds is not None:
        fields["kinds"] = _kinds(kinds)
    if state is not None:
        if state not in {State.ACTIVE, State.PAUSED}:
            raise Invalid.field("state", "invalid_choice", _("An endpoint can be active or paused."))
        fields["state"] = state
    changed = {name: value for name, value in fields.items() if getattr(endpoint, name) != value}
    if not changed:
        return endpoint
    if changed.get("state") == State.ACTIVE:
        changed["failures_in_row"] = 0
        nudge("webhooks")
    _save(endpoint, **changed)
    told = {name: value for name, value in changed.items() if name in {"kinds", "state"}}
    record("webhook.edited", endpoint, by=by, changes={"fields": sorted(changed), **told})
    return endpoint


@transaction.atomic
def rotate_secret(endpoint: WebhookEndpoint, *, by: Actor) -> WebhookEndpoint:
    """A new secret, in `fresh_secret`; for a day the old one signs as well."""
    endpoint = _locked(endpoint, by)
    secret = new_secret()
    _save(
        endpoint,
        previous_secret=endpoint.secret,
        previous_secret_until=now() + BOTH_VALID_FOR,
        secret=sealed(secret),
    )
    endpoint.fresh_secret = shown(secret)
    record("webhook.secret_rotated", endpoint, by=by)
    return endpoint


@transaction.atomic
def remove_endpoint(endpoint: WebhookEndpoint, *, by: Actor) -> WebhookEndpoint:
    """Nothing is sent to it any more. The row stays for the history of its deliveries, without its secrets."""
    endpoint = _locked(endpoint, by)
    _save(endpoint, state=State.REMOVED, secret=b"", previous_secret=None, previous_secret_until=None)
    WebhookDelivery.objects.filter(endpoint=endpoint, status=Status.PENDING).update(
        status=Status.FAILED, last_error="endpoint_removed"
    )
    record("webhook.removed", endpoint, by=by)
    return endpoint


@transaction.atomic
def resend_delivery(delivery: WebhookDelivery, *, by: Actor) -> WebhookDelivery:
    """Send a settled delivery again, with a day of tries before it. Conflict while it is still being tried."""
    endpoint = _locked(delivery.endpoint, by, may="webhooks.resend")
    delivery = WebhookDelivery.objects.lock(delivery.pk)
    if endpoint.state != State.ACTIVE:
        raise Conflict(_("The endpoint is not active."), code="endpoint_not_active")
    if delivery.status == Status.PENDING:
        raise Conflict(_("It is still being tried."), code="still_pending")
    _requeue(WebhookDelivery.objects.filter(pk=delivery.pk))
    record("webhook.delivery_resent", endpoint, by=by, changes={"delivery": str(delivery.pk)})
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def resend_failed(endpoint: WebhookEndpoint, *, by: Actor) -> int:
    """Send all failed deliveries of an endpoint again. Returns how many."""
    endpoint = _locked(endpoint, by, may="webhooks.resend")
    if endpoint.state != State.ACTIVE:
        raise Conflict(_("The endpoint is not active."), code="endpoint_not_active")
    count = _requeue(WebhookDelivery.objects.filter(endpoint=endpoint, status=Status.FAILED))
    if count:
        record("webhook.deliveries_resent", endpoint, by=by, changes={"count": count})
    return count


# ------------------------------------------------------------------------------------------------ parts


def _locked(endpoint: WebhookEndpoint, by: Actor, *, may: str = "webhooks.write") -> WebhookEndpoint:
    endpoint = WebhookEndpoint.objects.lock(endpoint.pk)
    by.must(may)
    if endpoint.state == State.REMOVED:
        raise NotFound
    return endpoint


def _save(endpoint: WebhookEndpoint, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(endpoint, name, value)
    endpoint.version += 1
    endpoint.save(update_fields=[*fields, "version"])


def _requeue(rows: Any) -> int:
    moment = now()
    nudge("webhooks")
    count: int = rows.update(
        status=Status.PENDING,
        attempts=0,
        next_try_at=moment,
        give_up_at=moment + GIVE_UP_AFTER,
        holder=None,
        delivered_at=None,
    )
    return count


def _kinds(kinds: Sequence[str]) -> list[str]:
    wanted = sorted(set(kinds))
    if not wanted or not all(KIND.fullmatch(kind) for kind in wanted):
        raise Invalid.field("kinds", "invalid", _("Event kinds are expected, such as ticket.opened, ticket.* or *."))
    return wanted
