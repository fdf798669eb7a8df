"""A ticket's conversation as it is read: messages, notes, and one line for each thing that happened in between."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.models import Event
from tickets.models import Attachment, Author, Delivery, Message, Metric, Priority, TransferReason
from tickets.templatetags.desk import masked_name

Names = Mapping[uuid.UUID, str]
Files = dict[uuid.UUID | None, list[Attachment]]


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads a thread, when, and what is needed beside its rows: names of the staff, and files by message."""

    actor: Actor
    names: Names
    files: Files
    at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the thread: a message with how it is shown, or an event in words."""

    at: datetime
    pk: uuid.UUID
    text: str
    icon: str = ""
    side: str = ""  # whose message it is: "customer", "staff" or "internal"; nothing for an event
    is_note: bool = False
    leaves_at: datetime | None = None
    author: str = ""
    delivery: str = ""
    delivery_tone: str = "faint"
    files: Sequence[Attachment] = field(default_factory=tuple)
    can_undo: bool = False
    can_release: bool = False
    is_scheduled: bool = False


def _assigned(event: Event, names: Names) -> str:
    to = _name(event.changes.get("assignee"), names)
    if not to:
        text = _("Back to the queue")
    elif event.by_type == "staff" and str(event.by_id) == event.changes.get("assignee"):
        text = _("%(name)s took it") % {"name": to}
    else:
        text = _("Assigned to %(name)s") % {"name": to}
    reason = event.changes.get("reason")
    if reason in TransferReason.values:
        return _("%(text)s: %(reason)s") % {"text": text, "reason": TransferReason(reason).label}
    return text


def _held(event: Event, names: Names) -> str:
    if event.changes.get("status") == "pending":
        return _("Waits for the customer")
    return _("On hold: waits for others")


def _metric(event: Event) -> str:
    code = event.changes.get("metric", "")
    return str(Metric(code).label) if code in Metric.values else code


def _escalated(event: Event, names: Names) -> str:
    action = event.changes.get("action", "")
    told = {
        "notify_assignee": _("Escalated: the agent was told"),
        "notify_team": _("Escalated: the team was told"),
        "notify_manager": _("Escalated: the manager was told"),
        "raise_priority": _("Escalated: the priority was raised"),
        "reassign": _("Escalated: given to somebody else"),
        "message_customer": _("Escalated: the customer was told"),
    }
    return told.get(action, _("Escalated"))


def _edited(event: Event, names: Names) -> str:
    labels = {
        "kind": _("kind"),
        "priority": _("priority"),
        "team": _("team"),
        "subject": _("subject"),
        "language": _("language"),
        "tags": _("tags"),
    }
    if set(event.changes) == {"priority"} and event.changes["priority"].get("to") in Priority.values:
        return _("Priority: %(priority)s") % {"priority": Priority(event.changes["priority"]["to"]).label}
    changed = [labels[name] for name in labels if name in event.changes]
    return _("Changed: %(fields)s") % {"fields": ", ".join(changed)} if changed else _("Changed")


def _followed_up(event: Event, names: Names) -> str:
    """Nothing for who doesn't see the new ticket: its number is not among what they are told."""
    number = event.changes.get("follow_up_number")
    return _("Goes on in %(number)s") % {"number": number} if number else ""


def _overtaken(event: Event, names: Names) -> str:
    name = _name(event.changes.get("agent"), names)
    if not name:
        return _("The customer wrote while a reply was scheduled: look at it before it leaves")
    return _("The customer wrote while a reply of %(name)s was scheduled: look at it before it leaves") % {"name": name}


