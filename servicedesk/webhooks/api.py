"""`/api/v1/webhooks/`: endpoints, their deliveries, and sending again."""

from typing import Any

from django.db.models import QuerySet

from servicedesk.models import WebhookDelivery, WebhookEndpoint
from servicedesk.rest.serializers import Nothing
from servicedesk.rest.views import DeskViewSet, acts, creates, edits, lists, removes
from servicedesk.webhooks.actions import (
    edit_endpoint,
    register_endpoint,
    remove_endpoint,
    resend_delivery,
    resend_failed,
    rotate_secret,
)
from servicedesk.webhooks.serializers import (
    DeliveryFilters,
    DeliveryOut,
    EndpointEditIn,
    EndpointIn,
    EndpointOut,
    EndpointWithSecretOut,
    ResentOut,
)


class WebhookViews(DeskViewSet[WebhookEndpoint]):
    """Addresses that are told of events, signed after the Standard Webhooks specification."""

    model = WebhookEndpoint
    reads = "webhooks.read"
    shows = EndpointOut

    @creates(EndpointIn, answers=EndpointWithSecretOut)
    def create(self, data: dict[str, Any]) -> WebhookEndpoint:
        """Register an endpoint. The answer holds its secret, this once."""
        return register_endpoint(**data, by=self.actor)

    @edits(EndpointEditIn)
    def partial_update(self, endpoint: WebhookEndpoint, data: dict[str, Any]) -> WebhookEndpoint:
        """Change address, kinds or state."""
        return edit_endpoint(endpoint, **data, by=self.actor)

    @removes
    def destroy(self, endpoint: WebhookEndpoint) -> None:
        """Remove an endpoint; what was still on its way is given up."""
        remove_endpoint(endpoint, by=self.actor)

    @acts(answers=EndpointWithSecretOut)
    def rotate_secret(self, endpoint: WebhookEndpoint, data: dict[str, Any]) -> WebhookEndpoint:
        """A new secret, shown this once; for a day the old one signs as well."""
        return rotate_secret(endpoint, by=self.actor)

    @acts(answers=ResentOut)
    def resend_failed(self, endpoint: WebhookEndpoint, data: dict[str, Any]) -> dict[str, int]:
        """Send everything again that was given up."""
        return {"resent": resend_failed(endpoint, by=self.actor)}

    @lists(DeliveryOut, order=("-id",), filters=DeliveryFilters)
    def deliveries(self, endpoint: WebhookEndpoint, query: dict[str, Any]) -> QuerySet[WebhookDelivery]:
        """What was sent to this endpoint, newest first."""
        rows: QuerySet[WebhookDelivery] = WebhookDelivery.objects.filter(endpoint=endpoint)
        return rows.filter(status__in=query["status"]) if "status" in query else rows

    @acts(Nothing, answers=DeliveryOut, path=r"deliveries/(?P<delivery_id>[0-9a-fA-F-]{36})/resend")
    def resend_delivery(self, endpoint: WebhookEndpoint, data: dict[str, Any], delivery_id: str) -> WebhookDelivery:
        """Send one settled delivery again, with the same message id."""
        return resend_delivery(WebhookDelivery.objects.one(endpoint=endpoint, pk=delivery_id), by=self.actor)
