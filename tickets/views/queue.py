"""The queue: views, counts, rows by the next deadline, search."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.signing import BadSignature, Signer
from django.db.models import IntegerField, Subquery
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from servicedesk.actor import Actor
from servicedesk.models import User
from servicedesk.pages.requests import StaffRequest
from servicedesk.rest.keyset import BadCursor, Keyset
from tickets.forms import SearchForm
from tickets.models import Ticket
from tickets.models.tickets import UNSOLVED
from tickets.search import find_tickets
from tickets.views.queue_views import VIEWS, has_settled, is_view, part_of, rows_of, views_for
from tickets.views.rows import queue_rows

PAGE: Final = 50
REFRESHED_AT_MOST: Final = 300
COUNT_TO: Final = 99
BY_DEADLINE: Final = ("next_due_at", "id")
NEWEST: Final = ("-id",)
SIGNER: Final = Signer(salt="desk.queue")


class CountUpTo(Subquery):
    """How many rows a bounded subquery has: never more work than the bound, however many tickets there are."""

    template = "(SELECT count(*) FROM (%(subquery)s) _counted)"
    output_field = IntegerField()


def counts(actor: Actor) -> dict[str, int]:
    """How many tickets each view holds, up to one more than is shown as “99+”; one query."""
    # In the queue's own order, so that the view's index is read: the planner may take a walk over the table for cheap.
    seen = Ticket.objects.visible_to(actor).order_by(*BY_DEADLINE)
    columns = {
        view.key.replace("-", "_"): CountUpTo(part_of(view.key, seen, actor).values("pk")[: COUNT_TO + 1])
        for view in VIEWS
        if view.key != "all"
    }
    # One row to stand beside the counts. No `first()`: it would order by a key for nothing.
    for found in User.objects.filter(pk__in=[actor.id]).annotate(**columns).values(*columns):
        return {key.replace("_", "-"): number for key, number in found.items()}
    return {}


@dataclass(frozen=True, slots=True)
class Rows:
    """A stretch of the queue and the cursor to the next one ("" at the end)."""

    tickets: Sequence[Ticket]
    after: str


def read_rows(view: str, actor: Actor, after: str, size: int = 0) -> Rows:
    """By the next deadline; in a view that has settled ones they follow, newest first.

    Raises BadCursor for one that was altered.
    """
    size = size or PAGE
    try:
        part, place = SIGNER.unsign_object(after) if after else ("open", None)
    except (BadSignature, ValueError) as error:
        raise BadCursor(_("This list has changed. Open it anew.")) from error
    rows = rows_of(view, actor).for_queue()
    found: list[Ticket] = []
    if part == "open":
        unsolved = rows.unsolved()
        keyset = Keyset(unsolved, BY_DEADLINE)
        found = keyset.read(unsolved, place, size + 1, backward=False)
        if len(found) > size:
            return Rows(found[:size], SIGNER.sign_object(["open", keyset.values_of(found[size - 1])]))
        place = None
    if not has_settled(view):
        return Rows(found, "")
    settled = rows.exclude(status__in=UNSOLVED)
    keyset = Keyset(settled, NEWEST)
    left = size - len(found)
    older = keyset.read(settled, place, left + 1, backward=False)
    more = len(older) > left
    shown = older[:left]
    if not more:
        return Rows([*found, *shown], "")
    last = keyset.values_of(shown[-1]) if shown else None
    return Rows([*found, *shown], SIGNER.sign_object(["settled", last]))


def queue_context(request: StaffRequest, view: str, after: str = "", size: int = 0) -> dict[str, Any]:
    rows = read_rows(view, request.actor, after, size)
    has_none = not (rows.tickets or after)
    return {
        "section": "desk",
        "is_first_run": has_none and not Ticket.objects.visible_to(request.actor).exists(),
        "site_url": settings.SITE_URL,
        "view": view,
        "views": views_for(request.actor),
        "counts": counts(request.actor) if not after else {},
        "count_to": COUNT_TO,
        "rows": queue_rows(rows.tickets, view),
        "after": rows.after,
        "first_stretch": not after,
    }


def chosen_view(request: StaffRequest) -> str:
    """As the address says, else the page this one was asked from, else what is one's own."""
    before = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    wanted = [request.GET.get("view", ""), *parse_qs(urlsplit(before).query).get("view", [])]
    return next((view for view in wanted if is_view(view)), "mine")


@login_required
@require_GET
def desk(request: StaffRequest) -> HttpResponse:
    """The desk with no ticket open."""
    if "q" in request.GET:
        return found(request, SearchForm(request.GET))
    after = request.GET.get("after", "")
    return render(request, "desk/desk.html", queue_context(request, chosen_view(request), after))


@login_required
@require_GET
def rows(request: StaffRequest) -> HttpResponse:
    """A stretch of the queue as a fragment: the first one to refresh it, a further one to append.

    A refresh says how many rows it has, so that none of those loaded since goes away again.
    """
    after, has = request.GET.get("after", ""), request.GET.get("has", "")
    size = min(int(has), REFRESHED_AT_MOST) if has.isascii() and has.isdigit() else 0
    context = queue_context(request, chosen_view(request), after, max(size, PAGE))
    return render(request, "desk/desk.html#more" if after else "desk/desk.html#refresh", context)


@login_required
@require_http_methods(["GET", "POST"])
def search(request: StaffRequest) -> HttpResponse:
    """Tickets by words, number, contact or order. By POST, so that words stay out of addresses and logs."""
    if request.method == "GET":
        return redirect("desk:queue")
    return found(request, SearchForm(request.POST))


def found(request: StaffRequest, form: SearchForm) -> HttpResponse:
    if not form.is_valid():
        return redirect("desk:queue")
    q = form.cleaned_data["q"].strip()
    if not q:
        return redirect("desk:queue")
    visible = Ticket.objects.visible_to(request.actor).for_queue()
    context = {
        "section": "desk",
        "view": "",
        "views": views_for(request.actor),
        "counts": counts(request.actor),
        "count_to": COUNT_TO,
        "rows": queue_rows(find_tickets(q, visible, limit=PAGE).tickets, view=""),
        "q": q,
        "first_stretch": True,
    }
    return render(request, "desk/desk.html", context)
