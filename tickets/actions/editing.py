"""What a ticket is filed under: kind, priority, team, subject, language, tags."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from clocks.actions import recompute_clocks
from servicedesk.actor import Actor
from servicedesk.errors import Invalid
from servicedesk.models import Team
from tickets.actions.opening import tags_named
from tickets.actions.turns import Turn, begin
from tickets.actions.waiting import back_to_queue
from tickets.models import Kind, Priority, Tag, Ticket
from tickets.policies import plans_for, policy_for
from tickets.search import index_subject


class Unchanged:
    """Stands for “leave it as it is”, where None would mean “take it away”."""


UNCHANGED: Final = Unchanged()
TAGS_AT_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to change; what is left out stays."""

    kind: str | Unchanged = UNCHANGED
    priority: str | Unchanged = UNCHANGED
    team: Team | Unchanged | None = UNCHANGED
    subject: str | Unchanged = UNCHANGED
    language: str | Unchanged = UNCHANGED
    tags: Iterable[str] | Unchanged = UNCHANGED


@transaction.atomic
def edit_ticket(ticket: Ticket, edit: Edit, *, by: Actor) -> Ticket:
    """File the ticket anew. Where another policy fits now, its open clocks are recomputed and keep the time used.

    An edit that changes nothing tells nothing and leaves the version as it is.
    """
    turn = begin(ticket, may="tickets.edit", by=by)
    changes = _apply(turn, edit)
    if not changes:
        return turn.ticket
    _govern_anew(turn)
    fields = (set(changes) - {"tags"}) | {"policy"}
    if "team" in changes and _is_out_of_sight(turn.ticket):
        back_to_queue(turn, how="left_team")
        fields |= {"assignee", "queued_at"}
    turn.end("ticket.edited", *fields, **changes)
    return turn.ticket


def _apply(turn: Turn, edit: Edit) -> dict[str, Any]:
    """Set what changes; returns field → {"from", "to"} in codes and ids, a subject only named."""
    ticket, changes = turn.ticket, dict[str, Any]()
    for name, allowed in (("kind", Kind.values), ("priority", Priority.values), ("language", None)):
        wanted = getattr(edit, name)
        if wanted is UNCHANGED or wanted == getattr(ticket, name):
            continue
        if allowed is not None and wanted not in allowed:
            raise Invalid.field(name, "unknown", _("Choose one of: %(choices)s.") % {"choices": ", ".join(allowed)})
        changes[name] = {"from": getattr(ticket, name), "to": wanted}
        setattr(ticket, name, wanted)
    if not isinstance(edit.team, Unchanged) and (edit.team.pk if edit.team else None) != ticket.team_id:
        changes["team"] = {"from": _text(ticket.team_id), "to": _text(edit.team.pk if edit.team else None)}
        ticket.team = edit.team
    if not isinstance(edit.subject, Unchanged) and edit.subject != ticket.subject:
        changes["subject"] = {}
        ticket.subject = edit.subject
        index_subject(ticket, edit.subject)
    if not isinstance(edit.tags, Unchanged):
        changes |= _retag(ticket, edit.tags)
    return changes


def _retag(ticket: Ticket, names: Iterable[str]) -> dict[str, Any]:
    wanted = set(names)
    if len(wanted) > TAGS_AT_MOST:
        raise Invalid.field("tags", "too_many", _("A ticket has at most %(n)s tags.") % {"n": TAGS_AT_MOST})
    before: dict[str, Tag] = {tag.name: tag for tag in ticket.tags.all()}
    if wanted == set(before):
        return {}
    after = {tag.name: tag for tag in tags_named(wanted)}
    ticket.tags.set(after.values())
    return {
        "tags": {
            "added": sorted(str(after[name].pk) for name in wanted - set(before)),
            "removed": sorted(str(before[name].pk) for name in set(before) - wanted),
        }
    }


def _govern_anew(turn: Turn) -> None:
    """The policy that fits now, and the open clocks by its targets and calendar."""
    ticket = turn.ticket
    policy = policy_for(
        ticket,
        tags=frozenset(ticket.tags.values_list("name", flat=True)),
        customer_tags=frozenset(ticket.customer.tags.values_list("name", flat=True)),
    )
    if (policy.pk if policy else None) == ticket.policy_id:
        return
    ticket.policy = policy
    metrics = [clock.metric for clock in turn.clocks if clock.state != clock.State.BREACHED]
    if metrics:
        fresh = {
            clock.pk: clock for clock in recompute_clocks(ticket, plans_for(policy, *metrics), at=turn.at, by=turn.by)
        }
        turn.clocks = [fresh.get(clock.pk, clock) for clock in turn.clocks]


def _is_out_of_sight(ticket: Ticket) -> bool:
    """Whether it is with a private team now, and whoever was to solve it is not of that team."""
    person = ticket.assignee
    return ticket.is_unsolved and person is not None and not Actor.staff(person).sees_private(ticket.private_team_id)


@transaction.atomic
def hand_back_unseen(ticket: Ticket, *, by: Actor) -> Ticket:
    """Take it from an agent who no longer sees it: they or it changed team, or the team became private."""
    turn = begin(ticket, may="tickets.assign", by=by)
    if _is_out_of_sight(turn.ticket):
        back_to_queue(turn, how="left_team")
        turn.end("", "assignee", "queued_at")
    return turn.ticket


def _text(value: object) -> str | None:
    return None if value is None else str(value)


@transaction.atomic
def tag_ticket(ticket: Ticket, *names: str, by: Actor) -> Ticket:
    """Add tags, keep those that are there."""
    locked = Ticket.objects.lock(ticket.pk)
    return edit_ticket(locked, Edit(tags={*locked.tags.values_list("name", flat=True), *names}), by=by)


@transaction.atomic
def untag_ticket(ticket: Ticket, *names: str, by: Actor) -> Ticket:
    """Take tags away; those that are not there don't matter."""
    locked = Ticket.objects.lock(ticket.pk)
    return edit_ticket(locked, Edit(tags={*locked.tags.values_list("name", flat=True)} - set(names)), by=by)
