"""The REST doors of what agents work with: macros, tags, saved views."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.db.models import QuerySet, prefetch_related_objects
from django.utils.translation import gettext as _

from customers.fields import with_keys
from servicedesk.actor import Actor
from servicedesk.errors import Invalid
from servicedesk.models import Team, User
from servicedesk.rest.views import DeskViewSet, acts, creates, edits, removes
from tickets.actions.macros import Applied, MacroDraft, apply_macro, delete_macro, edit_macro, save_macro
from tickets.actions.tags import create_tag, edit_tag
from tickets.actions.views import ViewDraft, delete_view, edit_view, save_view
from tickets.doors import shop_named
from tickets.models import Macro, SavedView, Tag, Ticket
from tickets.tools_serializers import (
    AppliedOut,
    ApplyIn,
    MacroIn,
    MacroOut,
    SavedViewIn,
    SavedViewOut,
    TagIn,
    TagOut,
)

Data = dict[str, Any]
BY_POSITION: dict[str, Sequence[str]] = {"position": ("position", "id"), "-id": ("-id",)}


class MacroViews(DeskViewSet[Macro]):
    """Prepared texts, with what is done as they are applied."""

    model = Macro
    reads = "tickets.read"
    shows = MacroOut
    orderings: ClassVar[dict[str, Sequence[str]]] = BY_POSITION

    def loaded(self, rows: Sequence[Any]) -> Sequence[Any]:
        prefetch_related_objects(list(rows), "shop")
        return rows

    @creates(MacroIn)
    def create(self, data: Data) -> Macro:
        return save_macro(MacroDraft(**_rows_in(data, self.actor)), by=self.actor)

    @edits(MacroIn)
    def partial_update(self, macro: Macro, data: Data) -> Macro:
        return edit_macro(macro, replace(MacroDraft.of(macro), **_rows_in(data, self.actor)), by=self.actor)

    @removes
    def destroy(self, macro: Macro) -> None:
        delete_macro(macro, by=self.actor)

    @acts(ApplyIn, answers=AppliedOut)
    def apply(self, macro: Macro, data: Data) -> Applied:
        """Does what the macro says to a ticket, and with `send` says its text."""
        ticket = Ticket.objects.visible_to(self.actor).filter(pk=data["ticket"]).first()
        if ticket is None:
            raise Invalid.field("ticket", "unknown", _("There is no such ticket."))
        applied = apply_macro(ticket, macro, by=self.actor, send=data["send"])
        if applied.message is not None:
            with_keys([applied.message])
        return applied


class TagViews(DeskViewSet[Tag]):
    """Words to sort tickets by."""

    model = Tag
    reads = "tickets.read"
    shows = TagOut
    orderings: ClassVar[dict[str, Sequence[str]]] = {"name": ("name", "id")}

    def rows(self) -> "QuerySet[Tag]":
        """Tags are the desk's own."""
        return Tag.objects.all()

    @creates(TagIn)
    def create(self, data: Data) -> Tag:
        return create_tag(**data, by=self.actor)

    @edits(TagIn)
    def partial_update(self, tag: Tag, data: Data) -> Tag:
        return edit_tag(tag, **data, by=self.actor)


class SavedViewViews(DeskViewSet[SavedView]):
    """Filters of the queue that somebody kept."""

    model = SavedView
    reads = "tickets.read"
    shows = SavedViewOut
    orderings: ClassVar[dict[str, Sequence[str]]] = BY_POSITION

    @creates(SavedViewIn)
    def create(self, data: Data) -> SavedView:
        return save_view(ViewDraft(**_rows_in(data, self.actor)), by=self.actor)

    @edits(SavedViewIn)
    def partial_update(self, view: SavedView, data: Data) -> SavedView:
        return edit_view(view, replace(ViewDraft.of(view), **_rows_in(data, self.actor)), by=self.actor)

    @removes
    def destroy(self, view: SavedView) -> None:
        delete_view(view, by=self.actor)


def _rows_in(data: Data, by: Actor) -> Data:
    """Rows in place of ids and codes; `personal` as the owner."""
    found = {name: value for name, value in data.items() if name != "personal"}
    if "personal" in data:
        found["owner"] = _owner(by) if data["personal"] else None
    if data.get("shop") is not None:
        found["shop"] = shop_named(data["shop"], by=by)
    if data.get("team") is not None:
        found["team"] = Team.objects.filter(pk=data["team"]).first()
        if found["team"] is None:
            raise Invalid.field("team", "unknown", _("There is no such team."))
    return found


def _owner(by: Actor) -> User:
    if not by.is_staff or by.id is None:
        raise Invalid.field("personal", "no_person", _("Only a member of staff keeps something for themselves."))
    return User.objects.get(pk=by.id)
