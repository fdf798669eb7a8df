"""Tell: an action ends by writing one event.

    record("ticket.solved", ticket, by=by)

The row commits or rolls back with what it tells of. Carrying it to whoever listens is `servicedesk.carrying`'s work.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from servicedesk.actor import Actor
from servicedesk.bulk import can_copy, copy_in
from servicedesk.clock import now
from servicedesk.ids import new_id
from servicedesk.inserting import insert
from servicedesk.models import Event, UnsequencedEvent
from servicedesk.nudges import nudge
from servicedesk.request_ids import request_id

COLUMNS: Final = (
    "kind",
    "at",
    "recorded_at",
    "subject_type",
    "subject_id",
    "subject_number",
    "shop_id",
    "by_type",
    "by_id",
    "changes",
    "request_id",
    "is_historic",
)


class Subject(Protocol):
    """What an event can be about: a row that says its type, its shop and, where it has one, its public number."""

    @property
    def subject_type(self) -> str: ...

    @property
    def pk(self) -> Any: ...

    @property
    def shop_id(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class SubjectRef:
    """A subject known by reference only, as batch work knows it."""

    type: str
    id: uuid.UUID
    number: str = ""
    shop_id: uuid.UUID | None = None

    @property
    def subject_type(self) -> str:
        return self.type

    @property
    def pk(self) -> uuid.UUID:
        return self.id


@dataclass(frozen=True, slots=True)
class Told:
    """One event to be written by `record_many`."""

    kind: str
    subject: Subject | SubjectRef
    by: Actor
    at: datetime | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    historic: bool = False


def record(
    kind: str,
    subject: Subject | SubjectRef,
    *,
    by: Actor,
    at: datetime | None = None,
    changes: Mapping[str, Any] | None = None,
    historic: bool = False,
) -> Event:
    """Write one event within the caller's transaction. `changes` holds ids, codes, numbers and times only."""
    return record_many([Told(kind, subject, by, at, changes or {}, historic)])[0]


def record_many(told: Iterable[Told]) -> list[Event]:
    """Write several events in their order, in two statements whatever their number."""
    moment = now()
    cause = request_id()
    events = [Event(**dict(zip(COLUMNS, _columns(one, moment, cause), strict=True))) for one in told]
    if not events:
        return []
    insert(events, marked_in=UnsequencedEvent)
    nudge("carry")
    return events


def tell_many(told: Sequence[Told]) -> None:
    """The same for work on thousands of rows at a time, which needs no events back: by COPY where there is one."""
    if not can_copy(told):
        record_many(told)
        return
    moment, cause = now(), request_id()
    ids = [new_id() for _ in told]
    rows = [_columns(one, moment, cause) for one in told]
    copy_in(Event, ("id", *COLUMNS), ((pk, *row) for pk, row in zip(ids, rows, strict=True)))
    copy_in(UnsequencedEvent, ("event_id",), ((pk,) for pk in ids))
    nudge("carry")


def _columns(one: Told, moment: datetime, cause: str) -> tuple[Any, ...]:
    """What a told event puts in COLUMNS."""
    subject = one.subject
    return (
        one.kind,
        one.at or moment,
        moment,
        subject.subject_type,
        subject.pk,
        str(getattr(subject, "number", "") or ""),
        subject.shop_id,
        one.by.type,
        one.by.id,
        dict(one.changes),
        cause,
        one.historic,
    )
