"""Pieces of the desk: marks, tones and countdowns of tickets and their clocks. None of them asks the database."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from customers.fields import Erased
from customers.masking import mask_name
from customers.models import Customer
from servicedesk.accounts.actions import CONTEXT_WIDTHS, QUEUE_WIDTHS
from servicedesk.templatetags.ui import countdown, icon
from tickets.models import Channel, Status, Ticket

if TYPE_CHECKING:
    from tickets.views.clocks import ClockCard
    from tickets.views.rows import QueueRow

register = template.Library()

CHANNEL_ICONS: Final[Mapping[str, str]] = {
    Channel.API: "api",
    Channel.WEB: "world",
    Channel.EMAIL: "mail",
    Channel.CHAT: "message-circle",
    Channel.PHONE: "phone",
    Channel.SOCIAL: "share",
}
STATUS_TONES: Final = {
    Status.NEW: "accent",
    Status.OPEN: "accent",
    Status.PENDING: "warn",
    Status.ON_HOLD: "warn",
    Status.SOLVED: "ok",
    Status.CLOSED: "",
}
PANES: Final = {"queue": QUEUE_WIDTHS, "context": CONTEXT_WIDTHS}
SHORT_LANGUAGES: Final = {"zh-hans": "简", "zh-hant": "繁", "zh": "中"}


@register.filter
def subject_of(ticket: Ticket) -> str:
    """The subject, or words that stand for it where there is none or it was erased."""
    subject = ticket.subject
    return str(subject) if isinstance(subject, Erased) else subject or _("(no subject)")


@register.filter
def masked_name(customer: Customer) -> str:
    name = customer.name
    if isinstance(name, Erased):
        return str(name)
    return mask_name(name) or _("Anonymous")


@register.simple_tag
def channel_icon(ticket: Ticket) -> SafeString:
    return icon(CHANNEL_ICONS[ticket.channel], str(Channel(ticket.channel).label))


@register.simple_tag
def ticket_countdown(ticket: "Ticket | QueueRow") -> SafeString | str:
    """The nearest deadline; for a ticket that waits, that it waits; for a settled one nothing."""
    if ticket.next_due_at is None:
        waits = ticket.status in {Status.PENDING, Status.ON_HOLD}
        return countdown(None, paused=_("paused")) if waits else ""
    return countdown(ticket.next_due_at, ticket.at_risk_from)


@register.simple_tag
def clock_countdown(card: "ClockCard") -> SafeString | str:
    if not card.stands:
        return countdown(card.due_at, card.warn_at)
    if card.is_open:
        return countdown(None, paused=card.stands)
    return format_html('<span class="pill {}">{}</span>', card.tone, card.stands)


@register.inclusion_tag("desk/splitter.html")
def splitter(pane: str) -> dict[str, Any]:
    """The edge of a pane (queue or context), to be drawn with the pointer or the arrow keys."""
    narrowest, widest = PANES[pane]
    return {"pane": pane, "narrowest": narrowest, "widest": widest}


@register.filter
def status_tone(status: str) -> str:
    return STATUS_TONES.get(Status(status), "")


@register.filter
def status_label(status: str) -> str:
    """For lists: `get_status_display` would translate every status for each row."""
    return str(Status(status).label)


@register.filter
def short_language(code: str) -> str:
    return SHORT_LANGUAGES.get(code.lower(), code.split("-", maxsplit=1)[0])


@register.filter
def at(mapping: Mapping[str, Any], key: str) -> Any:
    return mapping.get(key, "")


@register.filter
def up_to(number: int, limit: int) -> str:
    """7, or 99+ where there are more than are counted."""
    return f"{limit}+" if number > limit else str(number)
