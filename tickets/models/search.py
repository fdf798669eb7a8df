"""Search documents: keyed tokens, one document per message and per subject.

The tokens live in a column that each database searches in its own way and that the ORM does not see: PostgreSQL keeps a
tsvector without positions on this table, SQLite an FTS5 table beside it (`tickets/search.py`).
"""

from typing import ClassVar

from django.db import models

from tickets.models.messages import Message
from tickets.models.tickets import Ticket


class SearchDocument(models.Model):
    """What can be found of one message, or of a subject where no message is named. Newest has the highest key."""

    id = models.BigAutoField(primary_key=True)
    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="+", db_constraint=False)
    message = models.ForeignKey(Message, models.CASCADE, null=True, related_name="+", db_constraint=False)
    customer_id = models.UUIDField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message"], name="tickets_search_message_once"),
            models.UniqueConstraint(
                fields=["ticket"], condition=models.Q(message=None), name="tickets_search_subject_once"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["customer_id"], name="tickets_search_customer")]

    def __str__(self) -> str:
        return str(self.pk)
