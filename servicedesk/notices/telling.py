"""Tell people: `notify(people, kind, event)` writes a notice each, by the ways each of them has chosen.

Called by reactions of the chapters, which know whom an event concerns and who may see what it is about. The same event
told twice is one notice: a reaction that runs again does no harm.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from django.db import transaction

from servicedesk.bulk import add
from servicedesk.clock import now
from servicedesk.live.hub import announce
from servicedesk.models import Event, Notice, User
from servicedesk.notices.choosing import channels_of
from servicedesk.notices.digests import book_digests

CHANGED = "notice.changed"


@dataclass(frozen=True, slots=True)
class Telling:
    """These people are to hear of this event, as news of this kind."""

    kind: str
    event: Event
    people: Collection[User]


def notify(people: Iterable[User], kind: str, event: Event) -> None:
    """One event, some people. They must be such as may see its subject."""
    notify_all([Telling(kind, event, list(people))])


@transaction.atomic
def notify_all(tellings: Sequence[Telling]) -> None:
    """Many at once, in a bounded number of statements whatever their number."""
    people = {user.pk: user for telling in tellings for user in telling.people if user.is_active}
    if not people:
        return
    rows = _without_known(_rows(tellings, people))
    add(rows)
    book_digests([(people[row.user_id], row.digest) for row in rows], now())
    ring({row.user_id for row in rows if row.desk})


def _rows(tellings: Sequence[Telling], people: Mapping[uuid.UUID, User]) -> list[Notice]:
    """A notice for each of these people and events, but where somebody wants to hear of its kind in no way."""
    chosen = channels_of(people.keys(), {telling.kind for telling in tellings})
    wanted = {
        (telling.event.pk, user.pk, telling.kind): (telling.event, chosen[user.pk, telling.kind])
        for telling in tellings
        for user in telling.people
        if user.pk in people
    }
    return [
        Notice(
            user_id=user_id,
            event_id=event.pk,
            kind=kind,
            subject_type=event.subject_type,
            subject_id=event.subject_id,
            subject_number=event.subject_number,
            **asdict(channels),
        )
        for (_event_id, user_id, kind), (event, channels) in wanted.items()
        if not channels.is_silent
    ]


def _without_known(rows: Sequence[Notice]) -> list[Notice]:
    """Those that are not there yet. Who writes the same one at the same moment fails on the constraint, and is owed it
    again like any reaction."""
    events = {row.event_id for row in rows}
    known = set(Notice.objects.filter(event__in=events).values_list("event", "user", "kind")) if events else set()
    return [row for row in rows if (row.event_id, row.user_id, row.kind) not in known]


def ring(user_ids: Collection[uuid.UUID]) -> None:
    """After commit, let these people's open pages look at their bell. Who misses it looks on coming back."""

    def announce_all() -> None:
        for user_id in user_ids:
            announce(CHANGED, user_id=user_id)

    if user_ids:
        transaction.on_commit(announce_all, robust=True)
