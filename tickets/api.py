"""The REST doors of tickets. Each endpoint parses, calls one action, and shows what it returned."""

import uuid
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.db.models import QuerySet, prefetch_related_objects
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from clocks.explaining import Explanation, explain
from clocks.models import Clock
from clocks.serializers import ExplanationOut
from customers.fields import with_keys
from servicedesk.errors import Invalid, NotFound
from servicedesk.hearing import as_told_to
from servicedesk.models import Event, Team, User
from servicedesk.rest.views import DeskViewSet, acts, adds, creates, edits, lists
from servicedesk.rest.views import shows as shows_under
from tickets.actions.composing import Composed, send_composed
from tickets.actions.conversing import Words, receive_message, release_reply, send_now, undo_reply
from tickets.actions.editing import Edit, edit_ticket
from tickets.actions.linking import link_tickets, linked_with, unlink_tickets
from tickets.actions.macros import macros_named
from tickets.actions.merging import merge_tickets, unmerge_ticket
from tickets.actions.opening import Concern, open_ticket
from tickets.actions.routing import assign_ticket, route_ticket
from tickets.actions.working import (
    close_ticket,
    hold_ticket,
    reopen_ticket,
    resume_ticket,
    snooze_ticket,
    solve_ticket,
    unsnooze_ticket,
)
from tickets.attachments import uploaded
from tickets.composing.checking import check_reply
from tickets.doors import customer_of, shop_named
from tickets.filters import filtered
from tickets.models import Author, Message, Ticket, Visibility
from tickets.search import find_tickets
from tickets.search_api import search_page
from tickets.serializers import (
    AssignIn,
    At,
    CheckedOut,
    CheckIn,
    EditIn,
    HoldIn,
    LinkIn,
    MergeIn,
    MessageIn,
    MessageOut,
    OpenIn,
    SnoozeIn,
    TicketFilters,
    TicketOut,
    TimelineEntry,
)
from tickets.showing import TICKET_FIELDS, load_for_showing, unseen

Data = dict[str, Any]
UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


