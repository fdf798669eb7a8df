"""What goes in and out of the ticket doors. Names and shapes are the contract's."""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from clocks.serializers import ClockOut, clock_out
from servicedesk.rest.fields import AnyOf, Instant, JsonObject, Words, utc
from servicedesk.rest.serializers import Strict
from tickets.models import (
    Attachment,
    Author,
    Channel,
    Kind,
    Message,
    Priority,
    Status,
    Ticket,
    TransferReason,
    Visibility,
)

BODY_MAX = 100_000
SUBJECT_MAX = 300


class CustomerRef(serializers.Serializer[Any]):
    """The customer as far as a ticket shows them: masked."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    phone = serializers.CharField(read_only=True)
    email = serializers.CharField(read_only=True)


class TicketOut(serializers.Serializer[Any]):
    """A ticket, as the contract has it."""

    id = serializers.UUIDField(read_only=True)
    number = serializers.CharField(read_only=True)
    shop = serializers.CharField(read_only=True)
    subject = serializers.CharField(read_only=True)
    kind = serializers.ChoiceField(Kind.choices, read_only=True)
    channel = serializers.ChoiceField(Channel.choices, read_only=True)
    status = serializers.ChoiceField(Status.choices, read_only=True)
    priority = serializers.ChoiceField(Priority.choices, read_only=True)
    language = serializers.CharField(read_only=True)
    customer = CustomerRef(read_only=True)
    order = serializers.CharField(read_only=True, allow_null=True)
    external_id = serializers.CharField(read_only=True, allow_null=True)
    assignee = serializers.UUIDField(read_only=True, allow_null=True)
    team = serializers.UUIDField(read_only=True, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    created_at = Instant(read_only=True)
    first_responded_at = Instant(read_only=True, allow_null=True)
    solved_at = Instant(read_only=True, allow_null=True)
    closed_at = Instant(read_only=True, allow_null=True)
    snoozed_until = Instant(read_only=True, allow_null=True)
    follows = serializers.UUIDField(read_only=True, allow_null=True)
    merged_into = serializers.UUIDField(read_only=True, allow_null=True)
    version = serializers.IntegerField(read_only=True)
    clocks = ClockOut(many=True, read_only=True)

    def to_representation(self, ticket: Ticket) -> dict[str, Any]:
        beside: Any = vars(ticket)["beside"]  # given by tickets/showing.py
        return {
            "id": str(ticket.pk),
            "number": ticket.number,
            "shop": beside.shop,
            "subject": str(ticket.subject),
            "kind": ticket.kind,
            "channel": ticket.channel,
            "status": ticket.status,
            "priority": ticket.priority,
            "language": ticket.language,
            "customer": {
                "id": str(ticket.customer_id),
                "name": beside.customer.name,
                "phone": beside.customer.phone,
                "email": beside.customer.email,
            },
            "order": ticket.order_number or None,
            "external_id": ticket.external_id or None,
            "assignee": _id(ticket.assignee_id),
            "team": _id(ticket.team_id),
            "tags": beside.tags,
            "created_at": utc(ticket.created_at),
            "first_responded_at": _time(ticket.first_responded_at),
            "solved_at": _time(ticket.solved_at),
            "closed_at": _time(ticket.closed_at),
            "snoozed_until": _time(ticket.snoozed_until),
            "follows": _id(beside.follows),
            "merged_into": _id(beside.merged_into),
            "version": ticket.version,
            "clocks": [clock_out(clock) for clock in beside.clocks],
        }


def _id(value: Any) -> str | None:
    return None if value is None else str(value)


def _time(value: Any) -> str | None:
    return None if value is None else utc(value)


class AttachmentOut(serializers.Serializer[Attachment]):
    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    content_type = serializers.CharField(read_only=True)
    size = serializers.IntegerField(read_only=True)


class MessageOut(serializers.Serializer[Message]):
    id = serializers.UUIDField(read_only=True)
    ticket = serializers.UUIDField(read_only=True, source="ticket_id")
    author = serializers.ChoiceField(Author.choices, read_only=True)
    agent = serializers.UUIDField(read_only=True, source="author_user_id", allow_null=True)
    visibility = serializers.ChoiceField(Visibility.choices, read_only=True)
    channel = serializers.ChoiceField(Channel.choices, read_only=True)
    body = serializers.CharField(read_only=True)
    sent_at = Instant(read_only=True)
    delivery = serializers.ChoiceField(Message.Delivery.choices, read_only=True)
    leaves_at = Instant(read_only=True, allow_null=True)
    mentions = serializers.SerializerMethodField()
    attachments = AttachmentOut(many=True, read_only=True)

    def get_mentions(self, message: Message) -> "list[uuid.UUID]":
        return [one.user_id for one in message.mentions.all()]

    def to_representation(self, message: Message) -> dict[str, Any]:
        shown = super().to_representation(message)
        return {**shown, "body": str(message.body)}


class TimelineEntry(serializers.Serializer[Any]):
    """One event of a ticket's history."""

    id = serializers.UUIDField(read_only=True)
    type = serializers.CharField(read_only=True, source="kind")
    at = Instant(read_only=True)
    by = serializers.SerializerMethodField()
    changes = JsonObject(read_only=True)
    historic = serializers.BooleanField(read_only=True, source="is_historic")

    def get_by(self, event: Any) -> "dict[str, str | None]":
        return {"type": event.by_type, "id": _id(event.by_id)}


