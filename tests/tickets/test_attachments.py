"""Files that nobody claimed, and files without a row, don't stay."""

from datetime import timedelta

import pytest
import time_machine
from django.core.files.storage import default_storage

from customers.files import store_bytes
from servicedesk.clock import now
from servicedesk.housekeeping import keep_house
from tests.make import INTEGRATION
from tickets.actions.conversing import Words, add_note
from tickets.attachments import UNCLAIMED_FOR, keep_bytes, upload_ahead
from tickets.models import Attachment

pytestmark = pytest.mark.django_db
SWEEPS = ("tickets.attachments.sweep_unclaimed", "tickets.attachments.sweep_orphans")


def keep_house_in(time: timedelta) -> list[int]:
    """How many files each sweep removed, so much later."""
    with time_machine.travel(now() + time, tick=False):
        cleared = keep_house()
    return [cleared[name] for name in SWEEPS]


def test_an_upload_that_no_message_claims_is_gone_after_a_day(make):
    ticket = make.ticket()
    claimed, unclaimed = (upload_ahead(keep_bytes("a.txt", b"text"), ticket.customer) for _ in range(2))
    add_note(ticket, Words("See file.", (claimed,)), by=INTEGRATION)
    assert keep_house_in(UNCLAIMED_FOR / 2)[0] == 0
    assert keep_house_in(UNCLAIMED_FOR * 1.1)[0] == 1
    assert list(Attachment.objects.all()) == [claimed]
    assert [default_storage.exists(file.path) for file in (claimed, unclaimed)] == [True, False]


def test_a_file_whose_row_was_never_written_is_gone_after_a_day(make):
    row = upload_ahead(keep_bytes("a.txt", b"text"), make.customer())
    orphan = store_bytes(b"text")
    keep_house_in(UNCLAIMED_FOR / 2)
    assert default_storage.exists(orphan.name)
    Attachment.objects.filter(pk=row.pk).update(created_at=now() + UNCLAIMED_FOR)
    assert keep_house_in(UNCLAIMED_FOR * 1.6)[1] >= 1
    assert [default_storage.exists(name) for name in (row.path, orphan.name)] == [True, False]


def test_the_storage_is_listed_once_a_day_only(make):
    keep_house_in(UNCLAIMED_FOR * 2)
    late = store_bytes(b"text")
    assert keep_house_in(UNCLAIMED_FOR * 2.5)[1] == 0
    assert default_storage.exists(late.name)
    assert keep_house_in(UNCLAIMED_FOR * 3.1)[1] == 1
