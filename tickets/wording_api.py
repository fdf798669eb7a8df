"""The lists of vague words by REST: read by who works, written by who keeps the desk's shared texts."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from servicedesk.errors import NotFound
from servicedesk.rest.concurrency import etag_of
from servicedesk.rest.endpoints import Endpoint
from servicedesk.rest.fields import Instant, Words
from servicedesk.rest.serializers import Strict
from servicedesk.rest.views import DeskView
from tickets.actions.wording import LONGEST, MOST, set_word_list
from tickets.composing.checking import word_lists
from tickets.models import WordList


class WordListIn(Strict):
    phrases = serializers.ListField(child=Words(max_length=LONGEST, allow_blank=True), max_length=MOST)


class WordListOut(serializers.Serializer[WordList]):
    """The vague words of one language. Version 0: the desk's own, which nobody has changed."""

    language = serializers.CharField(read_only=True)
    phrases = serializers.ListField(child=serializers.CharField(), read_only=True)
    version = serializers.IntegerField(read_only=True)
    changed_at = Instant(read_only=True, allow_null=True)

    def to_representation(self, row: WordList) -> dict[str, Any]:
        shown = super().to_representation(row)
        return shown if row.version else {**shown, "changed_at": None}


class WordListsView(DeskView):
    """The lists of all of the desk's languages."""

    endpoints: ClassVar = {
        "get": Endpoint("ask", answers=WordListOut, on_row=False, is_list=True, description="One for each language.")
    }

    def get(self, request: Request) -> Response:
        self.actor.must("tickets.read")
        return Response({"results": [WordListOut(row).data for row in word_lists().values()]})


class WordListView(DeskView):
    """The list of one language."""

    endpoints: ClassVar = {
        "get": Endpoint("show", answers=WordListOut, description="What counts as vague in this language."),
        "put": Endpoint("edit", WordListIn, WordListOut, on_row=False, description="These phrases and no others."),
    }

    def get(self, request: Request, language: str) -> Response:
        self.actor.must("tickets.read")
        found = word_lists().get(language)
        if found is None:
            raise NotFound
        return shown(found)

    def put(self, request: Request, language: str) -> Response | HttpResponse:
        phrases = self.parse(WordListIn)["phrases"]
        return self.through_the_door(lambda: shown(set_word_list(language, phrases, by=self.actor)))


def shown(row: WordList) -> Response:
    return Response(WordListOut(row).data, headers={"ETag": etag_of(row) or ""})
