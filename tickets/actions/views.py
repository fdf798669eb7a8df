"""Saved views: filters of the queue that somebody kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.errors import FieldError, Invalid
from servicedesk.events import record
from servicedesk.models import Team, User
from tickets.actions.sharing import must_share
from tickets.models import SavedView

# A customer's words, and whose they are, have no place in what is kept and shown to others.
KEPT: Final = (
    "view",
    "status",
    "kind",
    "channel",
    "priority",
    "assignee",
    "team",
    "tag",
    "shop",
    "at_risk",
    "breached",
)
LONGEST: Final = 400
SHARE: Final = "macros.edit"


@dataclass(frozen=True, slots=True)
class ViewDraft:
    """What a saved view is to hold: `filters` are the ticket list's query parameters. With an owner it is their own."""

    name: str
    owner: User | None = None
    team: Team | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)
    ordering: str = ""
    position: int = 0

    @classmethod
    def of(cls, view: SavedView) -> "ViewDraft":
        return cls(**{one.name: getattr(view, one.name) for one in fields(cls)})


@transaction.atomic
def save_view(draft: ViewDraft, *, by: Actor) -> SavedView:
    """A new view: one's own, or with `macros.edit` one for a team or everybody. Raises Invalid, naming the fields."""
    must_share(draft.owner, SHARE, by=by)
    view = SavedView(**_checked(draft))
    view.save(force_insert=True)
    record("saved_view.created", view, by=by)
    return view


@transaction.atomic
def edit_view(view: SavedView, draft: ViewDraft, *, by: Actor) -> SavedView:
    """Give the view this content."""
    view = SavedView.objects.lock(view.pk)
    must_share(view.owner, SHARE, by=by)
    must_share(draft.owner, SHARE, by=by)
    values = _checked(draft)
    changed = [name for name, value in values.items() if getattr(view, name) != value]
    if not changed:
        return view
    for name in changed:
        setattr(view, name, values[name])
    view.save(update_fields=changed)
    record("saved_view.edited", view, by=by, changes={"fields": changed})
    return view


@transaction.atomic
def delete_view(view: SavedView, *, by: Actor) -> None:
    view = SavedView.objects.lock(view.pk)
    must_share(view.owner, SHARE, by=by)
    record("saved_view.deleted", view, by=by)
    view.delete()


def _checked(draft: ViewDraft) -> dict[str, Any]:
    errors = []
    if not draft.name.strip():
        errors.append(FieldError("name", "blank", _("A view needs a name.")))
    for name, value in draft.filters.items():
        if name not in KEPT:
            errors.append(FieldError(f"filters.{name}", "unknown", _("A view keeps: %s.") % ", ".join(KEPT)))
        elif not _is_plain(value):
            errors.append(FieldError(f"filters.{name}", "invalid", _("A text, or a list of texts, is expected.")))
    if errors:
        raise Invalid(errors=errors)
    values = {one.name: getattr(draft, one.name) for one in fields(draft)}
    return values | {"filters": dict(draft.filters)}


def _is_plain(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return len(values) <= 50 and all(isinstance(one, str | bool) and len(str(one)) <= LONGEST for one in values)
