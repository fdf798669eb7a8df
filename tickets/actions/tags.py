"""The words to sort tickets by. An unknown one is also made by putting it on a ticket."""

import re
from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.errors import Conflict, Invalid
from servicedesk.events import record
from tickets.models import Tag

EDIT: Final = "macros.edit"
LONGEST: Final = 40
_COLOR = re.compile(r"#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?")


@transaction.atomic
def create_tag(name: str, *, color: str = "", by: Actor) -> Tag:
    """Raises Conflict where there is a tag of this name."""
    by.must(EDIT)
    tag = Tag(name=_checked_name(name), color=_checked_color(color))
    _save(tag)
    record("tag.created", tag, by=by)
    return tag


@transaction.atomic
def edit_tag(tag: Tag, *, name: str | None = None, color: str | None = None, by: Actor) -> Tag:
    """Rename or recolour it, on every ticket that has it. Policies and macros that name it keep the old name."""
    tag = Tag.objects.lock(tag.pk)
    by.must(EDIT)
    wanted = {
        "name": tag.name if name is None else _checked_name(name),
        "color": tag.color if color is None else _checked_color(color),
    }
    changed = [field for field, value in wanted.items() if getattr(tag, field) != value]
    if not changed:
        return tag
    for field in changed:
        setattr(tag, field, wanted[field])
    _save(tag)
    record("tag.edited", tag, by=by, changes={"fields": changed})
    return tag


def _save(tag: Tag) -> None:
    try:
        with transaction.atomic():
            tag.save()
    except IntegrityError as error:
        raise Conflict(_("There is a tag of this name."), code="name_taken") from error


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= LONGEST:
        raise Invalid.field("name", "invalid", _("A tag has 1 to %(n)s characters.") % {"n": LONGEST})
    return name


def _checked_color(color: str) -> str:
    if color and not _COLOR.fullmatch(color):
        raise Invalid.field("color", "invalid", _("Give a colour such as #0f6b5c."))
    return color