class TicketViews(DeskViewSet[Ticket]):
    """Tickets: open, read, file, converse, work."""

    model = Ticket
    reads = "tickets.read"
    shows = TicketOut
    filters = TicketFilters
    orderings: ClassVar[dict[str, Sequence[str]]] = {
        "-created_at": ("-id",),
        "created_at": ("id",),
        "due_at": ("next_due_at", "id"),
        "-due_at": ("-next_due_at", "-id"),
    }

    def listed(self, rows: "QuerySet[Ticket]", query: Data) -> "QuerySet[Ticket]":
        return filtered(rows, query, by=self.actor).only(*TICKET_FIELDS)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """With `q` the newest that the words find, else a page in the asked order."""
        if not request.query_params.get("q"):
            return super().list(request, *args, **kwargs)
        self.actor.must(self.reads)
        query = self.query(self.filters, self.orderings)
        found = find_tickets(query["q"], self.listed(self.rows(), query), query["limit"], query.get("cursor"))
        return Response(search_page(found, request, self.actor))

    def loaded(self, rows: Sequence[Any]) -> Sequence[Any]:
        return load_for_showing(rows, self.actor)

    @creates(OpenIn)
    def create(self, data: Data) -> Ticket:
        shop = shop_named(data.pop("shop", ""), by=self.actor)
        customer = customer_of(shop, data.pop("customer", {}), data.pop("customer_id", None), by=self.actor)
        at = data.pop("received_at", None)
        concern = Concern(**{**data, "tags": tuple(data.get("tags", ()))})
        return open_ticket(concern, shop=shop, customer=customer, by=self.actor, at=at, undoable=False)

    @edits(EditIn)
    def partial_update(self, ticket: Ticket, data: Data) -> Ticket:
        if data.get("team") is not None:
            data["team"] = Team.objects.filter(pk=data["team"]).first()
            if data["team"] is None:
                raise Invalid.field("team", "unknown", _("There is no such team."))
        return edit_ticket(ticket, Edit(**data), by=self.actor)

    @lists(MessageOut, order=("sent_at", "id"))
    def messages(self, ticket: Ticket, query: Data) -> "QuerySet[Message]":
        return Message.objects.in_conversation(ticket).visible_to(self.actor).order_by()

    def loaded_messages(self, rows: Sequence[Message]) -> Sequence[Message]:
        prefetch_related_objects(list(rows), "customer", "attachments__customer", "mentions")
        asked = uuid.UUID(self.kwargs["pk"])
        hidden = unseen((message.ticket_id for message in rows if message.ticket_id != asked), self.actor)
        for message in rows:
            # What came with a ticket that the actor doesn't see is of the one that it was merged into.
            message.ticket_id = asked if message.ticket_id in hidden else message.ticket_id
        return with_keys(rows)

    @messages.mapping.post  # type: ignore[attr-defined]  # made by DRF's action decorator
    @adds(MessageIn, answers=MessageOut)
    def post_message(self, ticket: Ticket, data: Data) -> Message:
        words = Words(
            data["body"],
            uploaded(data.get("attachments", [])),
            is_draft=data.get("is_draft", False),
            mentions=data.get("mentions", ()),
        )
        author, visibility = data.get("author", Author.AGENT), data.get("visibility", Visibility.PUBLIC)
        if author == Author.CUSTOMER and visibility == Visibility.PUBLIC:
            return receive_message(ticket, words, by=self.actor, at=data.get("sent_at"))
        composed = Composed(
            words,
            visibility,
            then=data.get("then", ""),
            leaves_at=data.get("leaves_at"),
            macros=macros_named(data.get("macros", ()), ticket, self.actor),
            author=author,
            agent=_user(data["agent"], "agent") if data.get("agent") and visibility == Visibility.PUBLIC else None,
        )
        return send_composed(ticket, composed, by=self.actor, at=data.get("sent_at"))

    @acts(CheckIn, answers=CheckedOut)
    def warnings(self, ticket: Ticket, data: Data) -> Any:
        """What is worth a second look before this text is sent. It changes nothing, and stops nobody."""
        visibility = data.get("visibility", Visibility.PUBLIC)
        return {"warnings": check_reply(ticket, data["body"], by=self.actor, visibility=visibility)}

    @acts(status=204, path=rf"messages/(?P<message_id>{UUID})/undo")
    def undo(self, ticket: Ticket, data: Data, message_id: str) -> None:
        """Takes a reply back before it leaves; its text is its author's draft again."""
        undo_reply(self._message(ticket, message_id), by=self.actor)

    @acts(answers=MessageOut, path=rf"messages/(?P<message_id>{UUID})/send-now")
    def send_now(self, ticket: Ticket, data: Data, message_id: str) -> Message:
        """Lets a scheduled reply leave before its time."""
        return send_now(self._message(ticket, message_id), by=self.actor)

    @acts(answers=MessageOut, path=rf"messages/(?P<message_id>{UUID})/release")
    def release(self, ticket: Ticket, data: Data, message_id: str) -> Message:
        """Lets a trainee's reply leave."""
        return release_reply(self._message(ticket, message_id), by=self.actor)

    def _message(self, ticket: Ticket, pk: str) -> Message:
        rows = Message.objects.in_conversation(ticket).visible_to(self.actor).select_related("ticket", "customer")
        return rows.order_by().one(pk=pk)

    @acts(AssignIn)
    def assign(self, ticket: Ticket, data: Data) -> Ticket:
        if data["assignee"] == "auto":
            self.actor.must("tickets.assign", ticket)
            return route_ticket(ticket, by=self.actor)
        assignee = _user(data["assignee"], "assignee") if data["assignee"] else None
        return assign_ticket(ticket, assignee, by=self.actor, at=data.get("at"), reason=data.get("reason", ""))

    @acts(HoldIn)
    def hold(self, ticket: Ticket, data: Data) -> Ticket:
        return hold_ticket(
            ticket, wait_for=data.get("waits_for", "others"), until=data.get("until"), by=self.actor, at=data.get("at")
        )

    @acts(At)
    def resume(self, ticket: Ticket, data: Data) -> Ticket:
        return resume_ticket(ticket, by=self.actor, at=data.get("at"))

    @acts(SnoozeIn)
    def snooze(self, ticket: Ticket, data: Data) -> Ticket:
        return snooze_ticket(ticket, until=data["until"], by=self.actor)

    @acts()
    def unsnooze(self, ticket: Ticket, data: Data) -> Ticket:
        return unsnooze_ticket(ticket, by=self.actor)

    @acts(At)
    def solve(self, ticket: Ticket, data: Data) -> Ticket:
        return solve_ticket(ticket, by=self.actor, at=data.get("at"))

    @acts(At)
    def reopen(self, ticket: Ticket, data: Data) -> Ticket:
        return reopen_ticket(ticket, by=self.actor, at=data.get("at"))

    @acts(At)
    def close(self, ticket: Ticket, data: Data) -> Ticket:
        return close_ticket(ticket, by=self.actor, at=data.get("at"))

    @acts(MergeIn)
    def merge(self, ticket: Ticket, data: Data) -> Ticket:
        return merge_tickets(ticket, into=self._named("into", data), by=self.actor, at=data.get("at"))

    @acts(At)
    def unmerge(self, ticket: Ticket, data: Data) -> Ticket:
        return unmerge_ticket(ticket, by=self.actor, at=data.get("at"))

    @lists(TicketOut, order=("id",))
    def links(self, ticket: Ticket, query: Data) -> "QuerySet[Ticket]":
        """Linked tickets, with the one that this one follows and those that follow it."""
        return linked_with(ticket, by=self.actor)

    def loaded_links(self, rows: Sequence[Ticket]) -> Sequence[Any]:
        return load_for_showing(rows, self.actor)

    @acts(LinkIn)
    def link(self, ticket: Ticket, data: Data) -> Ticket:
        link_tickets(ticket, self._named("other", data), by=self.actor)
        return Ticket.objects.one(pk=ticket.pk)

    @acts(LinkIn)
    def unlink(self, ticket: Ticket, data: Data) -> Ticket:
        unlink_tickets(ticket, self._named("other", data), by=self.actor)
        return Ticket.objects.one(pk=ticket.pk)

    def _named(self, field: str, data: Data) -> Ticket:
        """The ticket that the body names by its id; Invalid for one that the actor does not see."""
        found = self.rows().filter(pk=data[field]).first()
        if found is None:
            raise Invalid.field(field, "unknown", _("There is no such ticket."))
        return found

    @lists(TimelineEntry, order=("id",))
    def timeline(self, ticket: Ticket, query: Data) -> "QuerySet[Event]":
        return Event.objects.filter(subject_id=ticket.pk, subject_type=Ticket.subject_type)

    def loaded_timeline(self, events: Sequence[Event]) -> Sequence[Event]:
        return as_told_to(self.actor, events)

    @shows_under(ExplanationOut, path=r"clocks/(?P<metric>[a-z_]+)/explain")
    def explain(self, ticket: Ticket, metric: str) -> Explanation:
        clock = Clock.objects.of(ticket).filter(metric=metric).order_by("-started_at", "-id").first()
        if clock is None:
            raise NotFound(_("This ticket has no such clock."))
        return explain(clock)


def _user(value: Any, field: str) -> User:
    try:
        found = User.objects.filter(pk=uuid.UUID(str(value)), is_active=True).first()
    except ValueError:
        found = None
    if found is None:
        raise Invalid.field(field, "unknown", _("There is no such member of staff."))
    return found
