"""The ground's own endpoints under /api/v1/."""

from django.urls import path

from servicedesk.events_api import EventFeed
from servicedesk.notices.api import NoticeViews, PreferenceView
from servicedesk.rest.urls_base import DeskRouter
from servicedesk.webhooks.api import WebhookViews

router = DeskRouter()
router.register("webhooks", WebhookViews, basename="webhook")
router.register("notices", NoticeViews, basename="notice")

urlpatterns = [
    path("events/", EventFeed.as_view(), name="events"),
    path("notice-preferences/", PreferenceView.as_view(), name="notice-preferences"),
    *router.urls,
]
