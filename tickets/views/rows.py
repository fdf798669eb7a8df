"""The lines of a queue, each computed once: the template only lays them out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import TextChoices
from django.urls import reverse

from customers.fields import with_keys
from tickets.models import Channel, Kind, Priority, Ticket
from tickets.templatetags.desk import CHANNEL_ICONS, masked_name, short_language, subject_of

LOUD: Final = {Priority.HIGH.value: "warn", Priority.URGENT.value: "late"}
ANY_NUMBER: Final = "T-0"


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One ticket in a queue. `about` is whose it is, its kind and its language; `priority` only where it is raised."""

    number: str
    address: str
    subject: str
    status: str
    next_due_at: datetime | None
    at_risk_from: datetime | None
    channel: str
    channel_icon: str
    about: str
    priority: str
    priority_tone: str
    assignee: str
    is_unsolved: bool


def queue_rows(tickets: Iterable[Ticket], view: str) -> list[QueueRow]:
    """The lines of these tickets (`Ticket.objects.for_queue()`); each opens its ticket from this view of the queue."""
    found = with_keys(tickets)
    with_keys([ticket.customer for ticket in found])
    # One look at the routes and one at the catalogue for all rows.
    before, after = reverse("desk:ticket", args=[ANY_NUMBER]).split(ANY_NUMBER)
    after += f"?view={view}" if view else ""
    kinds, channels, priorities = _labels(Kind), _labels(Channel), _labels(Priority)
    return [
        QueueRow(
            number=ticket.number,
            address=f"{before}{ticket.number}{after}",
            subject=subject_of(ticket),
            status=ticket.status,
            next_due_at=ticket.next_due_at,
            at_risk_from=ticket.at_risk_from,
            channel=channels[ticket.channel],
            channel_icon=CHANNEL_ICONS[ticket.channel],
            about=_about(ticket, kinds),
            priority=priorities[ticket.priority] if ticket.priority in LOUD else "",
            priority_tone=LOUD.get(ticket.priority, ""),
            assignee=ticket.assignee.name if ticket.assignee else "",
            is_unsolved=ticket.is_unsolved,
        )
        for ticket in found
    ]


def _labels(choices: type[TextChoices]) -> dict[str, str]:
    return {value: str(label) for value, label in choices.choices}


def _about(ticket: Ticket, kinds: Mapping[str, str]) -> str:
    parts = [masked_name(ticket.customer), kinds[ticket.kind]]
    return " · ".join([*parts, short_language(ticket.language)] if ticket.language else parts)
