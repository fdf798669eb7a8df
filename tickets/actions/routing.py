"""Give tickets to agents: by hand, by the desk's own choice, and to whoever frees up.

The order of locks is ticket, clocks, agent. The agent's row is locked while capacity is counted, and the ticket is
given by a conditional UPDATE that must count 1: no two agents ever get the same one, on either database.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from django.db import transaction
from django.db.models import F, IntegerField, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid
from servicedesk.models import Skill, User
from tickets.actions.turns import begin
from tickets.models import Status, Ticket, TransferReason
from tickets.models.tickets import WORKABLE
from tickets.routing import Candidate, Need, can_take, choose

ASSIGNABLE_ROLES = (User.Role.AGENT, User.Role.TRAINEE, User.Role.MANAGER, User.Role.ADMIN)
MOST_URGENT = (F("next_due_at").asc(nulls_last=True), "id")
ROUTED_ROLES = (User.Role.AGENT, User.Role.TRAINEE)
# As many as 160 agents who ask at once may skip, and as much of a long queue as is looked through for them.
OFFERED: Final = 200
LOOKED_THROUGH: Final = 5_000


@transaction.atomic
def assign_ticket(
    ticket: Ticket, assignee: User | None, *, by: Actor, at: datetime | None = None, reason: str = ""
) -> Ticket:
    """Give it to somebody, or to nobody. By hand nobody's capacity is asked. `reason` is a code of `TransferReason`.

    Raises Invalid for a person who doesn't work the ticket's shop, or who is outside its private team.
    """
    if reason and reason not in TransferReason.values:
        choices = ", ".join(TransferReason.values)
        raise Invalid.field("reason", "unknown", _("Choose one of: %(choices)s.") % {"choices": choices})
    turn = begin(ticket, may="tickets.assign", by=by, at=at)
    _must_stand(turn.ticket)
    if assignee is not None:
        _must_fit(assignee, turn.ticket)
    before = turn.ticket.assignee_id
    if before == (assignee.pk if assignee else None):
        return turn.ticket
    turn.ticket.assignee = assignee
    turn.ticket.queued_at = turn.at if assignee is None else None
    fields = ["assignee", "queued_at"]
    if assignee is not None:
        User.objects.filter(pk=assignee.pk).update(assigned_at=turn.at)
    turn.end(
        "ticket.assigned",
        *fields,
        assignee=str(assignee.pk) if assignee else None,
        previous=str(before) if before else None,
        how="by_hand",
        reason=reason,
    )
    return turn.ticket


@transaction.atomic
def route_ticket(ticket: Ticket, *, by: Actor = SYSTEM, instead_of: uuid.UUID | None = None) -> Ticket:
    """Give it to the fittest agent on duty with room; with nobody free it waits in the queue.

    `instead_of` takes it from this agent and looks for another one.
    """
    turn = begin(ticket, may="tickets.assign", by=by)
    _must_stand(turn.ticket)
    found = turn.ticket
    if found.assignee_id is not None and found.assignee_id != instead_of:
        return found
    if found.status not in WORKABLE:
        return found
    need = Need(found.kind, found.language, found.shop_id, found.team_id)
    for candidate in choose(candidates(turn.at), need):
        if candidate.id == instead_of or not _has_room(candidate.id):
            continue
        before = found.assignee_id
        found.assignee = User.objects.get(pk=candidate.id)
        found.queued_at = None
        User.objects.filter(pk=candidate.id).update(assigned_at=turn.at)
        turn.end(
            "ticket.assigned",
            "assignee",
            "queued_at",
            assignee=str(candidate.id),
            previous=str(before) if before else None,
            how="routed",
        )
        return found
    if found.queued_at is None and found.assignee_id is None:
        found.queued_at = turn.at
        turn.end("", "queued_at")
    return found


@transaction.atomic
def take_next_ticket(user: User, *, by: Actor, but: uuid.UUID | None = None) -> Ticket | None:
    """The most urgent waiting ticket this agent can take, given to them; None when there is none or no room.

    160 agents may ask at once: each skips what another one is being given. `but` names one that they are not to get.
    """
    by.must("tickets.assign")
    moment = now()
    # One statement: asking for the rows one by one took 160 agents a minute for 320 tickets.
    free = Ticket.objects.filter(pk__in=_waiting_for(user, moment, but), assignee=None, status__in=WORKABLE)
    row = free.order_by(*MOST_URGENT).locking(skip_locked=True).first()
    if row is None:
        return None
    turn = begin(row, may="tickets.assign", by=by)
    if not _has_room(user.pk):
        return None
    if Ticket.objects.filter(pk=row.pk, assignee=None).update(assignee=user, queued_at=None) != 1:
        return None
    User.objects.filter(pk=user.pk).update(assigned_at=moment)
    turn.ticket.assignee, turn.ticket.queued_at = user, None
    turn.end("ticket.assigned", assignee=str(user.pk), previous=None, how="took_next")
    return turn.ticket


def fill_up(user: User, *, by: Actor = SYSTEM, but: uuid.UUID | None = None) -> int:
    """Give a present agent waiting tickets until they have no more room, and nobody else any. Returns how many."""
    given = 0
    if user.role not in ROUTED_ROLES:
        return given
    while user.is_present(now()) and take_next_ticket(user, by=by, but=but) is not None:
        given += 1
    return given


def _waiting_for(user: User, moment: datetime, but: uuid.UUID | None) -> list[uuid.UUID]:
    """The waiting tickets this agent can take, the most urgent first."""
    candidate = next(iter(candidates(moment, only=[user.pk], present=False)), None)
    if candidate is None or candidate.free <= 0:
        return []
    rows = (
        Ticket.objects.visible_to(Actor.staff(user))
        .filter(assignee=None, status__in=WORKABLE, queued_at__isnull=False)
        .awake(moment)
        .exclude(pk__in=[] if but is None else [but])
        .order_by(*MOST_URGENT)
        .values_list("id", "kind", "language", "shop_id", "team_id")[:LOOKED_THROUGH]
    )
    fit = (
        pk
        for pk, kind, language, shop_id, team_id in rows.iterator(OFFERED)
        if can_take(candidate, Need(kind, language, shop_id, team_id))
    )
    return list(islice(fit, OFFERED))


def candidates(moment: datetime, only: Collection[uuid.UUID] | None = None, *, present: bool = True) -> list[Candidate]:
    """The agents on duty with what they carry, in three queries whatever their number."""
    users = _present(moment) if present else User.objects.filter(is_active=True, role__in=ROUTED_ROLES)
    if only is not None:
        users = User.objects.filter(is_active=True, role__in=ASSIGNABLE_ROLES, pk__in=only)
    people = list(users.prefetch_related("shops"))
    if not people:
        return []
    loads = _loads(people)
    levels: dict[uuid.UUID, dict[str, int]] = {}
    for user_id, kind, level in (
        Skill.objects.filter(user__in=people).exclude(kind="").values_list("user_id", "kind", "level")
    ):
        levels.setdefault(user_id, {})[kind] = level
    return [
        Candidate(
            id=user.pk,
            capacity=user.capacity,
            load=loads.get(user.pk, 0),
            assigned_at=user.assigned_at,
            speaks=frozenset(user.speaks),
            levels=levels.get(user.pk, {}),
            team=user.team_id,
            shops=None if user.sees_every_shop else frozenset(shop.pk for shop in user.shops.all()),
        )
        for user in people
    ]


class _CountOf(Subquery):
    """How many rows a sliced subquery has: it counts no further than its slice."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"


