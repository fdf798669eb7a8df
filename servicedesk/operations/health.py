"""How the desk itself is doing: what failed, what waits, and when each part last gave a sign of life."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from servicedesk import heartbeat
from servicedesk.actor import Actor
from servicedesk.mail.outgoing import MailStatus, mail_status
from servicedesk.models import Booking, Delivery, OutgoingMail, WebhookDelivery

SHOWN: Final = 50
PARTS: Final = {heartbeat.WORKER: _("Worker"), heartbeat.SWEEP: _("Timer sweep")}
BACKLOG: Final = {
    "events_without_position": _("events not yet in order"),
    "reactions_due": _("reactions due"),
    "bookings_overdue": _("bookings overdue"),
}


LAGS: Final = {"reactions": _("oldest reaction due"), "bookings": _("oldest booking due")}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the desk and its last sign of life."""

    name: str | Promise
    age: timedelta | None
    tone: str


@dataclass(frozen=True, slots=True)
class Health:
    """Everything that the operations page shows."""

    parts: Sequence[Part]
    backlog: Sequence[tuple[str | Promise, int]]
    lags: Sequence[tuple[str | Promise, float]]
    mail: MailStatus
    reactions: Sequence[Delivery]
    bookings: Sequence[Booking]
    webhooks: Sequence[WebhookDelivery]
    mails: Sequence[OutgoingMail]

    @property
    def is_well(self) -> bool:
        failed = [*self.reactions, *self.bookings, *self.webhooks, *self.mails]
        return not failed and all(part.tone == "ok" for part in self.parts)


def read_health(actor: Actor) -> Health:
    """Bounded reads of small or indexed sets; nothing here grows with the number of tickets."""
    backlog, lags = heartbeat.backlog(), heartbeat.lags()
    failed_mails = OutgoingMail.objects.filter(state__in=[OutgoingMail.State.FAILED, OutgoingMail.State.BOUNCED])
    failed_webhooks = WebhookDelivery.objects.visible_to(actor).filter(status=WebhookDelivery.Status.FAILED)
    return Health(
        parts=_parts(),
        backlog=[(words, backlog[name]) for name, words in BACKLOG.items()],
        lags=[(words, lags[name]) for name, words in LAGS.items()],
        mail=mail_status(),
        reactions=list(Delivery.objects.exclude(error="").select_related("event").order_by("-id")[:SHOWN]),
        bookings=list(Booking.objects.exclude(error="").order_by("-id")[:SHOWN]),
        webhooks=list(failed_webhooks.select_related("endpoint").order_by("-id")[:SHOWN]),
        mails=list(failed_mails.order_by("-id")[:SHOWN]),
    )


def _parts() -> list[Part]:
    ages = heartbeat.ages()
    names = [*PARTS, *sorted(set(ages) - set(PARTS))]
    return [_part(name, ages.get(name)) for name in names]


def _part(name: str, age: float | None) -> Part:
    words = PARTS.get(name, name)
    if age is None:
        return Part(words, None, "late")
    return Part(words, timedelta(seconds=round(age, 1)), "ok" if age <= heartbeat.STALE_AFTER_SECONDS else "late")
