"""What goes in and out of the doors of macros, tags and saved views."""

from typing import Any

from rest_framework import serializers

from servicedesk.rest.fields import JsonObject, TextMap, WholeNumber, Words
from servicedesk.rest.serializers import Shown, Strict
from tickets.actions.views import KEPT
from tickets.macros import LONGEST_TEXT, MOST_ACTIONS, PARAMS
from tickets.models import Macro, SavedView, Tag
from tickets.serializers import MessageOut, kept_filters
from tickets.sla_serializers import GREATEST, SMALLEST, OneOrMore


class MacroAction(Strict):
    """One thing a macro does; `params` depends on it, such as {"tags": ["late"]} or {"assignee": "me"}."""

    action = serializers.ChoiceField(list(PARAMS))
    params = JsonObject(required=False)


class MacroIn(Strict):
    name = Words(max_length=80)
    shop = Words(max_length=40, required=False, allow_null=True, help_text="a shop's code; null for every shop")
    team = serializers.UUIDField(required=False, allow_null=True)
    personal = serializers.BooleanField(required=False, help_text="one's own, seen by nobody else")
    texts = TextMap(max_length=LONGEST_TEXT, required=False)
    is_note = serializers.BooleanField(required=False)
    actions = serializers.ListField(child=MacroAction(), required=False, max_length=MOST_ACTIONS)
    is_active = serializers.BooleanField(required=False)
    position = WholeNumber(min_value=SMALLEST, max_value=GREATEST, required=False)


class MacroOut(Shown):
    shop = serializers.CharField(source="shop.code", default=None, allow_null=True)
    team = serializers.UUIDField(source="team_id", allow_null=True)
    owner = serializers.UUIDField(source="owner_id", allow_null=True)
    texts = TextMap(max_length=LONGEST_TEXT)
    actions = serializers.ListField(child=MacroAction())

    class Meta:
        model = Macro
        fields = ("id", "name", "shop", "team", "owner", "texts", "is_note", "actions", "is_active", "position")


class ApplyIn(Strict):
    ticket = serializers.UUIDField()
    send = serializers.BooleanField(required=False, default=False)


class AppliedOut(serializers.Serializer[Any]):
    """The text, filled in; the message where it was sent, else what the reply is to bring about as it leaves."""

    ticket = serializers.UUIDField(read_only=True, source="ticket.pk")
    text = serializers.CharField(read_only=True)
    message = MessageOut(read_only=True, allow_null=True)
    then = serializers.CharField(read_only=True)


class TagIn(Strict):
    name = Words(max_length=40)
    color = Words(max_length=9, required=False, allow_blank=True)


class TagOut(Shown):
    class Meta:
        model = Tag
        fields = ("id", "name", "color")


class Filters(Strict):
    """The ticket list's own query parameters, each a value or a list."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {name: OneOrMore(required=False) for name in KEPT}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Only what the list takes can be kept."""
        kept_filters(attrs).is_valid(raise_exception=True)
        return attrs

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return dict(instance)


class SavedViewIn(Strict):
    name = Words(max_length=80)
    personal = serializers.BooleanField(required=False, help_text="one's own, seen by nobody else")
    team = serializers.UUIDField(required=False, allow_null=True)
    filters = Filters(required=False)
    ordering = serializers.ChoiceField(
        ["", "created_at", "-created_at", "due_at", "-due_at"], required=False, allow_blank=True
    )
    position = WholeNumber(min_value=SMALLEST, max_value=GREATEST, required=False)


class SavedViewOut(Shown):
    owner = serializers.UUIDField(source="owner_id", allow_null=True)
    team = serializers.UUIDField(source="team_id", allow_null=True)
    filters = Filters()

    class Meta:
        model = SavedView
        fields = ("id", "name", "owner", "team", "filters", "ordering", "position")