# Kind of event → icon, and its words. What is not named here is said by the messages themselves.
WORDS: Final[dict[str, tuple[str, Callable[[Event, Names], str]]]] = {
    "ticket.assigned": ("user-check", _assigned),
    "ticket.held": ("player-pause", _held),
    "ticket.resumed": ("player-play", lambda event, names: _("Resumed")),
    "ticket.snoozed": ("moon", lambda event, names: _("Snoozed")),
    "ticket.unsnoozed": ("sun", lambda event, names: _("Back in the queue")),
    "ticket.solved": ("check", lambda event, names: _("Solved")),
    "ticket.reopened": ("rotate", lambda event, names: _("Reopened")),
    "ticket.closed": ("archive", lambda event, names: _("Closed")),
    "ticket.merged": ("git-merge", lambda event, names: _("Merged")),
    "ticket.unmerged": ("git-branch", lambda event, names: _("Merge undone")),
    "ticket.absorbed": ("git-merge", lambda event, names: _("Another ticket was merged into this one")),
    "ticket.separated": ("git-branch", lambda event, names: _("A merged ticket was taken out again")),
    "ticket.unlinked": ("unlink", lambda event, names: _("Link removed")),
    "macro.applied": ("bolt", lambda event, names: _("Macro applied")),
    "ticket.linked": ("link", lambda event, names: _("Linked")),
    "ticket.followed_up": ("arrow-forward-up", _followed_up),
    "ticket.edited": ("pencil", _edited),
    "ticket.escalated": ("flame", _escalated),
    "ticket.acknowledged": ("mail-check", lambda event, names: _("The customer was told that we have it")),
    "ticket.links_revoked": ("link-off", lambda event, names: _("The customer's links were revoked")),
    "clock.warned": ("bell", lambda event, names: _("%(metric)s is at risk") % {"metric": _metric(event)}),
    "clock.breached": ("alarm", lambda event, names: _("%(metric)s is overdue") % {"metric": _metric(event)}),
    "message.taken_back": ("arrow-back-up", lambda event, names: _("A reply was taken back")),
    "message.overtaken": ("clock-exclamation", _overtaken),
    "message.failed": ("mail-x", lambda event, names: _("A reply could not be delivered")),
    "message.bounced": ("mail-x", lambda event, names: _("A reply came back undelivered")),
    "customer.revealed": ("eye", lambda event, names: _("Contacts were revealed")),
}


def _name(value: object, names: Names) -> str:
    try:
        return names.get(uuid.UUID(str(value)), "")
    except ValueError:
        return ""


def event_lines(events: Iterable[Event], names: Names) -> list[Line]:
    lines = []
    for event in events:
        icon, words = WORDS[event.kind]
        text = words(event, names)
        if not text:
            continue
        who = names.get(event.by_id, "") if event.by_id else ""
        if who and who not in text:
            text = _("%(text)s · %(name)s") % {"text": text, "name": who}
        lines.append(Line(at=event.at, pk=event.pk, icon=icon, text=text))
    return lines


def message_line(message: Message, reading: Reading) -> Line:
    is_customer = message.author == Author.CUSTOMER
    return Line(
        at=message.sent_at,
        pk=message.pk,
        text=message.body,
        is_note=not message.is_public,
        leaves_at=message.leaves_at,
        side="customer" if is_customer else "internal" if not message.is_public else "staff",
        author=_author(message, reading.names),
        files=reading.files.get(message.pk, ()),
        can_undo=_can_undo(message, reading),
        is_scheduled=message.delivery == Delivery.SCHEDULED,
        can_release=message.delivery == Delivery.DRAFTED and reading.actor.may("tickets.release", message.ticket),
        **_delivery(message),
    )


def _author(message: Message, names: Names) -> str:
    if message.author == Author.CUSTOMER:
        return masked_name(message.customer)
    if message.author == Author.BOT:
        return _("Automatic reply")
    return (message.author_user_id and names.get(message.author_user_id)) or _("Service team")


def _can_undo(message: Message, reading: Reading) -> bool:
    if message.delivery not in {Delivery.WAITING, Delivery.SCHEDULED} or not message.leaves_at:
        return False
    is_own = message.author_user_id == reading.actor.id
    return message.leaves_at > reading.at and (is_own or reading.actor.may("tickets.release"))


def _delivery(message: Message) -> dict[str, Any]:
    """What is worth saying of a message on its way; what arrived as expected goes without saying."""
    if message.delivery in {Delivery.DONE, Delivery.SENT, Delivery.WAITING}:
        return {}
    is_bad = message.delivery in {Delivery.FAILED, Delivery.BOUNCED}
    return {"delivery": str(Delivery(message.delivery).label), "delivery_tone": "pill late" if is_bad else "pill"}


def thread_of(messages: Iterable[Message], events: Iterable[Event], reading: Reading) -> list[Line]:
    """Messages and events in the order in which they happened, what is still to leave at a later time at the end.

    What the first message tells isn't said twice.
    """
    lines = [message_line(message, reading) for message in messages] + event_lines(events, reading.names)
    return sorted(lines, key=lambda line: (line.is_scheduled, line.at))
