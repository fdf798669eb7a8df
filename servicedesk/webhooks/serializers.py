from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from servicedesk.models import WebhookDelivery, WebhookEndpoint
from servicedesk.rest.fields import AnyOf, Words
from servicedesk.rest.serializers import Shown, Strict

ENDPOINT_FIELDS = (
    "id",
    "url",
    "kinds",
    "shops",
    "state",
    "failures_in_row",
    "last_success_at",
    "last_failure_at",
    "previous_secret_until",
    "created_at",
)


class EndpointOut(Shown):
    """An endpoint, without its secret."""

    kinds = serializers.ListField(child=serializers.CharField())
    shops = serializers.ListField(child=serializers.UUIDField(), source="shop_ids", allow_null=True)

    class Meta:
        model = WebhookEndpoint
        fields = ENDPOINT_FIELDS


class EndpointWithSecretOut(EndpointOut):
    """An endpoint with a secret just made: shown this once."""

    secret = serializers.CharField(source="fresh_secret")

    class Meta:
        model = WebhookEndpoint
        fields = (*ENDPOINT_FIELDS, "secret")


class DeliveryOut(Shown):
    """How one event fares on its way to one endpoint."""

    message_id = serializers.CharField()
    event = serializers.UUIDField(source="event_id")
    endpoint = serializers.UUIDField(source="endpoint_id")
    next_try_at = serializers.SerializerMethodField()

    class Meta:
        model = WebhookDelivery
        fields = (
            "id",
            "endpoint",
            "event",
            "kind",
            "message_id",
            "status",
            "attempts",
            "next_try_at",
            "last_status",
            "last_error",
            "created_at",
            "delivered_at",
        )

    @extend_schema_field({"type": ["string", "null"], "format": "date-time"})
    def get_next_try_at(self, row: WebhookDelivery) -> Any:
        is_pending = row.status == WebhookDelivery.Status.PENDING
        return self.fields["created_at"].to_representation(row.next_try_at) if is_pending else None


class EndpointIn(Strict):
    url = Words(max_length=500)
    kinds = serializers.ListField(child=Words(max_length=64), min_length=1, max_length=200)
    shops = serializers.ListField(child=serializers.UUIDField(), max_length=200, required=False, allow_null=True)


class EndpointEditIn(Strict):
    url = Words(max_length=500, required=False)
    kinds = serializers.ListField(child=Words(max_length=64), min_length=1, max_length=200, required=False)
    state = serializers.ChoiceField(["active", "paused"], required=False)


class DeliveryFilters(Strict):
    status = AnyOf(WebhookDelivery.Status.values, required=False)


class ResentOut(serializers.Serializer[Any]):
    resent = serializers.IntegerField()
