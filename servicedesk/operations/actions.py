"""What failed is tried again, by hand. Webhooks and mails have such an action of their own."""

from django.db import transaction
from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict
from servicedesk.events import SubjectRef, record
from servicedesk.models import Booking, Delivery


@transaction.atomic
def retry_reaction(delivery: Delivery, *, by: Actor) -> None:
    """Let a failed reaction run again at once. Raises Conflict when it has run meanwhile."""
    by.must("operations.retry")
    waiting = Delivery.objects.filter(pk=delivery.pk).exclude(error="")
    if waiting.update(try_at=now(), attempts=0) != 1:
        raise Conflict(_("It has been done meanwhile."), code="not_failed")
    event = delivery.event
    subject = SubjectRef(event.subject_type, event.subject_id, event.subject_number, event.shop_id)
    record("reaction.retried", subject, by=by, changes={"reaction": delivery.reaction, "event": str(event.pk)})


@transaction.atomic
def retry_booking(booking: Booking, *, by: Actor) -> None:
    """Let a booked event that failed be done again at once. Raises Conflict when it was done meanwhile."""
    by.must("operations.retry")
    waiting = Booking.objects.filter(pk=booking.pk).exclude(error="")
    if waiting.update(try_at=now(), attempts=0) != 1:
        raise Conflict(_("It has been done meanwhile."), code="not_failed")
    subject = SubjectRef("booking", booking.subject_id)
    record("booking.retried", subject, by=by, changes={"booking": booking.kind})
