"""Plain tables: a ticket, its message, its clocks. No encryption, no events, no tokens."""

from django.db import models
from uuid_utils.compat import uuid7


class BareTicket(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7)
    subject = models.CharField(max_length=300)
    email = models.CharField(max_length=254)
    created_at = models.DateTimeField()


class BareMessage(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7)
    ticket = models.ForeignKey(BareTicket, models.CASCADE)
    body = models.TextField()
    created_at = models.DateTimeField()


class BareClock(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7)
    ticket = models.ForeignKey(BareTicket, models.CASCADE)
    metric = models.CharField(max_length=20)
    due_at = models.DateTimeField(db_index=True)


class DeskTicket(models.Model):
    """What the bare page shows of the desk's own table."""

    id = models.UUIDField(primary_key=True)
    number_value = models.BigIntegerField()
    kind = models.CharField(max_length=12)
    channel = models.CharField(max_length=8)
    status = models.CharField(max_length=8)
    priority = models.CharField(max_length=8)
    next_due_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "tickets_ticket"
