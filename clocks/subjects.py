"""What clocks are on. Clocks know no tickets: whoever has subjects says here how they are locked and who is on them.

register("ticket", lock=lock_tickets, duty=duty_of_tickets, postpone=undo_times_of_tickets)
"""

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

Ids = Collection[uuid.UUID]


@dataclass(frozen=True, slots=True)
class Duty:
    """Who was responsible for a subject, and how many of the team were on duty (None where that isn't known)."""

    assignee_id: uuid.UUID | None = None
    team_id: uuid.UUID | None = None
    on_duty: int | None = None


@dataclass(frozen=True, slots=True)
class SubjectType:
    """How the sweep treats subjects of one type. Each function is asked for a batch at a time.

    `lock` locks those that nobody else holds and says which (SKIP LOCKED): the sweep never waits for a subject.
    `duty` says who is on them; a subject it leaves out has nobody.
    `postpone` names those with a reply in its undo time, and until when: they are judged afterwards.
    """

    lock: Callable[[Ids], set[uuid.UUID]]
    duty: Callable[[Ids], Mapping[uuid.UUID, Duty]]
    postpone: Callable[[Ids], Mapping[uuid.UUID, datetime]]


SUBJECTS: Final[dict[str, SubjectType]] = {}


def _nobody(ids: Ids) -> Mapping[uuid.UUID, Duty]:
    return {}


def _at_once(ids: Ids) -> Mapping[uuid.UUID, datetime]:
    return {}


def register(
    subject_type: str,
    *,
    lock: Callable[[Ids], set[uuid.UUID]],
    duty: Callable[[Ids], Mapping[uuid.UUID, Duty]] = _nobody,
    postpone: Callable[[Ids], Mapping[uuid.UUID, datetime]] = _at_once,
) -> None:
    """Say how subjects of this type are locked and who is on them. Registering again replaces it."""
    SUBJECTS[subject_type] = SubjectType(lock, duty, postpone)


def subject_type(name: str) -> SubjectType:
    try:
        return SUBJECTS[name]
    except KeyError:
        raise LookupError(f"nobody registered subjects of the type {name}: see clocks.subjects") from None
