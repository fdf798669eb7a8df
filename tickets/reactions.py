"""What tickets do when something happened elsewhere, or to a ticket."""

from collections.abc import Sequence
from typing import Final

from clocks.models import Clock
from servicedesk.actor import SYSTEM
from servicedesk.clock import now
from servicedesk.listening import on, on_all
from servicedesk.mail.outgoing import Recipient, send_later
from servicedesk.models import Event, User
from tickets import attachments  # noqa: F401 - clears away files that nobody claimed
from tickets.actions.acknowledging import acknowledge_ticket
from tickets.actions.editing import hand_back_unseen
from tickets.actions.escalating import escalate_ticket
from tickets.actions.routing import fill_up, is_somebody_present, route_ticket
from tickets.actions.turns import show_clocks
from tickets.channels.mail import outgoing  # noqa: F401 - declares the templates
from tickets.models import Delivery, Message, Ticket
from tickets.notices import CONCERNED, tell_people

# An edit of any of these may make it another agent's.
DECIDES_WHO_FITS: Final = {"kind", "language", "team"}


def _ticket(event: Event) -> Ticket:
    return Ticket.objects.one(pk=event.subject_id)


def _unread(event: Event) -> Ticket:
    """The ticket by its id alone: an action reads and locks it itself, and would read it twice."""
    return Ticket(pk=event.subject_id)


@on("ticket.opened", "ticket.reopened", "ticket.resumed", "ticket.unsnoozed", "ticket.unmerged", "ticket.edited")
def route_what_has_no_agent(event: Event) -> None:
    """Whatever is to be worked from now on, or by somebody else than before the edit."""
    if event.kind == "ticket.edited" and not DECIDES_WHO_FITS & event.changes.keys():
        return
    if event.kind == "ticket.opened" and not is_somebody_present(now()):
        # It waits already, and whoever comes gets the most urgent of what waits: a night's tickets need no turn each.
        return
    waiting = Ticket.objects.unassigned().awake(now()).filter(pk=event.subject_id)
    for ticket in waiting:
        route_ticket(ticket, by=SYSTEM)


@on("ticket.opened")
def acknowledge_to_the_customer(event: Event) -> None:
    acknowledge_ticket(_unread(event), by=SYSTEM)


@on("ticket.assigned", "ticket.held", "ticket.solved", "ticket.merged")
def fill_up_whoever_got_room(event: Event) -> None:
    """An agent with room again gets the most urgent of what waits."""
    freed = event.changes.get("previous") if event.kind == "ticket.assigned" else _ticket(event).assignee_id
    user = User.objects.filter(pk=freed).first() if freed else None
    if user is not None:
        # Not with the ticket that was just taken from them.
        fill_up(user, but=event.subject_id)


@on("user.presence_changed")
def fill_up_whoever_came_online(event: Event) -> None:
    user = User.objects.filter(pk=event.subject_id).first()
    if user is not None:
        fill_up(user)


@on("user.edited")
def fill_up_whoever_was_changed(event: Event) -> None:
    """More room, another skill, language, team or shop, or back in the department: what waits may fit them now."""
    user = User.objects.filter(pk=event.subject_id).first()
    if user is not None:
        fill_up(user)


@on("user.edited", "team.edited")
def take_back_what_is_out_of_sight(event: Event) -> None:
    """Who left a private team, or is not of one that became private, keeps none of its tickets."""
    private = Ticket.objects.of_private_teams().unsolved().filter(assignee__isnull=False)
    if event.kind == "user.edited":
        private = private.filter(assignee=event.subject_id)
    else:
        private = private.filter(team=event.subject_id)
    for ticket in private:
        if hand_back_unseen(ticket, by=SYSTEM).assignee_id is None:
            route_ticket(ticket, by=SYSTEM)


@on("clock.step_reached")
def escalate(event: Event) -> None:
    if event.subject_type == "ticket":
        escalate_ticket(_unread(event), event.changes, by=SYSTEM)


@on("clock.breached", historic=True)
def mark_breached_ticket(event: Event) -> None:
    """The queue's own column: a breach that the sweep found, while nobody had a turn on the ticket."""
    if event.subject_type != "ticket":
        return
    if event.is_historic and not _still_breached(event):
        return
    Ticket.objects.filter(pk=event.subject_id, is_breached=False).update(is_breached=True)


def _still_breached(event: Event) -> bool:
    """With the ticket locked: an import may have lifted the verdict since."""
    Ticket.objects.lock(event.subject_id)
    return Clock.objects.filter(pk=event.changes["clock"], state=Clock.State.BREACHED).exists()


@on("clock.recomputed")
def show_the_new_deadline(event: Event) -> None:
    """The queue's columns, after an edit of a calendar or a policy moved deadlines behind the tickets' backs."""
    if event.subject_type == "ticket":
        ticket = Ticket.objects.lock(event.subject_id)
        show_clocks(ticket, list(Clock.objects.of(ticket).going()))
        ticket.save(update_fields=["next_due_at", "at_risk_from", "is_breached"])


@on("message.sent")
def mail_the_reply(event: Event) -> None:
    message = Message.objects.filter(pk=event.changes["message"]).select_related("ticket").first()
    if message is None or message.delivery != Delivery.QUEUED:
        return
    send_later(
        "ticket.reply",
        Recipient("customer", message.customer_id),
        key=f"reply:{message.pk}",
        context={"ticket": str(message.ticket_id), "message": str(message.pk)},
    )


@on_all(*CONCERNED)
def tell_whom_it_concerns(events: Sequence[Event]) -> None:
    """At once for all of them: a busy second brings hundreds, and each would ask for the same people."""
    tell_people(events)
