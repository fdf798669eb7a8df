"""Who gets a ticket: pure rules, values in, value out."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from servicedesk.languages import ways_to_say

DIFFICULT_KINDS: Final = frozenset({"complaint", "return"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent on duty, and what they carry. `speaks` and `levels` empty: any language, any kind."""

    id: uuid.UUID
    capacity: int
    load: int
    assigned_at: datetime | None
    speaks: frozenset[str] = frozenset()
    levels: Mapping[str, int] = field(default_factory=dict)
    team: uuid.UUID | None = None
    shops: frozenset[uuid.UUID] | None = None

    @property
    def free(self) -> int:
        return self.capacity - self.load


@dataclass(frozen=True, slots=True)
class Need:
    """What a ticket asks of whoever gets it."""

    kind: str
    language: str
    shop: uuid.UUID
    team: uuid.UUID | None = None


def can_take(candidate: Candidate, need: Need) -> bool:
    """Whether this agent has room, works for the shop and team, speaks the language and knows the kind."""
    return (
        candidate.free > 0
        and (candidate.shops is None or need.shop in candidate.shops)
        and (need.team is None or candidate.team == need.team)
        and (not candidate.speaks or not need.language or not candidate.speaks.isdisjoint(ways_to_say(need.language)))
        and (not candidate.levels or need.kind in candidate.levels)
    )


def choose(candidates: Iterable[Candidate], need: Need) -> list[Candidate]:
    """Those who can take it, the best first.

    Experienced ones first for difficult kinds, then who has the most room, then who waited longest for a ticket.
    """

    def rank(one: Candidate) -> tuple[int, int, float, str]:
        level = one.levels.get(need.kind, 0) if need.kind in DIFFICULT_KINDS else 0
        waited_since = one.assigned_at.timestamp() if one.assigned_at else 0.0
        return (-level, -one.free, waited_since, str(one.id))

    return sorted((one for one in candidates if can_take(one, need)), key=rank)
