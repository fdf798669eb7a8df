"""The desk around the tickets: how wide its panes are, the tour, and its pieces on one page."""

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from servicedesk.accounts.actions import arrange_panes, end_tour
from servicedesk.errors import Invalid, NotFound
from servicedesk.pages.requests import StaffRequest
from tickets.forms import AssignForm, EditForm
from tickets.models import Status
from tickets.templatetags.desk import STATUS_TONES


class PanesForm(forms.Form):
    """How wide the outer panes are, in CSS pixels; empty is the look's own width."""

    queue_width = forms.IntegerField(required=False, min_value=0, max_value=10_000)
    context_width = forms.IntegerField(required=False, min_value=0, max_value=10_000)


@login_required
@require_POST
def panes(request: StaffRequest) -> HttpResponse:
    """Keeps the widths with the person."""
    form = PanesForm(request.POST)
    if not form.is_valid():
        raise Invalid("; ".join(f"{name}: {' '.join(map(str, errors))}" for name, errors in form.errors.items()))
    arrange_panes(request.user, **form.cleaned_data)
    return HttpResponse(status=204)


@login_required
@require_POST
def end_of_tour(request: StaffRequest) -> HttpResponse:
    """The tour was seen or declined: the invitation is gone; without a script back to the desk."""
    end_tour(request.user)
    return HttpResponse() if request.htmx else redirect("desk:queue")


@login_required
@require_GET
def pieces(request: StaffRequest) -> HttpResponse:
    """Every piece that the pages are made of, in its states: the living style guide, while developing."""
    if not settings.DEBUG:
        raise NotFound
    wrong = EditForm({"subject": "", "kind": "?", "tags": "x" * 41}, teams=[], auto_id="wrong-%s")
    wrong.is_valid()
    context = {
        "section": "pieces",
        "tones": ["", "accent", "ok", "warn", "late", "line"],
        "notices": [("info-circle", ""), ("circle-check", "ok"), ("alert-triangle", "warn"), ("alert-circle", "late")],
        "statuses": [(status.label, STATUS_TONES[status]) for status in Status],
        "form": AssignForm(people=[], auto_id="piece-%s"),
        "wrong": wrong,
    }
    return render(request, "desk/pieces.html", context)
