"""`/api/v1/notices/` and `/api/v1/notice-preferences/`: a person's own, with the session of their browser.

A key belongs to an integration, which is nobody's person: it is refused.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from servicedesk.models import Notice
from servicedesk.notices.actions import read_all_notices, read_notice
from servicedesk.notices.choosing import Choices, choices_of, choose_channels
from servicedesk.notices.serializers import NoticeFilters, NoticeOut, PreferencesIn, PreferencesOut, ReadOut
from servicedesk.rest.concurrency import etag_of, is_unchanged, must_match, wants_match
from servicedesk.rest.endpoints import Endpoint
from servicedesk.rest.views import DeskView, DeskViewSet, acts


class NoticeViews(DeskViewSet[Notice]):
    """What one was told of, newest first."""

    model = Notice
    reads = "notices.read"
    shows = NoticeOut
    filters = NoticeFilters

    def rows(self) -> "QuerySet[Notice]":
        return super().rows().on_desk().select_related("event")  # type: ignore[attr-defined, no-any-return]

    def listed(self, rows: "QuerySet[Notice]", query: dict[str, Any]) -> "QuerySet[Notice]":
        return rows.filter(read_at__isnull=query["unread"]) if "unread" in query else rows

    @acts()
    def read(self, notice: Notice, data: dict[str, Any]) -> Notice:
        """It has been read."""
        return read_notice(notice, by=self.actor)

    @acts(answers=ReadOut, on_row=False)
    def read_all(self, data: dict[str, Any]) -> dict[str, int]:
        """All of them have been read."""
        return {"read": read_all_notices(by=self.actor)}


class PreferenceView(DeskView):
    """By which ways one hears of what."""

    endpoints: ClassVar = {
        "get": Endpoint("show", answers=PreferencesOut),
        "patch": Endpoint("edit", takes=PreferencesIn, answers=PreferencesOut),
    }

    def get(self, request: Request) -> Response:
        """One's own preferences."""
        found = choices_of(self.actor)
        tag = etag_of(found)
        if tag is not None and is_unchanged(request, tag):
            return Response(status=304, headers={"ETag": tag})
        return _answer(found)

    def patch(self, request: Request) -> Any:
        """Choose anew for the kinds that are named."""
        self.actor.must("notices.read")
        lines: Sequence[dict[str, Any]] = self.parse(PreferencesIn)["choices"]
        wanted = {line["kind"]: {way: line[way] for way in line if way != "kind"} for line in lines}

        def act() -> Response:
            if wants_match(request):
                must_match(request, choices_of(self.actor))
            return _answer(choose_channels(wanted, by=self.actor))

        return self.through_the_door(act)


def _answer(choices: Choices) -> Response:
    tag = etag_of(choices)
    return Response(PreferencesOut(choices).data, headers={"ETag": tag} if tag else {})
