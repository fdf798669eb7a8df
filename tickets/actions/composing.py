"""What a composer sends, whole: text, files, mentions, macros, the moment it leaves, what becomes of the ticket."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from servicedesk.actor import Actor
from servicedesk.models import User
from tickets.actions.conversing import Words, add_note, post_reply
from tickets.actions.macros import send_with_macros
from tickets.models import Author, Macro, Message, Ticket, Visibility


@dataclass(frozen=True, slots=True)
class Composed:
    """A reply or a note. `then`: "", "solve" or "hold"; `leaves_at`: not before this moment; neither is for notes."""

    words: Words
    visibility: str = Visibility.PUBLIC
    then: str = ""
    leaves_at: datetime | None = None
    macros: Sequence[Macro] = ()
    author: str = Author.AGENT
    agent: User | None = None


@transaction.atomic
def send_composed(ticket: Ticket, composed: Composed, *, by: Actor, at: datetime | None = None) -> Message:
    """Say it and do what its macros say besides, all or nothing. What was pressed goes before what a macro asks for."""
    is_note = composed.visibility == Visibility.INTERNAL

    def send(then: str) -> Message:
        if is_note:
            return add_note(ticket, composed.words, by=by, at=at)
        return post_reply(
            ticket,
            composed.words,
            by=by,
            at=at,
            agent=composed.agent,
            author=composed.author,
            leaves_at=composed.leaves_at,
            then=composed.then or then,
        )

    if not composed.macros:
        return send("")
    return send_with_macros(ticket, composed.macros, send, by=by, is_note=is_note)
