"""Links between tickets that have to do with each other."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.errors import Invalid, NotFound
from tickets.actions.turns import begin
from tickets.models import Ticket, TicketLink
from tickets.models.tickets import link_ends


@transaction.atomic
def link_tickets(ticket: Ticket, other: Ticket, *, by: Actor) -> TicketLink:
    """Link two tickets, of whatever customer; a link that is there already stays as it is and tells nothing."""
    if ticket.pk == other.pk:
        raise Invalid.field("other", "itself", _("A ticket cannot be linked with itself."))
    turns = [begin(one, may="tickets.link", by=by) for one in sorted((ticket, other), key=lambda one: one.pk)]
    first, second = link_ends(ticket.pk, other.pk)
    link, is_new = TicketLink.objects.get_or_create(first_id=first, second_id=second)
    if is_new:
        for turn, across in zip(turns, reversed(turns), strict=True):
            turn.end("ticket.linked", other=str(across.ticket.pk), other_number=across.ticket.number)
    return link


@transaction.atomic
def unlink_tickets(ticket: Ticket, other: Ticket, *, by: Actor) -> None:
    """Take a link away. NotFound when there is none."""
    turns = [begin(one, may="tickets.link", by=by) for one in sorted((ticket, other), key=lambda one: one.pk)]
    first, second = link_ends(ticket.pk, other.pk)
    if not TicketLink.objects.filter(first_id=first, second_id=second).delete()[0]:
        raise NotFound(_("These tickets are not linked."))
    for turn, across in zip(turns, reversed(turns), strict=True):
        turn.end("ticket.unlinked", other=str(across.ticket.pk), other_number=across.ticket.number)


def linked_with(ticket: Ticket, *, by: Actor) -> "QuerySet[Ticket]":
    """The tickets linked with this one, the one it follows and those that follow it, of those the actor sees."""
    ends = (
        TicketLink.objects.filter(first=ticket).values_list("second"),
        TicketLink.objects.filter(second=ticket).values_list("first"),
        Ticket.objects.filter(follows=ticket).values_list("pk"),
        Ticket.objects.filter(follow_ups=ticket).values_list("pk"),
    )
    return Ticket.objects.visible_to(by).filter(pk__in=ends[0].union(*ends[1:], all=True))
