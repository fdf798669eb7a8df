"""Whose tools are whose: everybody keeps their own, who leads keeps those of teams and of everybody."""

from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.errors import NotAllowed, NotFound
from servicedesk.models import User


def must_share(owner: User | None, permission: str, *, by: Actor) -> None:
    """Pass one's own with leave to work tickets, and a shared one with the permission. Others' own are not seen."""
    if owner is None:
        by.must(permission)
    elif by.is_staff and owner.pk == by.id:
        by.must("tickets.reply")
    elif by.is_system:
        return
    elif by.may(permission):
        raise NotAllowed(_("What somebody keeps for themselves is theirs."))
    else:
        raise NotFound
