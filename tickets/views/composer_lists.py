"""What `/` and `@` open in the composer: macros with their texts filled in, and colleagues who may see the ticket."""

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from servicedesk.errors import NotFound
from servicedesk.pages.requests import StaffRequest
from tickets.actions.macros import macros_for
from tickets.actions.mentioning import colleagues_of
from tickets.models import Ticket
from tickets.views.composer import choices_of
from tickets.views.ticket import ticket_of


def _ticket(request: StaffRequest, number: str) -> Ticket:
    ticket = ticket_of(number, request.actor)
    request.actor.must("tickets.note", ticket)
    return ticket


@login_required
@require_GET
def macros(request: StaffRequest, number: str) -> HttpResponse:
    """What `/` opens: every macro that fits, with its first words as they would be sent to this customer."""
    ticket = _ticket(request, number)
    found = choices_of(ticket, list(macros_for(ticket, request.actor)), request.actor)
    return answer(request, "macros", {"ticket": ticket, "choices": found})


@login_required
@require_GET
def macro(request: StaffRequest, number: str, pk: uuid.UUID) -> HttpResponse:
    """One that was chosen: its text, and what stands by the text until it is sent."""
    ticket = _ticket(request, number)
    found = list(macros_for(ticket, request.actor).filter(pk=pk))
    if not found:
        raise NotFound
    return answer(request, "macro", {"ticket": ticket, "choice": choices_of(ticket, found, request.actor)[0]})


@login_required
@require_GET
def people(request: StaffRequest, number: str) -> HttpResponse:
    """What `@` opens: the colleagues who may see this ticket."""
    ticket = _ticket(request, number)
    others = [user for user in colleagues_of(ticket) if user.pk != request.user.pk]
    return answer(request, "people", {"people": others})


def answer(request: StaffRequest, part: str, context: dict[str, Any]) -> HttpResponse:
    response = render(request, f"desk/composer_lists.html#{part}", context)
    response["Cache-Control"] = "no-store"
    return response
