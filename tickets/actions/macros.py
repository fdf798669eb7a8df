"""Macros: prepared texts with what is to be done; made, changed, filled in and applied."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid, NotFound
from servicedesk.events import record
from servicedesk.models import Shop, Team, User
from servicedesk.shops import must_serve_every_shop
from tickets.actions.conversing import Words, add_note, post_reply
from tickets.actions.editing import Edit, edit_ticket
from tickets.actions.routing import assign_ticket, route_ticket
from tickets.actions.sharing import must_share
from tickets.actions.working import hold_ticket, solve_ticket
from tickets.macros import errors_of, filled_in, text_for
from tickets.models import Macro, Message, Ticket


@dataclass(frozen=True, slots=True)
class MacroDraft:
    """What a macro is to hold; the columns of `Macro`. With an owner it is that person's own."""

    name: str
    shop: Shop | None = None
    team: Team | None = None
    owner: User | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    is_note: bool = False
    actions: Sequence[Mapping[str, Any]] = ()
    is_active: bool = True
    position: int = 0

    @classmethod
    def of(cls, macro: Macro) -> "MacroDraft":
        return cls(**{one.name: getattr(macro, one.name) for one in fields(cls)})


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a macro came to: the text, the message if it was sent, else what the reply is to bring about."""

    ticket: Ticket
    text: str
    message: Message | None
    then: str


@transaction.atomic
def save_macro(draft: MacroDraft, *, by: Actor) -> Macro:
    """A new macro: one's own, or with `macros.edit` one for a team or everybody. Raises Invalid, naming the fields."""
    _must_keep(draft, by)
    macro = Macro(**_checked(draft))
    macro.save(force_insert=True)
    record("macro.created", macro, by=by)
    return macro


@transaction.atomic
def edit_macro(macro: Macro, draft: MacroDraft, *, by: Actor) -> Macro:
    """Give the macro this content; one's own can be shared and a shared one taken, by who may do both."""
    macro = Macro.objects.lock(macro.pk)
    _must_keep(macro, by)
    _must_keep(draft, by)
    values = _checked(draft)
    changed = [name for name, value in values.items() if getattr(macro, name) != value]
    if not changed:
        return macro
    for name in changed:
        setattr(macro, name, values[name])
    macro.save(update_fields=changed)
    record("macro.edited", macro, by=by, changes={"fields": changed})
    return macro


@transaction.atomic
def delete_macro(macro: Macro, *, by: Actor) -> None:
    """It is gone; what was done with it stays."""
    macro = Macro.objects.lock(macro.pk)
    _must_keep(macro, by)
    record("macro.deleted", macro, by=by)
    macro.delete()


def _must_keep(kept: Macro | MacroDraft, by: Actor) -> None:
    """One's own, or a shared one of the shops one works for: its words go to those shops' customers."""
    must_share(kept.owner, "macros.edit", by=by)
    if kept.owner is None and kept.shop is None:
        must_serve_every_shop(by)


def _checked(draft: MacroDraft) -> dict[str, Any]:
    values = {one.name: getattr(draft, one.name) for one in fields(draft)}
    values["texts"] = {language: text for language, text in draft.texts.items() if text != ""}
    if errors := list(errors_of(draft.name, values["texts"], draft.actions)):
        raise Invalid(errors=errors)
    values["actions"] = [{"action": one["action"], "params": dict(one.get("params") or {})} for one in draft.actions]
    return values


# ------------------------------------------------------------------------------------------------ applying


def render_macro(ticket: Ticket, macro: Macro, *, by: Actor) -> str:
    """The macro's text in the customer's language, filled in; empty for a macro that only does something."""
    return render_macros(ticket, [macro], by=by)[0]


def render_macros(ticket: Ticket, macros: Sequence[Macro], *, by: Actor) -> list[str]:
    """The texts of several macros, in their order; no query more than for one."""
    by.must("tickets.read", ticket)
    agent = User.objects.filter(pk=by.id).first() if by.is_staff and by.id else ticket.assignee
    wanted = (ticket.language, ticket.customer.language, ticket.shop.default_language)
    texts = []
    for macro in macros:
        text, language = text_for(macro.texts, *wanted)
        with translation.override(language or None):
            texts.append(filled_in(text, _values(ticket, agent)))
    return texts


def macros_for(ticket: Ticket, by: Actor) -> "QuerySet[Macro]":
    """Those that somebody may apply to this ticket, in the order of the list."""
    rows: QuerySet[Macro] = Macro.objects.visible_to(by).filter(is_active=True)
    return rows.filter(Q(shop=None) | Q(shop=ticket.shop_id))


def macros_named(ids: Sequence[uuid.UUID], ticket: Ticket, by: Actor) -> Sequence[Macro]:
    """These macros in this order. Invalid for one that is not there for this ticket."""
    if not ids:
        return []
    found = {macro.pk: macro for macro in macros_for(ticket, by).filter(pk__in=ids)}
    if missing := set(ids) - found.keys():
        raise Invalid.field("macros", "unknown", _("%(n)s of the macros can't be used here.") % {"n": len(missing)})
    return [found[pk] for pk in dict.fromkeys(ids)]


