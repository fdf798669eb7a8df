"""The bell and its pages: the count, what opens under it, all of them, and what each person wants to hear of."""

import json
import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from servicedesk.errors import NotFound
from servicedesk.models import Notice
from servicedesk.notices.actions import read_all_notices, read_notice, read_notices_about
from servicedesk.notices.choosing import choices_of, choose_channels
from servicedesk.notices.forms import LABELS, ChoicesForm
from servicedesk.notices.reading import newest_notices, read_bell, read_page
from servicedesk.pages.requests import StaffRequest


@login_required
@require_GET
def bell(request: StaffRequest) -> HttpResponse:
    """How many are unread, as a fragment; nothing (204) where that is what the page has.

    `open` is the ticket that the page shows, `has` the state of its bell, "" as it is made: what was there before is
    not news, so it isn't said.
    """
    has = request.GET.get("has", "")
    found = read_bell(request.actor, open_subject=_uuid(request.GET.get("open", "")))
    if has == found.state and not found.is_about_open:
        return HttpResponse(status=204)
    context = {"bell": found, "aloud": json.dumps(found.aloud), "is_news": bool(has) and has != found.state}
    return render(request, "notices/bell.html#count", context)


@login_required
@require_GET
def newest(request: StaffRequest) -> HttpResponse:
    """What opens under the bell."""
    return _newest(request)


def _newest(request: StaffRequest) -> HttpResponse:
    return render(request, "notices/bell.html#newest", {"notices": newest_notices(request.actor)})


@login_required
@require_GET
def everything(request: StaffRequest) -> HttpResponse:
    """All of them, newest first."""
    notices, after = read_page(request.actor, request.GET.get("after", ""))
    return render(request, "notices/list.html", {"section": "notices", "notices": notices, "after": after})


@login_required
@require_GET
def follow(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """To where it happened; it has been read by that. Also the link in mails."""
    notice = Notice.objects.visible_to(request.actor).select_related("event").filter(pk=pk).first()
    if notice is None:
        raise NotFound
    read_notice(notice, by=request.actor)
    return redirect(notice.address or "notices:list")


@login_required
@require_POST
def read(request: StaffRequest) -> HttpResponse:
    """Those about one subject, or all."""
    subject = request.POST.get("subject", "")
    if subject:
        about = _uuid(subject)
        if about is None:
            raise NotFound
        read_notices_about(about, by=request.actor)
    else:
        read_all_notices(by=request.actor)
    if not request.htmx:
        return redirect("notices:list")
    return HttpResponse(status=204) if subject else _newest(request)


@login_required
@require_http_methods(["GET", "POST"])
def settings(request: StaffRequest) -> HttpResponse:
    """By which ways one hears of what."""
    choices = choices_of(request.actor).choices
    form = ChoicesForm(choices, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        choose_channels(form.wanted(), by=request.actor)
        messages.success(request, _("Saved."))
        return redirect("notices:settings")
    context = {"section": "notices", "form": form, "ways": LABELS.values()}
    return render(request, "notices/settings.html", context, status=422 if form.is_bound else 200)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
