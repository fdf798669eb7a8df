"""Who watches, and what they may hear of. Everything here talks to the database and runs on a thread of its own."""

import uuid
from dataclasses import dataclass
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.db import close_old_connections
from django.http import HttpRequest

from servicedesk.accounts.second_factor import has_second_factor, needs_second_factor
from servicedesk.actor import Actor
from servicedesk.hearing import GUARDED, with_private_team
from servicedesk.models import EventPosition, User


@dataclass(frozen=True, slots=True)
class Visitor:
    """A member of staff with a valid session."""

    user_id: uuid.UUID
    actor: Actor

    def may_hear(self, change: "Change") -> bool:
        """What concerns the whole desk or happens in this person's shops, but for what they may not see."""
        shops = self.actor.shops
        in_shops = shops is None or change.shop_id is None or change.shop_id in shops
        needed = GUARDED.get(change.subject_type)
        is_shown = needed is None or self.actor.may(needed)
        return in_shops and is_shown and self.actor.sees_private(change.private_team)


@dataclass(frozen=True, slots=True)
class Change:
    """One event as a stream tells it, in ids and codes, and whose private work it is about."""

    position: int
    kind: str
    subject_type: str
    subject_id: uuid.UUID
    number: str
    shop_id: uuid.UUID | None
    by_id: uuid.UUID | None
    private_team: uuid.UUID | None


def admit(session_key: str) -> Visitor | None:
    """The visitor behind a session, or None when it has ended or the person may no longer sign in."""
    close_old_connections()
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    if not isinstance(user, User) or not user.is_active:
        return None
    # No middleware stands before this application; what it asks of pages is asked here.
    if needs_second_factor(user) and not has_second_factor(request, user):
        return None
    return Visitor(user.pk, Actor.staff(user))


def renew(session_key: str) -> Visitor | None:
    """Admit again, and prolong the lease that shows the person is there."""
    from servicedesk.actions.presence import renew_lease

    visitor = admit(session_key)
    if visitor is not None:
        renew_lease(visitor.user_id)
    return visitor


def last_position() -> int:
    """The newest position; 0 before the first event."""
    close_old_connections()
    newest = EventPosition.objects.order_by("-position").values_list("position", flat=True).first()
    return newest or 0


def changes_between(after: int, up_to: int | None, limit: int) -> list[Change]:
    """Committed events with a position in (after, up_to], oldest first."""
    close_old_connections()
    rows = with_private_team(EventPosition.objects.filter(position__gt=after))
    if up_to is not None:
        rows = rows.filter(position__lte=up_to)
    found = rows.order_by("position").values_list(
        "position",
        "event__kind",
        "event__subject_type",
        "event__subject_id",
        "event__subject_number",
        "event__shop_id",
        "event__by_id",
        "private_team",
    )
    return [Change(*row) for row in found[:limit]]
