"""Whom news of tickets concern: the kinds of notices that tickets bring, and for each event the people who get one.

Nobody is told of what they did themselves, nor of a ticket they may not see. All that is asked of the database is asked
once for a whole batch of events.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import prefetch_related_objects
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from servicedesk.actor import Actor
from servicedesk.models import Event, User
from servicedesk.notice_kinds import Channels, Kind, register_kind, register_subject
from servicedesk.notices.telling import Telling, notify_all
from tickets.actions.escalating import who_leads
from tickets.models import Delivery, Message, Metric, Ticket
from tickets.models.tickets import UNSOLVED

People = dict[str, set[uuid.UUID]]


# ------------------------------------------------------------------------------------------------ the kinds


def _metric(event: Event) -> str:
    code = event.changes.get("metric", "")
    return str(Metric(code).label) if code in Metric.values else code


def _undelivered(event: Event) -> str:
    if event.kind == "message.bounced":
        return _("A reply came back undelivered")
    return _("A reply could not be delivered")


def _awake(event: Event) -> str:
    return _("Back in the queue") if event.kind == "ticket.unsnoozed" else _("No longer waiting")


SHOWN: Final = Channels(browser=True)
# What should not stay unread for long, whether or not anybody sits at the desk.
URGENT: Final = Channels(browser=True, digest="hourly")
KINDS: Final = (
    Kind(
        "ticket.assigned",
        gettext_lazy("A ticket is given to you"),
        "user-check",
        SHOWN,
        lambda event: _("Assigned to you"),
    ),
    Kind(
        "message.received",
        gettext_lazy("A customer answers on a ticket of yours"),
        "message-2",
        SHOWN,
        lambda event: _("The customer answered"),
    ),
    Kind(
        "message.mentioned",
        gettext_lazy("Somebody mentions you"),
        "at",
        URGENT,
        lambda event: _("You were mentioned"),
    ),
    Kind(
        "clock.warned",
        gettext_lazy("A deadline of yours comes near"),
        "clock-exclamation",
        SHOWN,
        lambda event: _("%(metric)s is at risk") % {"metric": _metric(event)},
    ),
    Kind(
        "clock.breached",
        gettext_lazy("A deadline of yours is missed"),
        "alarm",
        SHOWN,
        lambda event: _("%(metric)s is overdue") % {"metric": _metric(event)},
    ),
    Kind(
        "clock.breached_in_team",
        gettext_lazy("A deadline of your team is missed"),
        "alarm",
        Channels(digest="daily"),
        lambda event: _("%(metric)s is overdue in your team") % {"metric": _metric(event)},
        needs="tickets.oversee",
    ),
    Kind("message.failed", gettext_lazy("A reply of yours does not arrive"), "mail-x", URGENT, _undelivered),
    Kind("ticket.resumed", gettext_lazy("A ticket of yours waits no longer"), "player-play", Channels(), _awake),
    Kind(
        "message.held_back",
        gettext_lazy("A reply of your trainee waits for release"),
        "school",
        URGENT,
        lambda event: _("A reply waits for release"),
    ),
    Kind(
        "ticket.escalated",
        gettext_lazy("A ticket is escalated to you"),
        "flame",
        SHOWN,
        lambda event: _("Escalated to you"),
    ),
)


def address_of(number: str, event: Event) -> str:
    """The ticket's page, at the message that it is about."""
    path = reverse("desk:ticket", args=[number])
    message = event.changes.get("message")
    return f"{path}#m-{message}" if message else path


for one in KINDS:
    register_kind(one)
register_subject("ticket", rows=Ticket.objects.visible_to, address=address_of)


# ------------------------------------------------------------------------------------------------ whom it concerns


@dataclass(frozen=True, slots=True)
class Known:
    """What was asked once for the batch: who wrote the messages, whose mentor is who, and who leads."""

    authors: Mapping[uuid.UUID, uuid.UUID | None]
    mentors: Mapping[uuid.UUID, User | None]
    managers: Sequence[User]

    def author(self, event: Event) -> uuid.UUID | None:
        return self.authors.get(uuid.UUID(event.changes["message"]))


def _of(kind: str, *people: uuid.UUID | None) -> People:
    return {kind: {one for one in people if one is not None}}


def _given(event: Event, ticket: Ticket, known: Known) -> People:
    """Who has it now, if that is whom this event gave it to."""
    to = event.changes.get("assignee")
    return _of("ticket.assigned", ticket.assignee_id if str(ticket.assignee_id) == to else None)


def _answered(event: Event, ticket: Ticket, known: Known) -> People:
    """The first message is no answer: that a ticket is there is told by its being assigned."""
    return _of("message.received", ticket.assignee_id if event.at > ticket.created_at else None)


