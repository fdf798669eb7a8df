"""Drafts: one for each person and ticket, kept while it is written, gone as it is sent or discarded.

No event tells of them: they are saved every other second and are nobody's business but their author's.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from customers.fields import Erased
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, NotAllowed, NotFound, Stale
from tickets.models import Draft, Message, Ticket, Visibility

BETWEEN = "\n\n"


@dataclass(frozen=True, slots=True)
class Unsent:
    """What a draft is to hold. The lists are ids: files uploaded ahead, people mentioned, macros to be applied."""

    body: str
    visibility: str = Visibility.PUBLIC
    attachments: Sequence[uuid.UUID] = ()
    mentions: Sequence[uuid.UUID] = ()
    macros: Sequence[uuid.UUID] = ()
    # The text in `replaced` was looked at and needs to be kept no longer.
    settled: bool = False


def draft_of(ticket: Ticket, by: Actor) -> Draft | None:
    """This person's draft in this ticket; None where there is none, or where its customer was erased."""
    if not by.is_staff or by.id is None:
        return None
    # Where the ticket was read with it (`with_draft_of`) it is there already.
    known = "my_draft" in vars(ticket)
    draft = vars(ticket)["my_draft"] if known else Draft.objects.filter(ticket=ticket, author=by.id).first()
    return None if draft is None else _opened(draft, ticket)


def _opened(draft: Draft, ticket: Ticket) -> Draft | None:
    draft.ticket = ticket
    if draft.customer_id == ticket.customer_id:
        draft.customer = ticket.customer
    return None if isinstance(draft.body, Erased) else draft


@transaction.atomic
def save_draft(ticket: Ticket, unsent: Unsent, *, by: Actor, base: int | None = None) -> Draft:
    """Keep this as the person's draft in this ticket. Returns it with its new version.

    `base` is the version this window saw last, 0 for none. Where another window has saved since, the last one wins,
    and the text in whose place it came is kept in `replaced`. Conflict (`draft_gone`) where the draft was sent or
    discarded since: saving it again would bring back what is over.
    """
    author = _author(ticket, by)
    draft = _locked(ticket, author)
    if draft is None:
        if base:
            raise Conflict(
                _("This draft was sent or discarded in another window. Your text is still here."), code="draft_gone"
            )
        draft = _created(ticket, author)
    if base is not None and base != draft.version and draft.body not in {"", unsent.body}:
        draft.replaced = draft.body
    elif unsent.settled:
        draft.replaced = ""
    draft.body, draft.visibility = unsent.body, unsent.visibility
    for name in ("attachments", "mentions", "macros"):
        setattr(draft, name, [str(pk) for pk in getattr(unsent, name)])
    draft.version += 1
    draft.saved_at = now()
    draft.save()
    return draft


@transaction.atomic
def discard_draft(ticket: Ticket, *, by: Actor, base: int | None = None) -> None:
    """Throw the person's draft away. Stale where `base` is given and another window has saved since.

    One that is gone already is as it should be.
    """
    draft = _locked(ticket, _author(ticket, by))
    if draft is None:
        return
    if base is not None and base != draft.version:
        raise Stale(_("This draft was changed in another window. Nothing was discarded."))
    draft.delete()


def forget_draft(ticket: Ticket, author: uuid.UUID | None) -> None:
    """The draft has become a message. Called by the action that writes it, in its transaction."""
    if author is not None:
        Draft.objects.filter(ticket=ticket, author=author).delete()


def put_back(message: Message) -> None:
    """A message that was taken back is its author's draft again, before whatever they have begun to write since."""
    if message.author_user_id is None or isinstance(message.body, Erased):
        return
    draft = _locked(message.ticket, message.author_user_id) or _created(message.ticket, message.author_user_id)
    draft.body = _joined(str(message.body), draft.body)
    draft.visibility = _stricter(message.visibility, draft.visibility) if draft.version else message.visibility
    draft.version += 1
    draft.saved_at = now()
    draft.save()


def bring_drafts(source: Ticket, target: Ticket) -> None:
    """The ticket was merged: its drafts go on in the target, after what their authors have written there."""
    for draft in list(Draft.objects.select_related("customer").filter(ticket=source).locking()):
        if isinstance(draft.body, Erased):
            continue
        there = _locked(target, draft.author_id)
        if there is None:
            draft.ticket = target
            draft.version += 1
            draft.save()
            continue
        there.body = _joined(there.body, draft.body)
        there.visibility = _stricter(there.visibility, draft.visibility)
        for name in ("mentions", "macros"):
            setattr(there, name, list(dict.fromkeys([*getattr(there, name), *getattr(draft, name)])))
        if draft.customer_id == there.customer_id:
            there.attachments = list(dict.fromkeys([*there.attachments, *draft.attachments]))
        there.version += 1
        there.save()
        draft.delete()


def _author(ticket: Ticket, by: Actor) -> uuid.UUID:
    by.must("tickets.note", ticket)
    if not by.is_staff or by.id is None:
        raise NotAllowed(_("Only a member of staff keeps a draft."))
    if ticket.customer.erased_at is not None:
        raise Conflict(_("This customer was erased."), code="customer_erased")
    if not Ticket.objects.visible_to(by).filter(pk=ticket.pk).exists():
        raise NotFound
    return by.id


def _locked(ticket: Ticket, author: uuid.UUID) -> Draft | None:
    found = Draft.objects.locking().filter(ticket=ticket, author=author).first()
    return None if found is None else _opened(found, ticket)


def _created(ticket: Ticket, author: uuid.UUID) -> Draft:
    """A new one; where another window was first by a moment, that window's."""
    draft = Draft(ticket=ticket, customer=ticket.customer, author_id=author, body="", replaced="")
    try:
        with transaction.atomic():
            draft.save(force_insert=True)
    except IntegrityError:
        found = _locked(ticket, author)
        if found is None:
            raise
        return found
    return draft


def _joined(first: str, then: str) -> str:
    return BETWEEN.join(part for part in (first, then) if part.strip())


def _stricter(one: str, other: str) -> str:
    """What was written for the team only must not become a reply by being joined to one."""
    return Visibility.INTERNAL if Visibility.INTERNAL in {one, other} else Visibility.PUBLIC
