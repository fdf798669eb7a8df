"""Tickets by words, without the words in an address: addresses end in logs."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from servicedesk.actor import Actor
from servicedesk.rest.endpoints import Endpoint
from servicedesk.rest.fields import WholeNumber, Words
from servicedesk.rest.views import DeskView
from tickets.filters import filtered
from tickets.models import Ticket
from tickets.search import Found, find_tickets
from tickets.serializers import TicketFilters, TicketOut
from tickets.showing import load_for_showing


class SearchIn(TicketFilters):
    q = Words(max_length=200)
    limit = WholeNumber(required=False, min_value=1, max_value=100, default=50)
    cursor = Words(required=False, max_length=64, help_text="As given in `next`.")


class SearchOut(serializers.Serializer[Ticket]):
    """The newest first; `next` is the cursor of the page after this one."""

    results = TicketOut(many=True, read_only=True)
    next = serializers.CharField(read_only=True, allow_null=True)


class SearchView(DeskView):
    """POST: the tickets that the words find, newest first."""

    endpoints: ClassVar = {
        "post": Endpoint("ask", SearchIn, SearchOut, on_row=False, description="Tickets by words, newest first.")
    }

    def post(self, request: Request) -> Response:
        self.actor.must("tickets.read")
        data = self.parse(SearchIn)
        rows = filtered(Ticket.objects.visible_to(self.actor), data, by=self.actor)
        found = find_tickets(data["q"], rows, data["limit"], data.get("cursor"))
        shown = TicketOut(load_for_showing(found.tickets, self.actor), many=True).data
        return Response({"results": shown, "next": found.before})


def search_page(found: Found, request: Request, actor: Actor) -> dict[str, Any]:
    """A page of what was found as a list has it; its cursor is the place in the list of documents."""
    following = request.query_params.copy()
    following["cursor"] = found.before or ""
    address = request.build_absolute_uri(f"{request.path}?{following.urlencode()}")
    results = TicketOut(load_for_showing(found.tickets, actor), many=True).data
    return {"results": results, "next": address if found.before else None, "previous": None}
