"""Everything that is done to a ticket from the desk: one table of verbs, one way in, one way out.

A verb's form says what comes in, its function calls the action. What the action refuses comes back as a message on the
same fragment, with the refusal's own status; what is done is answered with the fragments that changed.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from customers.actions import reveal_contacts
from servicedesk.actor import Actor
from servicedesk.errors import DomainError, NotFound
from servicedesk.models import Team, User
from servicedesk.pages.forms import put_on
from servicedesk.pages.requests import StaffRequest
from tickets.actions.composing import Composed, send_composed
from tickets.actions.conversing import Words, release_reply, send_now, undo_reply
from tickets.actions.drafts import Unsent, discard_draft, save_draft
from tickets.actions.editing import Edit, edit_ticket
from tickets.actions.following import revoke_links
from tickets.actions.macros import apply_macro, macros_named
from tickets.actions.routing import assign_ticket, route_ticket
from tickets.actions.working import close_ticket, hold_ticket, reopen_ticket, resume_ticket, solve_ticket
from tickets.attachments import keep_upload, upload_ahead, uploaded
from tickets.composing.checking import check_reply
from tickets.composing.warnings import Warning
from tickets.forms import AssignForm, DraftForm, EditForm, HoldForm, MacroForm, ReplyForm, RevealForm
from tickets.models import Message, Ticket, Visibility
from tickets.views.queue import chosen_view
from tickets.views.queue_views import views_for
from tickets.views.ticket import page_context, ticket_of

Data = Mapping[str, Any]
Done = Mapping[str, Any] | None


class Doubtful(Exception):
    """Something about a reply is worth a second look before it is sent."""

    def __init__(self, warnings: Sequence[Warning]) -> None:
        super().__init__()
        self.warnings = warnings


class NothingToSay(forms.Form):
    """For verbs that need no more than the press of a button."""


def reply(ticket: Ticket, data: Data, form: Any, by: Actor) -> Done:
    """Send it, unless something about it must be looked at first and nobody has; what may be looked at is noticed."""
    body, visibility = data["body"], data["visibility"]
    found = [] if data["anyway"] else check_reply(ticket, body, by=by, visibility=visibility)
    if any(one.holds for one in found):
        raise Doubtful(found)
    words = Words(body, uploaded(data["uploaded"]), is_draft=True, mentions=still_named(data["mentions"], body))
    composed = Composed(
        words,
        visibility,
        then=data["then"],
        leaves_at=data["leaves_at"],
        macros=macros_named(data["macros"], ticket, by),
    )
    send_composed(ticket, composed, by=by)
    return {"noticed": found}


def still_named(people: Sequence[uuid.UUID], text: str) -> list[uuid.UUID]:
    """Those whose name still stands in the text: who deletes “@Bob” does not mean Bob any more."""
    names = User.objects.filter(pk__in=people).values_list("pk", "name") if people else []
    return [pk for pk, name in names if f"@{name}" in text]


def keep_files(form: forms.Form, ticket: Ticket) -> None:
    """Files that came with the form wait beside those uploaded ahead: whatever is refused, they are not lost."""
    data = form.cleaned_data
    for file in data.get("attachments") or []:
        try:
            data.setdefault("uploaded", []).append(upload_ahead(keep_upload(file), ticket.customer).pk)
        except DomainError as error:
            form.add_error("attachments", str(error))


def apply(ticket: Ticket, data: Data, form: Any, by: Actor) -> Done:
    for macro in macros_named([data["macro"]], ticket, by):
        apply_macro(ticket, macro, by=by, send=False)
    return None


def draft(ticket: Ticket, data: Data, form: Any, by: Actor) -> Done:
    beside = {"attachments": data["uploaded"], "mentions": data["mentions"], "macros": data["macros"]}
    save_draft(ticket, Unsent(data["body"], data["visibility"] or Visibility.PUBLIC, **beside), by=by)
    return None


def assign(ticket: Ticket, data: Data, form: Any, by: Actor) -> Done:
    wanted = data["assignee"]
    if wanted == "auto":
        route_ticket(ticket, by=by, instead_of=ticket.assignee_id)
        return None
    people = {"none": None, "me": User.objects.filter(pk__in=[by.id]).first(), **form.people}
    assign_ticket(ticket, people[wanted], by=by, reason=data["reason"])
    return None


def edit(ticket: Ticket, data: Data, form: Any, by: Actor) -> Done:
    changed = Edit(
        subject=data["subject"],
        kind=data["kind"],
        priority=data["priority"],
        team=form.teams.get(data["team"]),
        tags=data["tags"],
    )
    edit_ticket(ticket, changed, by=by)
    return None


def hold(ticket: Ticket, data: Data, form: Any, by: Actor) -> Done:
    hold_ticket(ticket, by=by, wait_for=data["wait_for"], until=data["until"])
    return None


def reveal(ticket: Ticket, data: Data, form: Any, by: Actor) -> Done:
    fields = ("name", "email", "phone")
    values = reveal_contacts(ticket.customer, fields, reason_code=data["reason"], note=data["note"], by=by)
    return {"revealed": values}


def simply(act: Callable[..., Any]) -> Callable[[Ticket, Data, Any, Actor], Done]:
    def run(ticket: Ticket, data: Data, form: Any, by: Actor) -> Done:
        act(ticket, by=by)
        return None

    return run


@dataclass(frozen=True, slots=True)
class Verb:
    """A form, what it leads to, and what is said when it's done. `fragment` is where the form stands."""

    form: type[forms.Form]
    run: Callable[[Ticket, Data, Any, Actor], Done]
    done: str | Promise = ""
    fragment: str = "head"


