"""Building the index anew, as a restored desk needs it: backups leave it out."""

import heapq
import uuid
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from customers.fields import with_keys
from customers.keys import key_scope
from servicedesk.backup.registry import register_rebuilder
from servicedesk.ids import new_id
from tickets.models import Message, SearchDocument, Ticket
from tickets.search.documents import Indexed, as_document
from tickets.search.stores import store

BATCH: Final = 500
Progress = Callable[[int, int], None]


def rebuild_search(progress: Progress | None = None) -> int:
    """Index every subject and message anew, oldest first, in batches. Returns how many there were.

    The desk may work meanwhile: keys are set aside first, so that what is written from now on stays the newest.
    `progress(done, total)` is called after each batch. Interrupted, it is run again from the beginning.
    """
    until = new_id()
    total = Ticket.objects.filter(pk__lt=until).count() + Message.objects.filter(pk__lt=until).count()
    with transaction.atomic():
        SearchDocument.objects.all().delete()
        key = store().reserve(total + BATCH)
    done = 0
    texts = heapq.merge(_subjects(until), _messages(until), key=lambda pair: pair[0])
    while batch := list(islice(texts, BATCH)):
        documents = [as_document(one, id=key + done + place) for place, (_pk, one) in enumerate(batch)]
        with transaction.atomic():
            store().write([document for document in documents if document.tokens])
        done += len(batch)
        if progress is not None:
            progress(done, max(done, total))
    return done


def _subjects(until: uuid.UUID) -> Iterator[tuple[uuid.UUID, Indexed]]:
    for ticket in _by_batches(Ticket.objects.filter(pk__lt=until)):
        yield ticket.pk, Indexed(ticket.pk, None, ticket.customer_id, ticket.subject)


def _messages(until: uuid.UUID) -> Iterator[tuple[uuid.UUID, Indexed]]:
    for message in _by_batches(Message.objects.filter(pk__lt=until)):
        yield message.pk, Indexed(message.ticket_id, message.pk, message.customer_id, message.body)


def _by_batches(rows: QuerySet[Any]) -> Iterator[Any]:
    """The rows in the order of their keys, with their customers' keys at hand for a batch at a time."""
    rows = rows.select_related("customer").order_by("pk")
    after: uuid.UUID | None = None
    while True:
        with key_scope():
            part = with_keys((rows if after is None else rows.filter(pk__gt=after))[:BATCH])
            for row in part:
                for field in ("subject", "body"):
                    getattr(row, field, None)
        yield from part
        if len(part) < BATCH:
            return
        after = part[-1].pk


def _rebuild_after_restore(tell: Callable[[str], None]) -> None:
    rebuild_search(lambda done, total: tell(f"Search index: {done:,} of {total:,} texts"))


# Tokens are keyed hashes of words: whoever came by a backup and the ring file could try a dictionary on them.
register_rebuilder("search", rebuild=_rebuild_after_restore, leaves_out=["tickets.SearchDocument"])