class AskingCustomerIn(Strict):
    """Who asks: found by e-mail, else by phone, else a new record."""

    name = Words(max_length=120, required=False, allow_blank=True)
    email = Words(max_length=254, required=False, allow_blank=True)
    phone = Words(max_length=40, required=False, allow_blank=True)
    language = Words(max_length=12, required=False, allow_blank=True)


class OpenIn(Strict):
    subject = Words(max_length=SUBJECT_MAX)
    body = Words(max_length=BODY_MAX, trim_whitespace=False)
    kind = serializers.ChoiceField(Kind.choices, required=False)
    channel = serializers.ChoiceField(Channel.choices, required=False)
    priority = serializers.ChoiceField(Priority.choices, required=False)
    language = Words(max_length=12, required=False)
    customer = AskingCustomerIn(required=False)
    customer_id = serializers.UUIDField(required=False)
    order_number = Words(max_length=64, required=False, allow_blank=True)
    tags = serializers.ListField(child=Words(max_length=40), required=False, max_length=50)
    external_id = Words(max_length=128, required=False)
    received_at = Instant(required=False)
    shop = Words(max_length=40, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("customer" in attrs) == ("customer_id" in attrs):
            raise serializers.ValidationError(
                {"customer": _("Say who asks: either “customer” or “customer_id”.")}, code="required"
            )
        return attrs


class EditIn(Strict):
    priority = serializers.ChoiceField(Priority.choices, required=False)
    tags = serializers.ListField(child=Words(max_length=40), required=False, max_length=50)
    team = serializers.UUIDField(required=False, allow_null=True)
    subject = Words(max_length=SUBJECT_MAX, required=False)
    kind = serializers.ChoiceField(Kind.choices, required=False)
    language = Words(max_length=12, required=False)


class Ids(serializers.ListField):
    """At most twenty ids."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=serializers.UUIDField(), max_length=20, required=False, **kwargs)


class MessageIn(Strict):
    body = Words(max_length=BODY_MAX, trim_whitespace=False)
    visibility = serializers.ChoiceField(Visibility.choices, required=False)
    author = serializers.ChoiceField(Author.choices, required=False)
    agent = serializers.UUIDField(required=False)
    sent_at = Instant(required=False)
    attachments = Ids(help_text="files uploaded ahead")
    mentions = Ids(help_text="people of the staff, named in the text with @; they are told")
    macros = Ids(help_text="macros that the text was made of: what they do besides is done with it")
    then = serializers.ChoiceField(
        ["", "hold", "solve"], required=False, help_text="what becomes of the ticket as a reply leaves"
    )
    leaves_at = Instant(required=False, help_text="a reply that is not to leave before this moment")
    is_draft = serializers.BooleanField(required=False, help_text="It is the sender's draft, which is gone with it.")


class CheckIn(Strict):
    """A text that might be sent."""

    body = Words(max_length=BODY_MAX, trim_whitespace=False, allow_blank=True)
    visibility = serializers.ChoiceField(Visibility.choices, required=False)


class WarningOut(serializers.Serializer[Any]):
    """Something worth a second look. It stops nobody."""

    code = serializers.CharField(read_only=True)
    detail = serializers.CharField(read_only=True)
    words = serializers.ListField(child=serializers.CharField(), read_only=True)


class CheckedOut(serializers.Serializer[Any]):
    warnings = WarningOut(many=True, read_only=True)


class At(Strict):
    """`at` brings history over: a moment in the past. It needs the scope tickets:import."""

    at = Instant(required=False)


class AssignIn(At):
    assignee = Words(max_length=36, allow_null=True, help_text="a user's id, “auto”, or null")
    reason = serializers.ChoiceField(TransferReason.choices, required=False)


class HoldIn(At):
    waits_for = serializers.ChoiceField(["customer", "others"], required=False)
    until = Instant(required=False)
    renamed: ClassVar = {"for": "waits_for"}


class SnoozeIn(Strict):
    until = Instant()


class MergeIn(At):
    into = serializers.UUIDField()


class LinkIn(Strict):
    other = serializers.UUIDField(help_text="the ticket at the other end")


class TicketFilters(Strict):
    """The list's query parameters; the desk's views and saved views use the same."""

    status = AnyOf(Status.choices, required=False)
    kind = AnyOf(Kind.choices, required=False)
    channel = AnyOf(Channel.choices, required=False)
    priority = AnyOf(Priority.choices, required=False)
    assignee = Words(max_length=40, required=False, help_text="a user's id, “me” or “none”")
    team = serializers.UUIDField(required=False)
    customer = serializers.UUIDField(required=False)
    order = Words(max_length=64, required=False)
    tag = Words(max_length=40, required=False)
    shop = Words(max_length=40, required=False)
    external_id = Words(max_length=128, required=False)
    at_risk = serializers.BooleanField(required=False, allow_null=True, default=None)
    breached = serializers.BooleanField(required=False, allow_null=True, default=None)
    q = Words(max_length=200, required=False)


def kept_filters(filters: Mapping[str, Any]) -> TicketFilters:
    """What a saved view holds, as query parameters still to be validated; its `view` is the queue's, not the list's."""
    return TicketFilters(data={name: value for name, value in filters.items() if name != "view"})
