"""The REST door for raw mail."""

import uuid
from typing import Any, ClassVar, cast

from django.conf import settings
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from servicedesk.rest.endpoints import Endpoint
from servicedesk.rest.idempotency import key_of
from servicedesk.rest.parsers import MessageParser
from servicedesk.rest.serializers import Strict
from servicedesk.rest.views import DeskView
from tickets.channels.mail.receive import Outcome, receive_mail
from tickets.doors import shop_named
from tickets.models.mail import MailOutcome


class MailQuery(Strict):
    shop = serializers.CharField(
        required=False, max_length=40, help_text="The shop's code; by default the shop whose address the mail is for."
    )


class OutcomeOut(serializers.Serializer[Any]):
    """What became of a mail. `reason` is a code where the outcome isn't a plain new ticket or message."""

    outcome = serializers.ChoiceField(MailOutcome.choices, read_only=True)
    reason = serializers.CharField(read_only=True)
    ticket = serializers.UUIDField(read_only=True, allow_null=True)
    number = serializers.CharField(read_only=True, allow_null=True)
    message = serializers.UUIDField(read_only=True, allow_null=True)

    def to_representation(self, outcome: Outcome) -> dict[str, Any]:
        return {
            "outcome": str(outcome.outcome),
            "reason": "duplicate" if outcome.is_repeated else outcome.reason,
            "ticket": _id(outcome.ticket.pk) if outcome.ticket else None,
            "number": outcome.ticket.number if outcome.ticket else None,
            "message": _id(outcome.message.pk) if outcome.message else None,
        }


def _id(pk: uuid.UUID) -> str:
    return str(pk)


class InboundMailView(DeskView):
    """Takes a raw mail: 201 when it became a ticket or a message, 200 when it was ignored or had come before."""

    max_body_bytes = settings.MAIL_MAX_BYTES
    parser_classes = (MessageParser,)
    endpoints: ClassVar = {
        "post": Endpoint(
            "create",
            answers=OutcomeOut,
            status=201,
            also=(200,),
            on_row=False,
            filters=MailQuery,
            consumes=("message/rfc822",),
        )
    }

    def post(self, request: Request) -> Response | HttpResponse:
        query = self.parse_query(MailQuery)
        self.actor.must("mail.receive")
        shop = shop_named(query["shop"], by=self.actor) if query.get("shop") else None
        raw = cast("bytes", request.data or b"")  # without a body, DRF gives an empty form

        def act() -> Response:
            outcome = receive_mail(raw, by=self.actor, shop=shop)
            return Response(OutcomeOut(outcome).data, status=201 if outcome.is_new else 200)

        # Its Message-ID makes it idempotent; without a key no transaction stays open while its files are encrypted.
        return act() if key_of(request) is None else self.through_the_door(act)
