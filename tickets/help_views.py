"""What customers see at /help/: ask a question, follow it by a signed link, answer. No password, no account.

A link is exchanged for a cookie by redirect, so that the address that opens a ticket stays in no history and no log.
"""

import re
import uuid
from typing import Any, Final

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from customers.actions import find_or_create_customer
from customers.fields import with_keys
from servicedesk.actor import SYSTEM, Actor
from servicedesk.errors import DomainError, NotFound, TooMany
from servicedesk.models import Shop
from servicedesk.pages.doors import takes_files_from_everybody
from servicedesk.pages.forms import put_on
from servicedesk.pages.limits import must_be_within
from servicedesk.shops import default_shop, shop_with_code
from tickets.actions.conversing import Words, conversation_of, receive_message
from tickets.actions.opening import Concern, open_ticket
from tickets.attachments import keep_upload
from tickets.following import follow_token, followed_ticket
from tickets.forms import AnswerForm, AskForm
from tickets.models import Author, Channel, Message, Status, Ticket
from tickets.views.files import as_download, attachment_for

COOKIE: Final = "followed"
COOKIE_SECONDS: Final = 60 * 24 * 3600
FOLLOWED_AT_MOST: Final = 10
ASKS_PER_HOUR: Final = 30
ANSWERS_PER_HOUR: Final = 60
COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}(?:[0-9a-fA-F]{2})?")


def shop_of(request: HttpRequest) -> Shop:
    """The shop that the address names, else the default one."""
    code = request.GET.get("shop", "")
    shop = shop_with_code(code) if code else default_shop()
    if shop is None:
        raise NotFound
    return shop


def show(request: HttpRequest, template: str, shop: Shop, status: int = 200, **context: Any) -> HttpResponse:
    """A page in the shop's own colours."""
    color = shop.color if COLOUR.fullmatch(shop.color) else ""
    return render(request, template, {"shop": shop, "brand_color": color, **context}, status=status)


# ------------------------------------------------------------------------------------------------ asking


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """The ways in: ask, or go on with what was asked from this browser."""
    tickets = with_keys(followed(request).values())
    return show(request, "help/start.html", shop_of(request), tickets=tickets)


@takes_files_from_everybody
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """The form. What a robot fills in is thanked for and thrown away."""
    shop = shop_of(request)
    form = AskForm(request.POST or None, request.FILES or None)
    if request.method == "GET":
        return show(request, "help/ask.html", shop, form=AskForm())
    if not form.is_valid():
        return show(request, "help/ask.html", shop, 422, form=form)
    if form.is_robot:
        return show(request, "help/asked.html", shop)
    try:
        must_be_within("ask", request, per_hour=getattr(settings, "ASKS_PER_HOUR", ASKS_PER_HOUR))
        ticket = ask_for(shop, form)
    except DomainError as error:
        put_on(form, error)
        response = show(request, "help/ask.html", shop, error.status, form=form)
        if isinstance(error, TooMany):
            response["Retry-After"] = str(error.retry_after)
        return response
    request.session["asked"] = {"number": ticket.number, "by_mail": bool(form.cleaned_data["email"])}
    return HttpResponseRedirect(reverse("help:asked") + query_of(request), status=303)


def ask_for(shop: Shop, form: AskForm) -> Ticket:
    """The ticket of a filled-in form. Who fills it in is not known to be who they say: nothing is added to a record."""
    data = form.cleaned_data
    language = get_language() or shop.default_language
    customer = find_or_create_customer(
        shop=shop,
        name=data["name"],
        email=data["email"],
        phone=data["phone"],
        language=language,
        by=SYSTEM,
        trusted=False,
    )
    concern = Concern(
        subject=data["subject"],
        body=data["body"],
        channel=Channel.WEB,
        language=language,
        order_number=data["order_number"],
        attachments=tuple(keep_upload(file) for file in data["attachments"]),
    )
    return open_ticket(concern, shop=shop, customer=customer, by=SYSTEM)


@never_cache
@require_GET
def asked(request: HttpRequest) -> HttpResponse:
    """The number, and what comes next. The ticket itself opens only by the link that went to the customer's address."""
    return show(request, "help/asked.html", shop_of(request), asked=request.session.get("asked"))


def query_of(request: HttpRequest) -> str:
    return f"?shop={request.GET['shop']}" if shop_with_code(request.GET.get("shop", "")) else ""


# ------------------------------------------------------------------------------------------------ following


@never_cache
@require_GET
def follow(request: HttpRequest, token: str) -> HttpResponse:
    """A link's way in: it becomes a cookie, and its address is left behind."""
    ticket = followed_ticket(token)
    response: HttpResponse
    if ticket is None:
        response = show(request, "help/over.html", default_shop(), 410)
    else:
        response = HttpResponseRedirect(reverse("help:ticket", args=[ticket.number]))
        keep(request, response, ticket)
    # Only here: on a page with a form it would make browsers send “Origin: null”, which no CSRF check lets through.
    response["Referrer-Policy"] = "no-referrer"
    return response


