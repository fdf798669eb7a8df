"""Where the REST doors of this chapter are."""

from django.urls import include, path

from servicedesk.rest.urls_base import DeskRouter
from tickets.api import TicketViews
from tickets.attachments_api import DownloadView, UploadView
from tickets.channels.mail.api import InboundMailView
from tickets.drafts_api import DraftView
from tickets.search_api import SearchView
from tickets.sla_api import SlaPolicyViews
from tickets.tools_api import MacroViews, SavedViewViews, TagViews
from tickets.wording_api import WordListsView, WordListView

router = DeskRouter()
router.register("tickets", TicketViews, basename="ticket")
router.register("sla-policies", SlaPolicyViews, basename="sla-policy")
router.register("macros", MacroViews, basename="macro")
router.register("tags", TagViews, basename="tag")
router.register("saved-views", SavedViewViews, basename="saved-view")

urlpatterns = [
    path("inbound/email/", InboundMailView.as_view(), name="inbound-email"),
    path("search/", SearchView.as_view(), name="search"),
    path("tickets/<uuid:pk>/attachments/", UploadView.as_view(), name="ticket-attachments"),
    path("tickets/<uuid:pk>/draft/", DraftView.as_view(), name="ticket-draft"),
    path("attachments/<uuid:pk>/", DownloadView.as_view(), name="attachment-content"),
    path("word-lists/", WordListsView.as_view(), name="word-lists"),
    path("word-lists/<str:language>/", WordListView.as_view(), name="word-list"),
    path("", include(router.urls)),
]
