"""The managers' start page, and the operations page with its ways to try again what failed."""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from servicedesk.errors import DomainError, NotFound
from servicedesk.mail.outgoing import send_again
from servicedesk.models import Booking, Delivery, OutgoingMail, WebhookDelivery
from servicedesk.operations.actions import retry_booking as retry_a_booking
from servicedesk.operations.actions import retry_reaction as retry_a_reaction
from servicedesk.operations.health import read_health
from servicedesk.operations.notices import read_notices
from servicedesk.pages.requests import StaffRequest
from servicedesk.webhooks.actions import resend_delivery

View = Callable[..., HttpResponse]


def for_overseers(view: View) -> View:
    """Signed in, and allowed to look into the engine room."""

    @login_required
    @wraps(view)
    def guarded(request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        request.actor.must("operations.read")
        return view(request, *args, **kwargs)

    return guarded


@for_overseers
@require_GET
def start(request: StaffRequest) -> HttpResponse:
    return render(request, "manage/start.html", {"section": "manage", "notices": read_notices()})


@for_overseers
@require_GET
def operations(request: StaffRequest) -> HttpResponse:
    """What failed, what waits, and who is alive."""
    template = "manage/operations.html#health" if request.htmx else "manage/operations.html"
    return render(request, template, {"section": "manage", "health": read_health(request.actor)})


def once_more(request: StaffRequest, action: Callable[..., object], row: object | None) -> HttpResponse:
    """Do it, say how it went, and come back to the page."""
    if row is None:
        raise NotFound
    try:
        action(row, by=request.actor)
        messages.success(request, _("It is tried again now."))
    except DomainError as error:
        messages.error(request, str(error.detail))
    return redirect("manage:operations")


@for_overseers
@require_POST
def retry_reaction(request: StaffRequest, pk: int) -> HttpResponse:
    row = Delivery.objects.select_related("event").filter(pk=pk).first()
    return once_more(request, retry_a_reaction, row)


@for_overseers
@require_POST
def retry_booking(request: StaffRequest, pk: int) -> HttpResponse:
    return once_more(request, retry_a_booking, Booking.objects.filter(pk=pk).first())


@for_overseers
@require_POST
def retry_webhook(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    row = WebhookDelivery.objects.visible_to(request.actor).filter(pk=pk).first()
    return once_more(request, resend_delivery, row)


@for_overseers
@require_POST
def retry_mail(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return once_more(request, send_again, OutgoingMail.objects.filter(pk=pk).first())
