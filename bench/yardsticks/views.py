"""The bare endpoints: DRF, one transaction, plain text."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bench.yardsticks.models import BareClock, BareMessage, BareTicket, DeskTicket

TARGETS = {"first_response": timedelta(seconds=600), "resolution": timedelta(seconds=86_400)}
UNSOLVED = ("new", "open", "pending", "on_hold")


class WhoIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    email = serializers.EmailField()


class BareIn(serializers.Serializer[Any]):
    subject = serializers.CharField(max_length=300)
    body = serializers.CharField(max_length=100_000)
    customer = WhoIn()


class BareInsert(APIView):
    """Validates the same JSON and inserts four rows."""

    def post(self, request: Request) -> Response:
        found = BareIn(data=request.data)
        found.is_valid(raise_exception=True)
        data, moment = found.validated_data, datetime.now(UTC)  # noqa: TID251  nothing of the desk is loaded here
        with transaction.atomic():
            ticket = BareTicket(subject=data["subject"], email=data["customer"]["email"], created_at=moment)
            ticket.save(force_insert=True)
            BareMessage(ticket=ticket, body=data["body"], created_at=moment).save(force_insert=True)
            BareClock.objects.bulk_create(
                BareClock(ticket=ticket, metric=metric, due_at=moment + target) for metric, target in TARGETS.items()
            )
        return Response({"id": str(ticket.pk)}, status=201)


class BarePage(APIView):
    """Fifty open tickets from one indexed query over the same table."""

    def get(self, request: Request) -> Response:
        rows = DeskTicket.objects.filter(status__in=UNSOLVED).order_by("next_due_at", "id")
        return Response(
            list(rows.values("id", "number_value", "kind", "channel", "status", "priority", "next_due_at")[:50])
        )
