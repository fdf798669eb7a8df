"""The pages of webhooks: the endpoints, and for each what was sent to it, with sending again."""

import uuid
from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from servicedesk.actor import Actor
from servicedesk.errors import DomainError, Invalid, NotFound
from servicedesk.models import WebhookDelivery, WebhookEndpoint
from servicedesk.operations.forms import EndpointForm
from servicedesk.pages.forms import put_on
from servicedesk.pages.requests import StaffRequest
from servicedesk.webhooks.actions import (
    edit_endpoint,
    register_endpoint,
    remove_endpoint,
    resend_delivery,
    resend_failed,
    rotate_secret,
)

PAGE: Final = 50
Act = Callable[[WebhookEndpoint, Actor], object]
ACTS: Final[dict[str, Act]] = {
    "pause": lambda endpoint, by: edit_endpoint(endpoint, state=WebhookEndpoint.State.PAUSED, by=by),
    "activate": lambda endpoint, by: edit_endpoint(endpoint, state=WebhookEndpoint.State.ACTIVE, by=by),
    "remove": lambda endpoint, by: remove_endpoint(endpoint, by=by),
    "resend-failed": lambda endpoint, by: resend_failed(endpoint, by=by),
}


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def endpoints(request: StaffRequest) -> HttpResponse:
    """The endpoints, and the form for a new one."""
    request.actor.must("webhooks.read")
    form = EndpointForm(request.POST or None, by=request.actor)
    if request.method == "GET":
        return show_endpoints(request, form)
    if not form.is_valid():
        return show_endpoints(request, form, status=422)
    try:
        made = register_endpoint(**form.facts(), by=request.actor)
    except Invalid as refusal:
        put_on(form, refusal)
        return show_endpoints(request, form, status=422)
    return show_endpoint(request, made, status=201)


def show_endpoints(request: StaffRequest, form: EndpointForm, status: int = 200) -> HttpResponse:
    rows = WebhookEndpoint.objects.visible_to(request.actor).order_by("-id")
    return render(request, "manage/webhooks.html", {"section": "manage", "rows": rows, "form": form}, status=status)


@login_required
@require_GET
def endpoint(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """What was sent to one endpoint, newest first."""
    request.actor.must("webhooks.read")
    return show_endpoint(request, endpoint_of(pk, request.actor))


def show_endpoint(request: StaffRequest, shown: WebhookEndpoint, status: int = 200) -> HttpResponse:
    """The endpoint's page; with its secret where that was made a moment ago."""
    rows = WebhookDelivery.objects.filter(endpoint=shown).select_related("event").order_by("-id")
    if (wanted := request.GET.get("status", "")) in WebhookDelivery.Status.values:
        rows = rows.filter(status=wanted)
    if before := request.GET.get("before"):
        rows = rows.filter(pk__lt=uuid_of(before))
    found = list(rows[: PAGE + 1])
    context = {
        "section": "manage",
        "endpoint": shown,
        "rows": found[:PAGE],
        "status": wanted,
        "statuses": WebhookDelivery.Status.choices,
        "more_before": found[PAGE - 1].pk if len(found) > PAGE else None,
    }
    return render(request, "manage/webhook.html", context, status=status)


@login_required
@never_cache
@require_POST
def new_secret(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """A new secret, on the page that answers and never again."""
    return show_endpoint(request, rotate_secret(endpoint_of(pk, request.actor), by=request.actor))


@login_required
@require_POST
def act(request: StaffRequest, pk: uuid.UUID, verb: str) -> HttpResponse:
    """Pause it, activate it, remove it, send again what failed."""
    chosen = ACTS.get(verb)
    if chosen is None:
        raise NotFound
    attempt(request, lambda: chosen(endpoint_of(pk, request.actor), request.actor))
    return redirect("manage:webhooks") if verb == "remove" else redirect("manage:webhook", pk)


@login_required
@require_POST
def resend(request: StaffRequest, pk: uuid.UUID, delivery: uuid.UUID) -> HttpResponse:
    """Send one settled delivery again."""
    row = WebhookDelivery.objects.visible_to(request.actor).one(pk=delivery, endpoint=pk)
    attempt(request, lambda: resend_delivery(row, by=request.actor))
    return redirect("manage:webhook", pk)


def attempt(request: StaffRequest, doing: Callable[[], object]) -> None:
    """Do it, and say how it went. What does not exist stays a page of its own."""
    try:
        doing()
        messages.success(request, _("Done."))
    except NotFound:
        raise
    except DomainError as refusal:
        messages.error(request, str(refusal.detail))


def endpoint_of(pk: uuid.UUID, actor: Actor) -> WebhookEndpoint:
    return WebhookEndpoint.objects.visible_to(actor).one(pk=pk)


def uuid_of(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound from None
