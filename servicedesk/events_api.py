"""`/api/v1/events/`: the feed of events in the order of their commits."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from servicedesk.hearing import changes_for, heard_by
from servicedesk.models import EventPosition
from servicedesk.rest.endpoints import Endpoint
from servicedesk.rest.fields import CommaList, Instant, JsonObject, WholeNumber, Words, utc
from servicedesk.rest.keyset import DEFAULT_LIMIT, MAX_LIMIT
from servicedesk.rest.parsers import MAX_INTEGER
from servicedesk.rest.serializers import Strict
from servicedesk.rest.views import DeskView
from servicedesk.webhooks.payload import data_of


class ReferenceOut(serializers.Serializer[Any]):
    type = serializers.CharField()
    id = serializers.UUIDField(allow_null=True)


class SubjectOut(serializers.Serializer[Any]):
    type = serializers.CharField()
    id = serializers.UUIDField()
    number = serializers.CharField(allow_null=True)


class EventOut(serializers.Serializer[Any]):
    """An event, with the same members as the `data` of a webhook."""

    event_id = serializers.UUIDField()
    position = serializers.IntegerField()
    type = serializers.CharField()
    timestamp = Instant()
    subject = SubjectOut()
    shop = serializers.UUIDField(allow_null=True)
    by = ReferenceOut()
    changes = JsonObject()
    historic = serializers.BooleanField()


class FeedOut(serializers.Serializer[Any]):
    results = EventOut(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    position = serializers.IntegerField(help_text="Ask with this `after` for what comes later.")


class FeedQuery(Strict):
    after = WholeNumber(min_value=0, max_value=MAX_INTEGER, default=0, help_text="Events beyond this position.")
    limit = WholeNumber(min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT)
    kind = CommaList(child=Words(max_length=64), required=False, max_length=50)
    subject = serializers.UUIDField(required=False, help_text="Events of this subject's id.")
    subject_type = Words(max_length=32, required=False)


class EventFeed(DeskView):
    """The feed of events in the order of their commits: nothing committed late is ever skipped."""

    endpoints: ClassVar = {"get": Endpoint("feed", answers=FeedOut, filters=FeedQuery, on_row=False)}

    def get(self, request: Request) -> Response:
        self.actor.must("events.read")
        query = self.parse_query(FeedQuery)
        # Read first: positions become visible in their order, so all up to this one are within the page's sight.
        newest = EventPosition.objects.order_by("-position").values_list("position", flat=True).first() or 0
        found = list(self._rows(query)[: query["limit"] + 1])
        rows, more = found[: query["limit"]], len(found) > query["limit"]
        changes = changes_for([row.event for row in rows], self.actor)
        position = rows[-1].position if more else max(query["after"], newest)
        return Response(
            {
                "results": [shown(row, changes[row.event_id]) for row in rows],
                "next": self._link(position) if more else None,
                "previous": None,
                "position": position,
            }
        )

    def _rows(self, query: dict[str, Any]) -> "QuerySet[EventPosition]":
        rows = heard_by(EventPosition.objects.filter(position__gt=query["after"]).order_by("position"), self.actor)
        if "kind" in query:
            rows = rows.filter(event__kind__in=query["kind"])
        if "subject" in query:
            rows = rows.filter(event__subject_id=query["subject"])
        if "subject_type" in query:
            rows = rows.filter(event__subject_type=query["subject_type"])
        return rows.select_related("event")

    def _link(self, position: int) -> str:
        params = self.request.query_params.copy()
        params["after"] = str(position)
        return self.request.build_absolute_uri(f"{self.request.path}?{params.urlencode()}")


def shown(row: EventPosition, changes: dict[str, Any]) -> dict[str, Any]:
    event = row.event
    return {
        "type": event.kind,
        "timestamp": utc(event.at),
        **data_of(event, row.position, changes),
        "historic": event.is_historic,
    }
