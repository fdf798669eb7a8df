"""Writing search documents."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from customers.tokens import tokens_of
from tickets.models import Message, SearchDocument, Ticket
from tickets.search.stores import Document, store


@dataclass(frozen=True, slots=True)
class Indexed:
    """A text to be found: a message's, or where no message is named, the ticket's subject."""

    ticket_id: uuid.UUID
    message_id: uuid.UUID | None
    customer_id: uuid.UUID
    text: str


def index_documents(indexed: Iterable[Indexed]) -> None:
    """Make texts findable that were not before: in one statement on PostgreSQL, within the caller's transaction."""
    store().write([document for one in indexed if (document := as_document(one)).tokens])


def index_message(message: Message, text: str) -> None:
    """Make a message findable by this text, and no longer by the one before."""
    store().replace(as_document(Indexed(message.ticket_id, message.pk, message.customer_id, text)))


def index_subject(ticket: Ticket, text: str) -> None:
    """Make a ticket findable by this subject, and no longer by the one before."""
    store().replace(as_document(Indexed(ticket.pk, None, ticket.customer_id, text)))


def delete_for_customer(customer_id: uuid.UUID) -> int:
    """Take everything of a customer out of the index, and out of its file. Returns the number of documents."""
    gone, _ = SearchDocument.objects.filter(customer_id=customer_id).delete()
    if gone:
        store().scrub()
    return gone


def as_document(one: Indexed, id: int | None = None) -> Document:  # noqa: A002  the column's name
    return Document(one.ticket_id, one.message_id, one.customer_id, sorted(tokens_of(one.text)), id)