def keep(request: HttpRequest, response: HttpResponse, ticket: Ticket) -> None:
    """Adds the ticket to those this browser follows, the newest first."""
    others = [token for token, other in tokens_of(request) if other.pk != ticket.pk]
    response.set_signed_cookie(
        COOKIE,
        " ".join([follow_token(ticket), *others][:FOLLOWED_AT_MOST]),
        salt=COOKIE,
        max_age=COOKIE_SECONDS,
        path="/help/",
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def tokens_of(request: HttpRequest) -> list[tuple[str, Ticket]]:
    """The links in the cookie that still open, with their tickets."""
    cookie = request.get_signed_cookie(COOKIE, default="", salt=COOKIE, max_age=COOKIE_SECONDS) or ""
    opened = [(token, followed_ticket(token)) for token in cookie.split()[:FOLLOWED_AT_MOST]]
    return [(token, ticket) for token, ticket in opened if ticket is not None]


def followed(request: HttpRequest) -> dict[str, Ticket]:
    """The tickets this browser may open, by their number."""
    return {ticket.number: ticket for _token, ticket in tokens_of(request)}


def own_ticket(request: HttpRequest, number: str) -> Ticket:
    """Raises NotFound for a ticket that this browser's cookie doesn't open."""
    ticket = followed(request).get(number.upper())
    if ticket is None:
        raise NotFound
    return conversation_of(ticket)


def customer_actor(ticket: Ticket) -> Actor:
    return Actor.customer(ticket.customer_id, ticket.shop_id)


@takes_files_from_everybody
@never_cache
@require_http_methods(["GET", "POST"])
def ticket(request: HttpRequest, number: str) -> HttpResponse:
    """The conversation as its customer sees it, and a place to answer."""
    own = own_ticket(request, number)
    if request.method == "GET":
        return show_ticket(request, own, AnswerForm())
    form = AnswerForm(request.POST, request.FILES)
    if not form.is_valid():
        return show_ticket(request, own, form, 422)
    try:
        must_be_within("answer", request, per_hour=getattr(settings, "ANSWERS_PER_HOUR", ANSWERS_PER_HOUR))
        files = tuple(keep_upload(file) for file in form.cleaned_data["attachments"])
        words = Words(form.cleaned_data["body"], files, Channel.WEB)
        message = receive_message(own, words, by=customer_actor(own))
    except DomainError as error:
        put_on(form, error)
        return show_ticket(request, own, form, error.status)
    # An answer that comes too late for its ticket begins another one, which this browser may follow as well.
    response = HttpResponseRedirect(reverse("help:ticket", args=[message.ticket.number]) + "#end", status=303)
    keep(request, response, message.ticket)
    return response


def show_ticket(request: HttpRequest, own: Ticket, form: AnswerForm, status: int = 200) -> HttpResponse:
    rows = Message.objects.in_conversation(own).visible_to(customer_actor(own))
    messages = with_keys(rows.select_related("author_user", "customer").prefetch_related("attachments"))
    lines = [
        {
            "message": message,
            "is_mine": message.author == Author.CUSTOMER,
            "author": author_for_customers(message, own.shop),
            "files": list(message.attachments.all()),
        }
        for message in messages
    ]
    context = {"ticket": own, "lines": lines, "form": form, "stage": stage_of(own)}
    return show(request, "help/ticket.html", own.shop, status, **context)


def author_for_customers(message: Message, shop: Shop) -> str:
    """Customers see who answers by name, and machines as the shop."""
    if message.author == Author.CUSTOMER:
        return _("You")
    if message.author == Author.AGENT and message.author_user is not None:
        return _("%(name)s, %(shop)s") % {"name": message.author_user.name, "shop": shop.name}
    return shop.name


def stage_of(own: Ticket) -> str:
    """A ticket's state in a customer's words."""
    if own.status in {Status.SOLVED, Status.CLOSED}:
        return _("Solved")
    return _("Waits for your answer") if own.status == Status.PENDING else _("We are on it")


@never_cache
@require_GET
def attachment(request: HttpRequest, number: str, pk: uuid.UUID) -> HttpResponseBase:
    own = own_ticket(request, number)
    return as_download(attachment_for(pk, customer_actor(own)))


@require_GET
def logo(request: HttpRequest, code: str) -> HttpResponseBase:
    """The shop's logo, from wherever media are kept."""
    shop = shop_with_code(code)
    if shop is None or not shop.logo:
        raise NotFound
    response = FileResponse(shop.logo.open("rb"))
    response["Cache-Control"] = "public, max-age=3600"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    return response