VERBS: Final[dict[str, Verb]] = {
    "reply": Verb(ReplyForm, reply, "", "composer"),
    "draft": Verb(DraftForm, draft, _("Draft saved."), "composer"),
    "discard-draft": Verb(NothingToSay, simply(discard_draft), _("Draft discarded."), "composer"),
    "macro": Verb(MacroForm, apply, _("Done.")),
    "assign": Verb(AssignForm, assign, _("Assigned.")),
    "hold": Verb(HoldForm, hold, _("On hold.")),
    "resume": Verb(NothingToSay, simply(resume_ticket), _("Back to work.")),
    "solve": Verb(NothingToSay, simply(solve_ticket), _("Solved.")),
    "reopen": Verb(NothingToSay, simply(reopen_ticket), _("Reopened.")),
    "close": Verb(NothingToSay, simply(close_ticket), _("Closed.")),
    "edit": Verb(EditForm, edit, _("Saved."), "context"),
    "revoke-links": Verb(NothingToSay, simply(revoke_links), _("Links given out before no longer open."), "context"),
    "reveal": Verb(RevealForm, reveal, "", "context"),
}


def form_for(name: str, verb: Verb, request: StaffRequest) -> forms.Form:
    options: dict[str, Any] = {"auto_id": f"{name}-%s"} if name != "reply" else {}
    if verb.form is AssignForm:
        options["people"] = list(User.objects.filter(is_active=True).order_by("name"))
    if verb.form is EditForm:
        options["teams"] = list(Team.objects.all())
    return verb.form(request.POST, request.FILES, **options)


@login_required
@require_POST
def act(request: StaffRequest, number: str, verb: str) -> HttpResponse:
    """Do one thing to a ticket."""
    known = VERBS.get(verb)
    if known is None:
        raise NotFound
    ticket = ticket_of(number, request.actor)
    form = form_for(verb, known, request)
    form.is_valid()
    if verb == "reply":
        keep_files(form, ticket)
    if form.errors:
        return again(request, ticket, verb, form, 422)
    try:
        done = dict(known.run(ticket, form.cleaned_data, form, request.actor) or {})
    except Doubtful as doubts:
        return again(request, ticket, verb, form, 422, warnings=doubts.warnings)
    except NotFound:
        raise
    except DomainError as error:
        put_on(form, error)
        return again(request, ticket, verb, form, error.status)
    for one in done.pop("noticed", ()):
        messages.warning(request, str(one))
    if known.done and not (request.htmx and verb == "reveal"):
        messages.success(request, str(known.done))
    return answered(request, number, done)


