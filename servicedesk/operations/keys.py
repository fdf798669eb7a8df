"""The page of API keys: who has one, a new one shown once, and revoking."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from servicedesk.actions.keys import issue_api_key, revoke_api_key
from servicedesk.errors import Conflict, Invalid
from servicedesk.models import ApiKey
from servicedesk.operations.forms import KeyForm
from servicedesk.pages.forms import put_on
from servicedesk.pages.requests import StaffRequest


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def keys(request: StaffRequest) -> HttpResponse:
    """The keys and the form for a new one, which is on the page that answers it and never again."""
    request.actor.must("keys.write")
    form = KeyForm(request.POST or None, by=request.actor)
    if request.method == "GET":
        return show(request, form)
    if not form.is_valid():
        return show(request, form, status=422)
    try:
        made = issue_api_key(**form.facts(), by=request.actor)
    except Invalid as refusal:
        put_on(form, refusal)
        return show(request, form, status=422)
    return show(request, KeyForm(by=request.actor), made=made, status=201)


def show(request: StaffRequest, form: KeyForm, *, made: ApiKey | None = None, status: int = 200) -> HttpResponse:
    rows = ApiKey.objects.select_related("integration").order_by("-id")
    context = {"section": "manage", "keys": rows, "form": form, "made": made}
    return render(request, "manage/keys.html", context, status=status)


@login_required
@require_POST
def revoke(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The key opens nothing any more."""
    request.actor.must("keys.write")
    try:
        revoke_api_key(ApiKey.objects.one(pk=pk), by=request.actor)
        messages.success(request, _("The key is revoked."))
    except Conflict as refusal:
        messages.error(request, str(refusal))
    return redirect("manage:keys")
