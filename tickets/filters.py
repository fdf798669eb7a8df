"""The list's filters, once for REST, the desk's views and saved views."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Invalid
from tickets.models import Ticket


def filtered(rows: "QuerySet[Ticket]", query: Mapping[str, Any], *, by: Actor) -> "QuerySet[Ticket]":
    """Apply validated query parameters (`TicketFilters`)."""
    for name in ("status", "kind", "channel", "priority"):
        if query.get(name):
            rows = rows.filter(**{f"{name}__in": query[name]})
    for name, column in PLAIN.items():
        if query.get(name):
            rows = rows.filter(**{column: query[name]})
    if query.get("assignee"):
        rows = rows.filter(assignee=_assignee(query["assignee"], by))
    if query.get("at_risk") is not None:
        moment = now()
        at_risk = Ticket.objects.at_risk(moment)
        rows = rows.filter(pk__in=at_risk) if query["at_risk"] else rows.exclude(pk__in=at_risk)
    if query.get("breached") is not None:
        rows = rows.filter(is_breached=query["breached"])
    return rows


PLAIN = {
    "team": "team",
    "customer": "customer",
    "order": "order_number",
    "tag": "tags__name",
    "shop": "shop__code",
    "external_id": "external_id",
}


def _assignee(value: str, by: Actor) -> uuid.UUID | None:
    if value == "none":
        return None
    if value == "me":
        return by.id
    try:
        return uuid.UUID(value)
    except ValueError:
        raise Invalid.field("assignee", "malformed", _("Give a user's id, “me” or “none”.")) from None