def _loads(people: Sequence[User]) -> dict[uuid.UUID, int]:
    """How many tickets each has to work on now, counted no further than the greatest capacity: beyond is no room."""
    enough = max(1, *(user.capacity for user in people))
    theirs = Ticket.objects.filter(assignee=OuterRef("pk"), status__in=WORKABLE, merged_into=None)
    # In the order of an agent's own queue, so that its index is read: without one the planner walks the table.
    counted = theirs.order_by("next_due_at", "id").values("pk")[:enough]
    rows = User.objects.filter(pk__in=[user.pk for user in people]).order_by()
    load = _CountOf(counted, output_field=IntegerField())
    return dict(rows.annotate(load=load).values_list("pk", "load"))


def _has_room(user_id: uuid.UUID) -> bool:
    """With the agent's row locked: whether there is still room. Two tickets at once find this out in turn."""
    user = User.objects.filter(pk=user_id, is_active=True).select_for_update().first()
    if user is None:
        return False
    theirs = Ticket.objects.filter(assignee=user, status__in=WORKABLE, merged_into=None)
    return theirs.order_by("next_due_at", "id")[: user.capacity].count() < user.capacity


def _must_stand(ticket: Ticket) -> None:
    if ticket.merged_into_id is not None:
        raise Conflict(_("This ticket was merged. Work in the ticket it was merged into."), code="merged")
    if ticket.status == Status.CLOSED:
        raise Conflict(_("A closed ticket is nobody's to work on."), code="closed")


def _must_fit(assignee: User, ticket: Ticket) -> None:
    """Only somebody active who works tickets and sees this one."""
    person = Actor.staff(assignee)
    if not assignee.is_active or assignee.role not in ASSIGNABLE_ROLES or not person.sees(ticket):
        raise Invalid.field("assignee", "unsuitable", _("This person does not work tickets of this shop."))
    if not person.sees_private(ticket.private_team_id):
        raise Invalid.field(
            "assignee",
            "outside_private_team",
            _("This ticket is its private team's. Choose a member of the team, or move it to another team first."),
        )


def is_somebody_present(moment: datetime) -> bool:
    """Whether anybody is there to be given a ticket."""
    return _present(moment).exists()


def _present(moment: datetime) -> "QuerySet[User]":
    return User.objects.filter(
        is_active=True, role__in=ROUTED_ROLES, presence=User.Presence.ONLINE, presence_until__gt=moment
    )


def on_duty(moment: datetime) -> dict[uuid.UUID | None, int]:
    """How many of each team are present now; under None those of every team."""
    rows = _present(moment).values_list("team_id")
    counts: dict[uuid.UUID | None, int] = {None: 0}
    for (team,) in rows:
        counts[None] += 1
        if team is not None:
            counts[team] = counts.get(team, 0) + 1
    return counts
