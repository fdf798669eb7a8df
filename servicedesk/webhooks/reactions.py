"""Every event, for each endpoint that wants it, becomes a delivery; the sender takes it from there."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.db import transaction

from servicedesk.bulk import add
from servicedesk.clock import now
from servicedesk.housekeeping import housekeeper
from servicedesk.listening import on_all
from servicedesk.models import Event, WebhookDelivery, WebhookEndpoint
from servicedesk.nudges import nudge
from servicedesk.webhooks.sending import claim_new, pack, sender

GIVE_UP_AFTER: Final = timedelta(days=1)
KEPT: Final = timedelta(days=30)
# News of webhooks are not sent by webhook: one that fails would tell itself that it failed, and fail again.
OWN_NOUN: Final = WebhookEndpoint.subject_type


@on_all("*")
def queue_webhooks(events: Sequence[Event]) -> None:
    endpoints = {endpoint.pk: endpoint for endpoint in WebhookEndpoint.objects.listening()}
    moment = now()
    deliveries = [
        WebhookDelivery(
            endpoint=endpoint,
            event=event,
            kind=event.kind,
            next_try_at=moment,
            created_at=moment,
            give_up_at=moment + GIVE_UP_AFTER,
        )
        for event in events
        for endpoint in endpoints.values()
        if event.subject_type != OWN_NOUN and endpoint.wants(event.kind, event.shop_id)
    ]
    if not deliveries:
        return
    claimed = claim_new([row for row in deliveries if sender().has_room_for(endpoints[row.endpoint_id])], moment)
    add(deliveries)
    if claimed:
        # The sequencer knows the positions it has just given; an event that is owed singly looks up its own.
        parcels = pack([(row, row.event.sequenced.position) for row in claimed], endpoints, moment)
        transaction.on_commit(lambda: sender().take(parcels), robust=True)
    nudge("webhooks")


@housekeeper
def forget_old_deliveries(limit: int = 5000) -> int:
    """What was delivered or given up a month ago."""
    over = WebhookDelivery.objects.exclude(status=WebhookDelivery.Status.PENDING)
    old = over.filter(created_at__lt=now() - KEPT).order_by("id").values_list("pk", flat=True)
    return WebhookDelivery.objects.filter(pk__in=list(old[:limit])).delete()[0]
