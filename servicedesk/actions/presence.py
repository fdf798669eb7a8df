"""Who is there: a choice, plus a lease that the live stream of an open page renews."""

import uuid
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Invalid, NotFound
from servicedesk.events import record
from servicedesk.models import User

LEASE: Final = timedelta(seconds=45)


@transaction.atomic
def set_presence(user: User, presence: str, *, by: Actor) -> User:
    """Say that one is online, busy, away or offline. Only for oneself, or by who may edit people."""
    locked = User.objects.filter(pk=user.pk).select_for_update().first()
    if locked is None:
        raise NotFound
    if by.id != locked.pk:
        by.must("people.edit")
    if presence not in User.Presence.values:
        raise Invalid.field("presence", "unknown", _("Choose online, busy, away or offline."))
    moment = now()
    # Somebody whose lease ran out was gone, whatever they had said.
    is_gone = locked.presence == User.Presence.ONLINE and not locked.is_present(moment)
    before = User.Presence.OFFLINE if is_gone else locked.presence
    locked.presence = presence
    locked.presence_until = moment + LEASE
    locked.save(update_fields=["presence", "presence_until"])
    if before != presence:
        record(
            "user.presence_changed",
            locked,
            by=by,
            changes={"presence": {"from": before, "to": presence}},
        )
    return locked


def renew_lease(user_id: uuid.UUID) -> None:
    """The person's page is still open. Coming back after the lease ran out is news: tickets may wait for them."""
    moment = now()
    renewed = User.objects.filter(pk=user_id, presence_until__gt=moment).update(presence_until=moment + LEASE)
    if renewed:
        return
    with transaction.atomic():
        user = User.objects.filter(pk=user_id, is_active=True).select_for_update().first()
        if user is None:
            return
        user.presence_until = moment + LEASE
        user.save(update_fields=["presence_until"])
        if user.presence == User.Presence.ONLINE:
            record(
                "user.presence_changed",
                user,
                by=Actor.staff(user),
                changes={"presence": {"from": User.Presence.OFFLINE, "to": user.presence}},
            )
