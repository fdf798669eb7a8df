"""What people do with their notices: read one, those about a ticket, or all. Reading is no business event."""

import uuid

from django.db import transaction

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.models import Notice
from servicedesk.models.notices import NoticeQuerySet
from servicedesk.notices.telling import ring


@transaction.atomic
def read_notice(notice: Notice, *, by: Actor) -> Notice:
    """It has been seen. Reading it again changes nothing."""
    _read(Notice.objects.filter(pk=notice.pk), by)
    return Notice.objects.select_related("event").one(pk=notice.pk)


@transaction.atomic
def read_notices_about(subject_id: uuid.UUID, *, by: Actor) -> int:
    """What they are about is being looked at. Returns how many were unread."""
    return _read(Notice.objects.filter(subject_id=subject_id), by)


@transaction.atomic
def read_all_notices(*, by: Actor) -> int:
    """All that is on the bell. Returns how many were unread."""
    return _read(Notice.objects.all(), by)


def _read(rows: NoticeQuerySet, by: Actor) -> int:
    by.must("notices.read")
    read = rows.on_desk().unread().filter(user=by.id).update(read_at=now())
    if read and by.id is not None:
        ring([by.id])
    return read
