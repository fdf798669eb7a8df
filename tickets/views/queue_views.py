"""The queue's views: those every desk has, and those somebody saved."""

import uuid
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Invalid
from tickets.filters import filtered
from tickets.models import SavedView, Ticket
from tickets.models.tickets import TicketQuerySet
from tickets.serializers import kept_filters


@dataclass(frozen=True, slots=True)
class View:
    """One of the queue's views: its name in the address, its words, and how loud its count is."""

    key: str
    label: str | Promise
    tone: str = ""


VIEWS: Final = (
    View("mine", _("My open")),
    View("unassigned", _("Unassigned")),
    View("at-risk", _("At risk"), "warn"),
    View("breached", _("Breached"), "late"),
    View("waiting", _("Waiting")),
    View("all", _("All")),
)
KEYS: Final = frozenset(view.key for view in VIEWS)
SAVED: Final = "saved-"


def views_for(actor: Actor) -> list[View]:
    """What is offered beside the queue; one query."""
    saved = SavedView.objects.visible_to(actor).values_list("pk", "name")
    return [*VIEWS, *(View(f"{SAVED}{pk}", name) for pk, name in saved)]


def is_view(key: str) -> bool:
    """Whether a view can have this name. A saved one may be gone, or not be the reader's."""
    return key in KEYS or _saved_id(key) is not None


def has_settled(view: str) -> bool:
    """Whether solved and closed tickets are among its tickets."""
    return view == "all" or view.startswith(SAVED)


def rows_of(view: str, actor: Actor) -> TicketQuerySet:
    """The tickets of a view that this actor sees; none of a saved view that is gone or not theirs."""
    seen = Ticket.objects.visible_to(actor)
    return part_of(view, seen, actor) if view in KEYS else _of_saved(view, seen, actor)


def part_of(view: str, seen: TicketQuerySet, actor: Actor) -> TicketQuerySet:
    """The share that one of VIEWS has of what the actor sees."""
    moment = now()
    if view == "all":
        return seen.standing()
    if view == "waiting":
        return seen.waiting()
    awake = seen.unsolved().awake(moment)
    if view == "mine":
        return awake.filter(assignee_id=actor.id)
    if view == "unassigned":
        return awake.unassigned()
    return awake.at_risk(moment) if view == "at-risk" else awake.breached()


def _of_saved(view: str, seen: TicketQuerySet, actor: Actor) -> TicketQuerySet:
    pk = _saved_id(view)
    saved = None if pk is None else SavedView.objects.visible_to(actor).filter(pk=pk).first()
    if saved is None:
        return seen.none()
    base = saved.filters.get("view", "all")
    rows = part_of(base if base in KEYS else "all", seen, actor)
    query = kept_filters(saved.filters)
    if not query.is_valid():
        raise Invalid(_("This view holds a filter that is not understood. Save it anew."), code="bad_view")
    return filtered(rows, query.validated_data, by=actor)  # type: ignore[return-value]  # what it was given


def _saved_id(view: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(view.removeprefix(SAVED)) if view.startswith(SAVED) else None
    except ValueError:
        return None
