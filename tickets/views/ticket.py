"""One ticket on the desk: the page, its fragments, and why a clock is due when it is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet, prefetch_related_objects
from django.forms import BaseForm
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from clocks.models import Clock
from customers.fields import with_keys
from customers.masking import mask_email, mask_phone
from customers.models import Customer
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import NotFound
from servicedesk.hearing import as_told_to
from servicedesk.models import Event, Team, User
from servicedesk.pages.requests import StaffRequest
from servicedesk.teams import teams_to_show
from tickets.actions.drafts import draft_of
from tickets.forms import AssignForm, EditForm, HoldForm, ReplyForm, RevealForm
from tickets.models import Attachment, Draft, Message, Status, Ticket
from tickets.showing import unseen
from tickets.templatetags.desk import masked_name
from tickets.views.clocks import ClockCard, cards_of
from tickets.views.composer import beside_of
from tickets.views.queue import chosen_view
from tickets.views.queue_views import views_for
from tickets.views.timeline import WORDS, Files, Reading, thread_of

NUMBER: Final = re.compile(r"(?:T-)?(\d{1,18})", re.IGNORECASE)
SHOWN_AT_FIRST: Final = 100
EARLIER_SHOWN: Final = 5
THREAD_COLUMNS: Final = (
    "ticket", "customer", "author", "author_user", "visibility", "body", "sent_at", "delivery", "leaves_at",
)  # fmt: skip
EVENT_COLUMNS: Final = ("kind", "at", "subject_type", "by_type", "by_id", "changes")
FILE_COLUMNS: Final = ("message", "customer", "name", "size")


def ticket_of(number: str, actor: Actor) -> Ticket:
    """The ticket with this public number, if this actor sees it. Raises NotFound otherwise."""
    match = NUMBER.fullmatch(number)
    if match is None:
        raise NotFound
    rows = Ticket.objects.visible_to(actor).for_page().with_draft_of(actor.id).select_related("merged_into")
    ticket = rows.filter(number_value=int(match[1])).first()
    if ticket is None:
        raise NotFound
    vars(ticket).setdefault("my_draft", None)  # Django leaves the attribute out where the join finds nothing
    return ticket


@dataclass(frozen=True, slots=True)
class CustomerCard:
    """The customer as the context pane shows them: masked, or once in full."""

    name: str
    phone: str
    email: str
    language: str
    tags: Sequence[str]
    can_reveal: bool
    is_revealed: bool = False


def customer_card(customer: Customer, revealed: Mapping[str, Sequence[str]] | None = None) -> CustomerCard:
    if revealed is not None:
        shown = {name: ", ".join(values) for name, values in revealed.items()}
        name, phone, email = (shown.get(key, "") for key in ("name", "phone", "email"))
    else:
        name, phone, email = masked_name(customer), mask_phone(customer.phone), mask_email(customer.email)
    return CustomerCard(
        name=name or _("Anonymous"),
        phone=phone,
        email=email,
        language=customer.language,
        tags=[tag.name for tag in customer.tags.all()],
        can_reveal=bool(customer.name or customer.phone or customer.email),
        is_revealed=revealed is not None,
    )


def messages_of(ticket: Ticket, actor: Actor, *, everything: bool) -> tuple[list[Message], bool]:
    """The newest of the conversation, oldest first, and whether there are earlier ones."""
    rows = Message.objects.in_conversation(ticket).visible_to(actor).only(*THREAD_COLUMNS)
    messages = list(rows if everything else rows.reverse()[: SHOWN_AT_FIRST + 1])
    has_earlier = not everything and len(messages) > SHOWN_AT_FIRST
    shown = messages if everything else messages[:SHOWN_AT_FIRST][::-1]
    for message in shown:
        if message.ticket_id == ticket.pk:
            message.ticket = ticket
        if message.customer_id == ticket.customer_id:
            message.customer = ticket.customer
    # Only what came with tickets that were merged into this one is asked for.
    prefetch_related_objects(shown, "ticket", "customer")
    return with_keys(shown), has_earlier


def files_of(messages: Sequence[Message]) -> Files:
    """Their attachments by message. By hand: prefetching makes a queryset for each message."""
    found: Files = {}
    for attachment in Attachment.objects.filter(message__in=messages).order_by("id").only(*FILE_COLUMNS):
        found.setdefault(attachment.message_id, []).append(attachment)
    with_keys(attachment for files in found.values() for attachment in files)
    return found


def page_context(
    request: StaffRequest,
    ticket: Ticket,
    forms: Mapping[str, BaseForm] | None = None,
    *,
    writes: bool = True,
    **extra: Any,
) -> dict[str, Any]:
    """All that the ticket's fragments show, read once; nothing is read while a template renders.

    `writes`: whether the composer is among them, which needs one's draft.
    """
    actor: Actor = request.actor
    customer = with_keys([ticket.customer])[0]
    prefetch_related_objects([customer], "contact_points", "tags")
    messages, has_earlier = messages_of(ticket, actor, everything="all" in request.GET)
    everybody = list(User.objects.order_by("name").only("name", "is_active"))
    names = {person.pk: person.name for person in everybody}
    people = [person for person in everybody if person.is_active]
    events = Event.objects.filter(subject_id=ticket.pk, kind__in=WORDS).order_by("id").only(*EVENT_COLUMNS)
    tags = list(ticket.tags.all())
    teams = teams_to_show()
    clocks = cards_of(list(Clock.objects.of(ticket).order_by("started_at", "id")))
    earlier = Ticket.objects.visible_to(actor).filter(customer=customer).exclude(pk=ticket.pk).order_by("-id")
    earlier = earlier.only("number_value", "subject", "status", "customer")
    draft = draft_of(ticket, actor) if writes and actor.may("tickets.note") else None
    shown_forms = blank_forms(ticket, people, teams, tags) | {"reply": reply_form(draft)} | dict(forms or {})
    return {
        "section": "desk",
        "ticket": ticket,
        "goes_on_in": goes_on_in(ticket, actor),
        "is_worked": ticket.status != Status.CLOSED and ticket.merged_into_id is None,
        "customer": customer_card(customer, extra.pop("revealed", None)),
        "thread": thread_of(messages, as_told_to(actor, events), Reading(actor, names, files_of(messages), now())),
        "has_earlier": has_earlier,
        "clocks": clocks,
        "tags": tags,
        "earlier": sharing(customer, earlier[:EARLIER_SHOWN]),
        "draft": draft,
        "forms": shown_forms,
        "beside": beside_of(ticket, actor, draft, shown_forms["reply"]) if writes else None,
        **extra,
    }


def goes_on_in(ticket: Ticket, actor: Actor) -> str:
    """The number of the ticket that this one was merged into; empty where it wasn't, or the actor doesn't see that."""
    target = ticket.merged_into
    return "" if target is None or unseen([target.pk], actor) else target.number


def sharing(customer: Customer, tickets: QuerySet[Ticket]) -> list[Ticket]:
    """The tickets with the one customer they share, so that no key is looked up twice."""
    rows = list(tickets)
    for row in rows:
        row.customer = customer
    return rows


def blank_forms(
    ticket: Ticket, people: Sequence[User], teams: Sequence[Team], tags: Sequence[Any]
) -> dict[str, BaseForm]:
    return {
        "assign": AssignForm(people=people, auto_id="assign-%s"),
        "hold": HoldForm(auto_id="hold-%s"),
        "edit": EditForm(teams=teams, initial=EditForm.initial_of(ticket, tags), auto_id="edit-%s"),
        "reveal": RevealForm(auto_id="reveal-%s"),
    }


def reply_form(draft: Draft | None) -> ReplyForm:
    """The composer with what was written so far."""
    return ReplyForm(initial={} if draft is None else {"body": draft.body, "visibility": draft.visibility})


@login_required
@require_GET
def page(request: StaffRequest, number: str) -> HttpResponse:
    """The whole page; for htmx the pane alone. The queue beside it is fetched by itself."""
    ticket = ticket_of(number, request.actor)
    context = page_context(request, ticket)
    view = chosen_view(request)
    if request.headers.get("HX-Target") == "ticket":
        response = render(request, "desk/ticket.html#swap", context | {"view": view})
        # Said here and not only by the link: a refresh of the queue may have replaced the link meanwhile.
        response["HX-Reswap"] = "outerHTML show:none"
        return response
    beside = {"view": view, "views": views_for(request.actor), "counts": {}, "lazy_rows": True}
    return render(request, "desk/ticket.html", context | beside)


@login_required
@require_GET
def news(request: StaffRequest, number: str) -> HttpResponse:
    """The fragments that change by themselves, after the stream said that this ticket did."""
    context = page_context(request, ticket_of(number, request.actor), writes=False)
    return render(request, "desk/ticket.html#news", context)


@login_required
@require_GET
def composer(request: StaffRequest, number: str) -> HttpResponse:
    """The composer alone, with the draft as another window of the same person has left it."""
    response = render(request, "desk/ticket.html#composer", page_context(request, ticket_of(number, request.actor)))
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_GET
def why(request: StaffRequest, number: str, metric: str) -> HttpResponse:
    """Every stretch of a clock that counted and every one left out, and why."""
    ticket = ticket_of(number, request.actor)
    clock = Clock.objects.of(ticket).filter(metric=metric).order_by("-started_at", "-id").first()
    if clock is None:
        raise NotFound
    card: ClockCard = cards_of([clock], explained=True)[0]
    context = {"section": "desk", "ticket": ticket, "clock": card}
    return render(request, "desk/why.html#table" if request.htmx else "desk/why.html", context)
