"""Whom an event may be told: staff hear of what they may see, integrations of what happens in their shops.

The ground knows no tickets: a chapter whose rows belong to teams registers them here, and events about such rows are
told to staff as the rows are shown to them, by the team they are with now. One statement, however many events.
"""

from collections.abc import Callable
from typing import Any, Final

from django.db.models import Case, Exists, OuterRef, QuerySet, Subquery, UUIDField, When

from servicedesk.actor import Actor
from servicedesk.models import EventPosition

Positions = QuerySet[EventPosition]
Rows = Callable[[], "QuerySet[Any]"]

# Subjects that not every member of staff may look at, and what it takes.
GUARDED: Final = {
    "api_key": "keys.write",
    "booking": "operations.read",
    "webhook": "webhooks.read",
}
_private: Final[dict[str, Rows]] = {}


def keep_private(subject_type: str, rows: Rows) -> None:
    """`rows()` are those of this type that a private team keeps to itself; each has its `team`."""
    _private[subject_type] = rows


def heard_by(positions: Positions, actor: Actor) -> Positions:
    """Those of the actor's shops, for staff without what they may not see."""
    if actor.shops is not None:
        positions = positions.filter(event__shop_id__in=actor.shops)
    if actor.is_staff:
        unheard = [subject for subject, permission in GUARDED.items() if not actor.may(permission)]
        positions = positions.exclude(event__subject_type__in=unheard)
    if actor.minds_private_teams:
        for rows in _private.values():
            theirs = rows().filter(pk=OuterRef("event__subject_id"))
            positions = positions.filter(~Exists(theirs.exclude(team=actor.team) if actor.team else theirs))
    return positions


def with_private_team(positions: Positions) -> "QuerySet[Any]":
    """With `private_team`: the private team that keeps the event's subject to itself, else null."""
    cases = [
        When(event__subject_type=name, then=Subquery(rows().filter(pk=OuterRef("event__subject_id")).values("team")))
        for name, rows in _private.items()
    ]
    return positions.annotate(private_team=Case(*cases, default=None, output_field=UUIDField()))
