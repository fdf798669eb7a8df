"""Mentions: colleagues named in a note or a reply, who are told of it as it is there to be read."""

import uuid
from collections.abc import Sequence
from typing import Final

from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.errors import FieldError, Invalid
from servicedesk.models import User
from servicedesk.rows import know
from tickets.actions.turns import Turn
from tickets.models import Mention, Message, Ticket

MOST: Final = 20


def colleagues_of(ticket: Ticket) -> list[User]:
    """The people who may see this ticket, by name: those who can be mentioned in it."""
    everybody = User.objects.filter(is_active=True).prefetch_related("shops").order_by("name", "pk")
    return [user for user in everybody if _may_see(user, ticket)]


def _may_see(user: User, ticket: Ticket) -> bool:
    actor = Actor.staff(user)
    return actor.may("tickets.read", ticket) and actor.sees_private(ticket.private_team_id)


def mention(people: Sequence[uuid.UUID], message: Message, turn: Turn) -> None:
    """Write down who is mentioned. Raises Invalid for somebody who is not there, or may not see the ticket."""
    wanted = list(dict.fromkeys(people))
    if not wanted:
        know(message, "mentions", [])
        return
    if len(wanted) > MOST:
        raise Invalid.field("mentions", "too_many", _("A message mentions at most %(n)s people.") % {"n": MOST})
    found = {user.pk: user for user in User.objects.filter(pk__in=wanted, is_active=True).prefetch_related("shops")}
    if len(found) != len(wanted):
        raise Invalid.field("mentions", "unknown", _("One of the people you mention is no longer here."))
    unseeing = [user for user in found.values() if not _may_see(user, turn.ticket)]
    if unseeing:
        text = _("%(name)s may not see this ticket. Take the mention out, or give the ticket to their team first.")
        raise Invalid(errors=[FieldError("mentions", "cannot_see", text % {"name": one.name}) for one in unseeing])
    rows = [Mention(message=message, user=user) for user in found.values()]
    know(message, "mentions", Mention.objects.bulk_create(rows))


def tell_mentions(message: Message, turn: Turn) -> None:
    """Tell of those who are mentioned, once the message is there to be read."""
    people = list(Mention.objects.filter(message=message).order_by("id").values_list("user_id", flat=True))
    if people:
        turn.tell(
            "message.mentioned",
            message=str(message.pk),
            people=[str(pk) for pk in people],
            visibility=message.visibility,
        )