def _mentioned(event: Event, ticket: Ticket, known: Known) -> People:
    return _of("message.mentioned", *(uuid.UUID(person) for person in event.changes.get("people", ())))


def _warned(event: Event, ticket: Ticket, known: Known) -> People:
    return _of("clock.warned", ticket.assignee_id if ticket.status in UNSOLVED else None)


def _breached(event: Event, ticket: Ticket, known: Known) -> People:
    leaders = {user.pk for user in who_leads(known.managers, ticket)} - {ticket.assignee_id}
    return _of("clock.breached", ticket.assignee_id) | {"clock.breached_in_team": leaders}


def _not_delivered(event: Event, ticket: Ticket, known: Known) -> People:
    return _of("message.failed", known.author(event) or ticket.assignee_id)


def _woken(event: Event, ticket: Ticket, known: Known) -> People:
    """The customer's answer that ends a wait is told as an answer."""
    return _of("ticket.resumed", ticket.assignee_id if event.changes.get("reason") != "answered" else None)


def _held_back(event: Event, ticket: Ticket, known: Known) -> People:
    """The trainee's mentor; whoever leads where there is none, or none who may release it."""
    if event.changes.get("delivery") != Delivery.DRAFTED:
        return {}
    author = known.author(event)
    mentor = known.mentors.get(author) if author is not None else None
    people = [mentor] if mentor is not None and mentor.is_active else []
    if not any(Actor.staff(user).may("tickets.release") for user in people):
        people += who_leads(known.managers, ticket)
    return _of("message.held_back", *(user.pk for user in people))


CONCERNED: Final[dict[str, Callable[[Event, Ticket, Known], People]]] = {
    "ticket.assigned": _given,
    "message.received": _answered,
    "message.mentioned": _mentioned,
    "clock.warned": _warned,
    "clock.breached": _breached,
    "message.failed": _not_delivered,
    "message.bounced": _not_delivered,
    "ticket.resumed": _woken,
    "ticket.unsnoozed": _woken,
    "message.held_back": _held_back,
}
BY_AUTHOR: Final = {"message.failed", "message.bounced", "message.held_back"}
BY_LEADERS: Final = {"clock.breached", "message.held_back"}


def tell_people(events: Iterable[Event]) -> None:
    """A notice to each person whom one of these events concerns."""
    about = [event for event in events if event.subject_type == Ticket.subject_type and event.kind in CONCERNED]
    if not about:
        return
    rows = Ticket.objects.filter(pk__in={event.subject_id for event in about}).select_related("team")
    tickets = {
        row.pk: row
        for row in rows.only("number_value", "shop", "assignee", "team", "status", "created_at", "team__is_private")
    }
    known = _known(about)
    found = [
        (event, tickets[event.subject_id], kind, people - _self(event))
        for event in about
        if event.subject_id in tickets
        for kind, people in CONCERNED[event.kind](event, tickets[event.subject_id], known).items()
    ]
    users = _users({person for _event, _ticket, _kind, people in found for person in people})
    notify_all(
        [
            Telling(kind, event, [users[pk][0] for pk in people if pk in users and _sees(users[pk][1], ticket)])
            for event, ticket, kind, people in found
            if people
        ]
    )


def _self(event: Event) -> set[uuid.UUID]:
    return {event.by_id} if event.by_type == "staff" and event.by_id is not None else set()


def _sees(actor: Actor, ticket: Ticket) -> bool:
    return actor.may("tickets.read", ticket) and actor.sees_private(ticket.private_team_id)


def _users(ids: set[uuid.UUID]) -> dict[uuid.UUID, tuple[User, Actor]]:
    """Each with what they may see."""
    users = list(User.objects.filter(pk__in=ids)) if ids else []
    _with_shops(users)
    return {user.pk: (user, Actor.staff(user)) for user in users}


def _with_shops(users: Sequence[User]) -> None:
    prefetch_related_objects([user for user in users if not user.sees_every_shop], "shops")


def _known(events: Sequence[Event]) -> Known:
    messages = {uuid.UUID(event.changes["message"]) for event in events if event.kind in BY_AUTHOR}
    authors: dict[uuid.UUID, uuid.UUID | None] = {}
    if messages:
        authors = dict(Message.objects.filter(pk__in=messages).values_list("pk", "author_user_id"))
    writers = (authors.get(uuid.UUID(one.changes["message"])) for one in events if one.kind == "message.held_back")
    held_back = {author for author in writers if author is not None}
    mentors: dict[uuid.UUID, User | None] = {}
    if held_back:
        mentors = {user.pk: user.mentor for user in User.objects.filter(pk__in=held_back).select_related("mentor")}
    managers: list[User] = []
    if any(event.kind in BY_LEADERS for event in events):
        managers = list(User.objects.filter(role=User.Role.MANAGER, is_active=True))
        _with_shops(managers)
    return Known(authors, mentors, managers)
