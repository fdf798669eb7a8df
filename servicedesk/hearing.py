"""Whom an event may be told: staff hear of what they may see, integrations of what happens in their shops.

The ground knows no tickets: a chapter whose rows belong to teams registers them here, and events about such rows are
told to staff as the rows are shown to them, by the team they are with now. One statement, however many events.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Case, Exists, OuterRef, QuerySet, Subquery, UUIDField, When

from servicedesk.actor import Actor
from servicedesk.models import Event, EventPosition

Positions = QuerySet[EventPosition]
Rows = Callable[[], "QuerySet[Any]"]

# Subjects that not every member of staff may look at, and what it takes.
GUARDED: Final = {
    "api_key": "keys.write",
    "booking": "operations.read",
    "webhook": "webhooks.read",
}
_private: Final[dict[str, Rows]] = {}


@dataclass(frozen=True, slots=True)
class Mentions:
    """The members of `changes` that hold another row's id, each with the one that holds its number ("": none).

    `visible_to(actor)` are the rows that this actor sees.
    """

    numbers: Mapping[str, str]
    visible_to: "Callable[[Actor], QuerySet[Any]]"


_mentions: Final[dict[str, Mentions]] = {}


def keep_private(subject_type: str, rows: Rows) -> None:
    """`rows()` are those of this type that a private team keeps to itself; each has its `team`."""
    _private[subject_type] = rows


def keep_mentions_private(subject_type: str, mentions: Mentions) -> None:
    """Events about this type mention other rows: who doesn't see one is told neither its id nor its number."""
    _mentions[subject_type] = mentions


def changes_for(events: Iterable[Event], actor: Actor) -> dict[uuid.UUID, dict[str, Any]]:
    """Each event's `changes` as this actor may read them, by the event's id: without rows they don't see.

    One statement for a type of subject, and none for who sees everything or where nothing is mentioned.
    """
    by_type: dict[str, list[Event]] = {}
    for event in events:
        by_type.setdefault(event.subject_type, []).append(event)
    told: dict[uuid.UUID, dict[str, Any]] = {}
    for subject_type, group in by_type.items():
        mentions = None if actor.sees_everything else _mentions.get(subject_type)
        hidden = frozenset[uuid.UUID]() if mentions is None else _unseen(group, mentions, actor)
        for event in group:
            untold = {name for name, pk in _mentioned(event, mentions).items() if pk in hidden}
            left_out = untold if mentions is None else untold | {mentions.numbers[name] for name in untold}
            told[event.pk] = {name: value for name, value in event.changes.items() if name not in left_out}
    return told


def as_told_to(actor: Actor, events: Iterable[Event]) -> list[Event]:
    """These events in memory, their `changes` as the actor may read them."""
    heard = list(events)
    changes = changes_for(heard, actor)
    for event in heard:
        event.changes = changes[event.pk]
    return heard


def _unseen(events: Iterable[Event], mentions: Mentions, actor: Actor) -> frozenset[uuid.UUID]:
    """The ids mentioned by these events of rows that the actor doesn't see, or that are no more."""
    named = frozenset(pk for event in events for pk in _mentioned(event, mentions).values())
    if not named:
        return named
    return named - frozenset(mentions.visible_to(actor).filter(pk__in=named).values_list("pk", flat=True))


def _mentioned(event: Event, mentions: Mentions | None) -> dict[str, uuid.UUID]:
    """Member of `changes` → the id it holds."""
    named = {name: _id(event.changes.get(name)) for name in (mentions.numbers if mentions is not None else ())}
    return {name: pk for name, pk in named.items() if pk is not None}


def _id(value: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


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
