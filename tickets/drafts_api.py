"""One's own draft by REST: read, saved, discarded. The desk's pages save by this door as somebody types."""

import uuid
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from servicedesk.errors import NotAllowed, NotFound
from servicedesk.rest.concurrency import etag_of, must_match, wants_match
from servicedesk.rest.endpoints import Endpoint
from servicedesk.rest.fields import Instant, WholeNumber, Words
from servicedesk.rest.serializers import Strict
from servicedesk.rest.views import DeskView
from tickets.actions.drafts import Unsent, discard_draft, draft_of, save_draft
from tickets.models import Draft, Ticket, Visibility
from tickets.serializers import BODY_MAX, Ids


class DraftIn(Strict):
    body = Words(max_length=BODY_MAX, trim_whitespace=False, allow_blank=True)
    visibility = serializers.ChoiceField(Visibility.choices, required=False)
    attachments = Ids(help_text="files uploaded ahead")
    mentions = Ids(help_text="people of the staff")
    macros = Ids(help_text="macros to be applied as it is sent")
    settled = serializers.BooleanField(required=False, help_text="What is in `replaced` need not be kept.")
    base = WholeNumber(
        min_value=0,
        max_value=2_147_483_647,
        required=False,
        help_text="The version that was seen last, 0 for none. Where another window has saved since, this text wins "
        "and the other one comes back in `replaced`; 409 where the draft was sent or discarded since.",
    )


class DraftOut(serializers.Serializer[Draft]):
    """One's own draft. Where there is none it is empty and of version 0."""

    ticket = serializers.UUIDField(read_only=True, source="ticket_id")
    visibility = serializers.ChoiceField(Visibility.choices, read_only=True)
    body = serializers.CharField(read_only=True)
    replaced = serializers.CharField(read_only=True)
    attachments = serializers.ListField(child=serializers.UUIDField(), read_only=True)
    mentions = serializers.ListField(child=serializers.UUIDField(), read_only=True)
    macros = serializers.ListField(child=serializers.UUIDField(), read_only=True)
    version = serializers.IntegerField(read_only=True)
    saved_at = Instant(read_only=True, allow_null=True)

    def to_representation(self, draft: Draft) -> dict[str, Any]:
        shown = super().to_representation(draft)
        return shown if draft.version else {**shown, "saved_at": None}


class DraftView(DeskView):
    """The draft of the person who asks, in this ticket."""

    endpoints: ClassVar = {
        "get": Endpoint("show", answers=DraftOut, description="One's own draft; empty where there is none."),
        "put": Endpoint("edit", DraftIn, DraftOut, on_row=False, description="Saves one's own draft. The last wins."),
        "delete": Endpoint("remove", status=204, description="Discards one's own draft."),
    }

    def ticket(self, pk: uuid.UUID) -> Ticket:
        """The ticket, if the person sees it and writes in it."""
        ticket = Ticket.objects.visible_to(self.actor).select_related("customer").filter(pk=pk).first()
        if ticket is None:
            raise NotFound
        self.actor.must("tickets.note", ticket)
        if not self.actor.is_staff:
            raise NotAllowed
        return ticket

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        ticket = self.ticket(pk)
        return shown(draft_of(ticket, self.actor) or Draft(ticket=ticket, body="", replaced=""))

    def put(self, request: Request, pk: uuid.UUID) -> Response | HttpResponse:
        data = self.parse(DraftIn)
        base = data.pop("base", None)
        return self.through_the_door(
            lambda: shown(save_draft(self.ticket(pk), Unsent(**data), by=self.actor, base=base))
        )

    def delete(self, request: Request, pk: uuid.UUID) -> Response | HttpResponse:
        def act() -> Response:
            ticket = self.ticket(pk)
            draft = draft_of(ticket, self.actor)
            if draft is not None and wants_match(request):
                must_match(request, draft)
            discard_draft(ticket, by=self.actor, base=draft.version if draft is not None else None)
            return Response(status=204)

        return self.through_the_door(act)


def shown(draft: Draft) -> Response:
    return Response(DraftOut(draft).data, headers={"ETag": etag_of(draft) or ""})
