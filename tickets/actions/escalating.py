"""What is done on the way to a breach and after it: the steps of a policy, each exactly once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from django.db import transaction

from servicedesk.actor import SYSTEM, Actor
from servicedesk.errors import NotFound
from servicedesk.events import record
from servicedesk.mail.outgoing import Recipient, send_later
from servicedesk.models import Event, User
from servicedesk.notices.telling import notify
from tickets.actions.conversing import Words, post_reply
from tickets.actions.editing import Edit, edit_ticket
from tickets.actions.routing import route_ticket
from tickets.macros import text_for
from tickets.models import Author, Priority, Ticket
from tickets.models.tickets import UNSOLVED

Step = Mapping[str, Any]


@transaction.atomic
def escalate_ticket(ticket: Ticket, step: Step, *, by: Actor = SYSTEM) -> Event | None:
    """Do one step: {"clock", "metric", "step", "action", "params"}.

    A ticket that was settled between the step's moment and now is left in peace, and a machine is never written to
    automatically: returns None.
    """
    locked = Ticket.objects.select_related("shop", "assignee", "team", "customer").lock(ticket.pk)
    by.must("tickets.edit", locked)
    if locked.status not in UNSOLVED or locked.merged_into_id is not None:
        return None
    if locked.is_from_machine and step["action"] == "message_customer":
        return None
    act = ACTIONS.get(step["action"])
    if act is None:
        raise NotFound(f"There is no escalation action “{step['action']}”.")
    changes = {key: step[key] for key in ("clock", "metric", "step", "action")}
    event = record("ticket.escalated", locked, by=by, changes=changes)
    act(locked, step.get("params") or {}, event)
    return event


def tell(users: Sequence[User], event: Event) -> None:
    """A notice each, by the ways they chose; and a mail, which is the policy's wish and not theirs."""
    notify(users, "ticket.escalated", event)
    for user_id in {user.pk for user in users}:
        send_later(
            "ticket.escalated",
            Recipient("staff", user_id),
            key=f"{event.pk}:{user_id}",
            context={"ticket": str(event.subject_id), "event": str(event.pk)},
        )


def managers_of(ticket: Ticket) -> list[User]:
    """The managers of the ticket's team; without a team, or where it has none, of the department."""
    rows = User.objects.filter(is_active=True, role=User.Role.MANAGER)
    return who_leads(rows.prefetch_related("shops"), ticket)


def who_leads(managers: Iterable[User], ticket: Ticket) -> list[User]:
    """The same, of these active managers."""
    here = [user for user in managers if _works_for(user, ticket)]
    own = [user for user in here if ticket.team_id is not None and user.team_id == ticket.team_id]
    return own or here


def _works_for(user: User, ticket: Ticket) -> bool:
    return user.sees_every_shop or ticket.shop_id in {shop.pk for shop in user.shops.all()}


def _notify_assignee(ticket: Ticket, params: Step, event: Event) -> None:
    """Who is on it; where nobody is, whoever leads."""
    tell([ticket.assignee] if ticket.assignee is not None else managers_of(ticket), event)


def _notify_team(ticket: Ticket, params: Step, event: Event) -> None:
    """The ticket's team; without one, the agents of its shop."""
    rows = User.objects.filter(is_active=True, role__in=[User.Role.AGENT, User.Role.TRAINEE])
    if ticket.team_id is not None:
        rows = User.objects.filter(is_active=True, team=ticket.team_id)
    tell([user for user in rows.prefetch_related("shops") if _works_for(user, ticket)], event)


def _notify_manager(ticket: Ticket, params: Step, event: Event) -> None:
    tell(managers_of(ticket), event)


def _raise_priority(ticket: Ticket, params: Step, event: Event) -> None:
    """To the priority named, or one higher; never lower."""
    order = list(Priority.values)
    here = order.index(ticket.priority)
    wanted = order.index(params["to"]) if params.get("to") in order else min(here + 1, len(order) - 1)
    if wanted > here:
        edit_ticket(ticket, Edit(priority=order[wanted]), by=SYSTEM)


def _reassign(ticket: Ticket, params: Step, event: Event) -> None:
    """To another agent who is there and has room; with nobody free it stays where it is."""
    route_ticket(ticket, by=SYSTEM, instead_of=ticket.assignee_id)


def _message_customer(ticket: Ticket, params: Step, event: Event) -> None:
    """A text in the customer's language. It is the desk's own and counts as nobody's response."""
    text, _code = text_for(params["text"], ticket.language, ticket.customer.language, ticket.shop.default_language)
    if text:
        post_reply(ticket, Words(text), by=SYSTEM, author=Author.BOT)


ACTIONS: Final[dict[str, Callable[[Ticket, Step, Event], None]]] = {
    "notify_assignee": _notify_assignee,
    "notify_team": _notify_team,
    "notify_manager": _notify_manager,
    "raise_priority": _raise_priority,
    "reassign": _reassign,
    "message_customer": _message_customer,
}