def _values(ticket: Ticket, agent: User | None) -> dict[str, str]:
    return {
        "customer_name": str(ticket.customer.name) or _("customer"),
        "ticket_number": ticket.number,
        "agent_name": agent.name if agent is not None else ticket.shop.name,
        "shop_name": ticket.shop.name,
        "order_number": ticket.order_number,
    }


@transaction.atomic
def apply_macro(ticket: Ticket, macro: Macro, *, by: Actor, send: bool) -> Applied:
    """Do what the macro says through the ordinary actions, and with `send` say its text.

    What becomes of the ticket as it is answered (solve, hold for the customer) travels with the reply, so that it can
    be taken back with it; without `send` it is left in `then` for the reply that is still being written.
    """
    must_fit(macro, ticket)
    text = render_macro(ticket, macro, by=by)
    replies = bool(text) and not macro.is_note
    then = then_of(macro) if replies else ""
    _file(ticket, macro, by)
    message = None
    if text and send:
        words = Words(text)
        message = add_note(ticket, words, by=by) if macro.is_note else post_reply(ticket, words, by=by, then=then)
    _work(ticket, macro, by, left_to_reply=then)
    done = Ticket.objects.one(pk=ticket.pk)
    record("macro.applied", done, by=by, changes={"macro": str(macro.pk), "sent": message is not None})
    return Applied(done, text, message, "" if message is not None else then)


@transaction.atomic
def send_with_macros(
    ticket: Ticket, macros: Sequence[Macro], send: Callable[[str], Message], *, by: Actor, is_note: bool
) -> Message:
    """Send what was made of the macros' texts, and do what they say, all or nothing.

    `send(then)` says it; `then` is what the macros leave to a reply: the last of their moves. A note carries none.
    """
    for macro in macros:
        must_fit(macro, ticket)
        _file(ticket, macro, by)
    then = next(filter(None, map(then_of, reversed(macros))), "") if not is_note else ""
    message = send(then)
    for macro in macros:
        # A reply carries one move; whatever else a macro moves is done at once, as it is when one is applied.
        _work(ticket, macro, by, left_to_reply=then if then_of(macro) == then else "")
    done = Ticket.objects.one(pk=ticket.pk)
    for macro in macros:
        record("macro.applied", done, by=by, changes={"macro": str(macro.pk), "sent": True})
    return message


def must_fit(macro: Macro, ticket: Ticket) -> None:
    """Raises Conflict for a macro that is switched off, or another shop's."""
    if not macro.is_active:
        raise Conflict(_("This macro is switched off."), code="inactive")
    if macro.shop_id is not None and macro.shop_id != ticket.shop_id:
        raise Conflict(_("This macro belongs to another shop."), code="other_shop")


def then_of(macro: Macro) -> str:
    """What the reply brings about as it leaves: the last of the macro's moves, where a reply can carry it."""
    moves = [one for one in macro.actions if one["action"] in {"solve", "hold"}]
    if not moves:
        return ""
    if moves[-1]["action"] == "solve":
        return "solve"
    return "hold" if moves[-1]["params"] == {"for": "customer"} else ""


def _file(ticket: Ticket, macro: Macro, by: Actor) -> None:
    """Tags, team, priority and kind, in one edit."""
    wanted: dict[str, Any] = {}
    tags = set(ticket.tags.values_list("name", flat=True))
    for one in macro.actions:
        params = one["params"]
        if one["action"] in {"priority", "kind"}:
            wanted |= params
        elif one["action"] == "team":
            wanted["team"] = Team.objects.one(pk=params["team"]) if params["team"] else None
        elif one["action"] == "tag":
            tags |= set(params["tags"])
        elif one["action"] == "untag":
            tags -= set(params["tags"])
    if wanted or any(one["action"] in {"tag", "untag"} for one in macro.actions):
        edit_ticket(ticket, Edit(tags=tags, **wanted), by=by)


def _work(ticket: Ticket, macro: Macro, by: Actor, *, left_to_reply: str) -> None:
    """Assignment and moves, but for the one that a reply carries."""
    for one in macro.actions:
        params = one["params"]
        if one["action"] == "assign":
            _assign(ticket, params["assignee"], by)
        elif one["action"] == "hold" and left_to_reply != "hold":
            until = now() + timedelta(hours=params["hours"]) if "hours" in params else None
            hold_ticket(ticket, by=by, wait_for=params.get("for", "others"), until=until)
        elif one["action"] == "solve" and left_to_reply != "solve":
            solve_ticket(ticket, by=by)


def _assign(ticket: Ticket, assignee: str | None, by: Actor) -> None:
    if assignee == "auto":
        route_ticket(ticket, by=by)
        return
    key = by.id if assignee == "me" else assignee
    user = User.objects.filter(pk=key).first() if key else None
    if user is None and assignee is not None:
        raise NotFound(_("The person this macro assigns to is no longer here."))
    assign_ticket(ticket, user, by=by)
