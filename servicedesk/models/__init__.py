"""The ground's tables, one file per noun."""

from servicedesk.models.events import Booking, Delivery, Event, EventPosition, UnsequencedEvent
from servicedesk.models.mail import OutgoingMail
from servicedesk.models.notices import Digest, Notice, NoticePreference
from servicedesk.models.operations import *  # noqa: F403
from servicedesk.models.people import Shift, Skill, Team, User
from servicedesk.models.requests import ApiKey, IdempotencyRecord, Integration
from servicedesk.models.shops import NumberSequence, Shop
from servicedesk.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "ApiKey",
    "Booking",
    "Delivery",
    "Digest",
    "Event",
    "EventPosition",
    "IdempotencyRecord",
    "Integration",
    "Notice",
    "NoticePreference",
    "NumberSequence",
    "OutgoingMail",
    "Shift",
    "Shop",
    "Skill",
    "Team",
    "UnsequencedEvent",
    "User",
    "WebhookDelivery",
    "WebhookEndpoint",
]
