"""Write down how tries ended, and when the next one is due."""

import random
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F

from servicedesk.actor import SYSTEM
from servicedesk.clock import now
from servicedesk.events import record
from servicedesk.models import WebhookDelivery, WebhookEndpoint
from servicedesk.webhooks.couriers import Receipt

log = structlog.get_logger(__name__)

# With a day's patience: the last tries are hours apart. A tenth is random, so that a crowd doesn't come back at once.
PAUSES: Final = tuple(
    timedelta(seconds=s) for s in (2, 5, 15, 60, 300, 900, 1800, 3600, 7200, 10800, 14400, 18000, 21600)
)
Status = WebhookDelivery.Status


@transaction.atomic
def settle(receipts: list[Receipt], holder: UUID) -> None:
    """Write down how tries ended. What was taken over by another holder in the meantime is left to them."""
    moment = now()
    by_endpoint: defaultdict[UUID, list[Receipt]] = defaultdict(list)
    for receipt in receipts:
        by_endpoint[receipt.parcel.endpoint_id].append(receipt)
    # Endpoints before their deliveries, in the order of their ids: as the actions lock them.
    for endpoint_id in sorted(by_endpoint):
        _settle_endpoint(endpoint_id, by_endpoint[endpoint_id], holder, moment)


def _settle_endpoint(endpoint_id: UUID, receipts: list[Receipt], holder: UUID, moment: datetime) -> None:
    failed = [receipt for receipt in receipts if not receipt.is_delivered]
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id)
    if len(failed) < len(receipts):
        endpoint.update(failures_in_row=0, last_success_at=moment)
    if failed:
        endpoint.update(failures_in_row=F("failures_in_row") + len(failed), last_failure_at=moment)
    if any(receipt.status == 410 for receipt in failed):
        _disable(endpoint_id)
    delivered: defaultdict[int | None, list[UUID]] = defaultdict(list)
    for receipt in receipts:
        if receipt.is_delivered:
            delivered[receipt.status].append(receipt.parcel.delivery_id)
    for status, pks in delivered.items():
        WebhookDelivery.objects.filter(pk__in=pks, holder=holder, status=Status.PENDING).update(
            status=Status.DELIVERED, delivered_at=moment, last_status=status, last_error="", holder=None
        )
    for receipt in failed:
        _fail(receipt, holder, moment)


def _fail(receipt: Receipt, holder: UUID, moment: datetime) -> None:
    row = WebhookDelivery.objects.filter(pk=receipt.parcel.delivery_id, holder=holder, status=Status.PENDING)
    found = row.values_list("give_up_at", "event_id").first()
    if found is None:
        return
    give_up_at, event_id = found
    at = moment + pause_after(receipt)
    is_over = at > give_up_at or receipt.status == 410
    row.update(
        status=Status.FAILED if is_over else Status.PENDING,
        next_try_at=at,
        last_status=receipt.status,
        last_error=receipt.error,
        holder=None,
    )
    log.info("webhook.try_failed", delivery_id=str(receipt.parcel.delivery_id), error=receipt.error, final=is_over)
    if is_over:
        endpoint = WebhookEndpoint(pk=receipt.parcel.endpoint_id)
        changes = {
            "delivery": str(receipt.parcel.delivery_id),
            "event": str(event_id),
            "attempts": receipt.parcel.attempts,
            "status": receipt.status,
            "error": receipt.error,
        }
        record("webhook.delivery_failed", endpoint, by=SYSTEM, changes=changes)


def pause_after(receipt: Receipt) -> timedelta:
    """How long to wait after this try; what a receiver asks for by Retry-After counts where it is longer."""
    pause = PAUSES[min(receipt.parcel.attempts, len(PAUSES)) - 1]
    asked = timedelta(seconds=min(receipt.retry_after or 0, 3600))
    return max(pause * (1 + random.random() / 10), asked)  # noqa: S311  spreading, not secrecy


def _disable(endpoint_id: UUID) -> None:
    """The receiver said that it is gone for good."""
    endpoint = WebhookEndpoint.objects.lock(endpoint_id)
    if endpoint.state != WebhookEndpoint.State.ACTIVE:
        return
    endpoint.state = WebhookEndpoint.State.GONE
    endpoint.version += 1
    endpoint.save(update_fields=["state", "version"])
    record("webhook.gone", endpoint, by=SYSTEM)