def again(
    request: StaffRequest, ticket: Ticket, verb: str, form: forms.Form, status: int, **extra: Any
) -> HttpResponse:
    """The fragment the form stands in, with what is wrong; without htmx the whole page."""
    ticket = ticket_of(ticket.number, request.actor)
    if not form.visible_fields():
        # There is no place for it in the fragment.
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    context = page_context(request, ticket, {verb: form}, **extra)
    if request.htmx:
        return swap(request, context, [VERBS[verb].fragment], status)
    return whole_page(request, context, status)


def answered(request: StaffRequest, number: str, done: Mapping[str, Any]) -> HttpResponse:
    """What changed: fragments for htmx, else the page anew. What was revealed is shown once and never by address."""
    if request.htmx or done:
        context = page_context(request, ticket_of(number, request.actor), **done)
        if not request.htmx:
            return whole_page(request, context, 200)
        parts = ["context"] if "revealed" in done else ["head", "thread", "context"]
        verb = request.resolver_match.kwargs.get("verb", "") if request.resolver_match else ""
        if verb in VERBS and VERBS[verb].fragment == "composer":
            parts.append("composer")
        response = swap(request, context, parts, 200)
        response["HX-Trigger"] = "desk:queue"
        return response
    view = chosen_view(request)
    address = reverse("desk:ticket", args=[number]) + (f"?view={view}" if view != "mine" else "")
    return HttpResponseRedirect(address, status=303)


def swap(request: StaffRequest, context: Data, parts: Sequence[str], status: int) -> HttpResponse:
    shown = {"parts": dict.fromkeys(parts, True), "view": chosen_view(request)}
    response = render(request, "desk/ticket.html#answer", {**context, **shown}, status=status)
    response["Cache-Control"] = "no-store"
    return response


def whole_page(request: StaffRequest, context: Data, status: int) -> HttpResponse:
    beside = {"view": chosen_view(request), "views": views_for(request.actor), "counts": {}, "lazy_rows": True}
    response = render(request, "desk/ticket.html", {**context, **beside}, status=status)
    response["Cache-Control"] = "no-store"
    return response


def message_of(pk: uuid.UUID, actor: Actor) -> Message:
    """The message, if this actor sees its ticket. Raises NotFound otherwise."""
    message = Message.objects.select_related("ticket", "customer").filter(pk=pk).first()
    if message is None or not Ticket.objects.visible_to(actor).filter(pk=message.ticket_id).exists():
        raise NotFound
    return message


@login_required
@require_POST
def undo(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Take a reply back before it leaves; its text is in the composer again."""
    message = message_of(pk, request.actor)
    undo_reply(message, by=request.actor)
    messages.success(request, _("Taken back. Nothing was sent."))
    context = page_context(request, ticket_of(message.ticket.number, request.actor))
    if request.htmx:
        return swap(request, context, ["head", "thread", "composer", "context"], 200)
    return whole_page(request, context, 200)


@login_required
@require_POST
def send_at_once(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Let a scheduled reply go before its time."""
    message = message_of(pk, request.actor)
    send_now(message, by=request.actor)
    messages.success(request, _("Sent."))
    return answered(request, message.ticket.number, {})


@login_required
@require_POST
def release(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Let a trainee's reply go."""
    message = message_of(pk, request.actor)
    release_reply(message, by=request.actor)
    messages.success(request, _("Sent."))
    return answered(request, message.ticket.number, {})
