"""The digest by mail: booked with the first notice, once a period, and nothing where nothing is unread."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail as django_mail

from servicedesk.actor import SYSTEM, Actor
from servicedesk.events import record
from servicedesk.later import sweep_once
from servicedesk.mail.sending import send_due
from servicedesk.models import Booking, Notice, OutgoingMail, Shift, User
from servicedesk.notices.actions import read_all_notices
from servicedesk.notices.choosing import choose_channels
from servicedesk.notices.digests import DIGEST, key_of
from servicedesk.notices.periods import next_hour, next_shift
from servicedesk.notices.telling import notify
from tests.make import Make
from tickets.models import Ticket

KIND = "message.received"
SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 11, 23, 2, 20, tzinfo=UTC)  # a Monday, 10:20 in Shanghai


@pytest.fixture
def ticket(make: Make, dana: Any) -> Ticket:
    return make.ticket(customer=dana, subject="Secret subject", body="Secret body")


def want(user: User, period: str, **ways: Any) -> None:
    choose_channels({KIND: {"digest": period, **ways}}, by=Actor.staff(user))


def tell(user: User, ticket: Ticket, at: datetime = AT) -> None:
    with time_machine.travel(at, tick=False):
        notify([user], KIND, record(KIND, ticket, by=SYSTEM))


def mails(at: datetime) -> list[Any]:
    """What leaves at this moment."""
    with time_machine.travel(at, tick=False):
        while sweep_once():
            pass
        send_due()
    outbox = [one for one in django_mail.outbox if "/desk/notices/" in str(one.body)]
    django_mail.outbox.clear()
    return outbox


# ------------------------------------------------------------------------------------------------ when


@pytest.mark.parametrize(
    ("zone", "due"),
    [("Asia/Shanghai", "03:00"), ("Asia/Kolkata", "02:30"), ("Europe/Berlin", "03:00")],
)
def test_the_next_full_hour_is_the_persons_own(zone: str, due: str) -> None:
    assert next_hour(AT, ZoneInfo(zone)).strftime("%H:%M") == due
    assert next_hour(AT.replace(minute=0), SHANGHAI) == AT.replace(minute=0) + timedelta(hours=1)


def local(day: int, hour: int) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("starts", "due"),
    [
        ([], local(24, 9)),  # nobody keeps a roster
        ([local(24, 8), local(25, 8)], local(24, 8)),
        ([local(23, 13)], local(23, 13)),  # today's shift is still to come
        ([local(23, 8), local(23, 14), local(24, 8)], local(24, 8)),  # today's second shift begins no new day
        ([local(23, 8), local(27, 8)], local(27, 8)),  # days off
    ],
)
def test_the_daily_one_comes_as_the_shift_begins(starts: list[datetime], due: datetime) -> None:
    assert next_shift(AT, SHANGHAI, starts) == due
    assert next_shift(AT, SHANGHAI, reversed(starts)) == due


def test_before_nine_the_morning_is_todays() -> None:
    assert next_shift(local(23, 7), SHANGHAI, []) == local(23, 9)


def test_it_is_booked_for_the_persons_own_shift(make: Make, alice: User, ticket: Ticket) -> None:
    alice.time_zone = "America/New_York"
    alice.save()
    start = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
    Shift.objects.create(user=alice, starts_at=start, ends_at=start + timedelta(hours=8))
    want(alice, "daily")
    tell(alice, ticket)
    assert Booking.objects.get(kind=DIGEST).at == start


# ------------------------------------------------------------------------------------------------ what


def test_what_is_unread_comes_in_one_mail_and_never_again(make: Make, alice: User, ticket: Ticket) -> None:
    want(alice, "hourly")
    for minutes in range(3):
        tell(alice, ticket, AT + timedelta(minutes=minutes))
    assert Booking.objects.filter(kind=DIGEST).count() == 1
    assert mails(AT + timedelta(minutes=39)) == []
    [letter] = mails(AT + timedelta(minutes=40))
    assert letter.to == [alice.email]
    assert letter.subject == "3 unread notifications"
    assert letter.body.count("The customer answered") == 3
    assert letter.body.count(ticket.number) == 3
    assert f"/desk/notices/{Notice.objects.first().pk}/" in letter.body
    assert letter.extra_headers["Auto-Submitted"] == "auto-generated"
    whole = letter.message().as_string().lower()
    assert "secret" not in whole
    assert "dana" not in whole
    assert mails(AT + timedelta(minutes=100)) == []
    tell(alice, ticket, AT + timedelta(minutes=101))
    [letter] = mails(AT + timedelta(minutes=160))
    assert letter.subject == "1 unread notification"


def test_who_has_read_them_gets_no_mail(make: Make, alice: User, ticket: Ticket) -> None:
    want(alice, "hourly")
    tell(alice, ticket)
    read_all_notices(by=Actor.staff(alice))
    assert mails(AT + timedelta(hours=1)) == []
    assert not OutgoingMail.objects.filter(template="notices.digest").exists()


def test_what_is_read_while_the_mail_waits_is_left_out(make: Make, alice: User, ticket: Ticket) -> None:
    want(alice, "hourly")
    tell(alice, ticket)
    with time_machine.travel(AT + timedelta(hours=1), tick=False):
        sweep_once()
        read_all_notices(by=Actor.staff(alice))
    assert mails(AT + timedelta(hours=1)) == []
    assert OutgoingMail.objects.get(template="notices.digest").state == "cancelled"


def test_nobody_gets_two_in_one_period(make: Make, alice: User, ticket: Ticket) -> None:
    """What is committed while the digest is being made waits for the next one; it is not lost."""
    want(alice, "hourly")
    tell(alice, ticket)
    due = AT + timedelta(minutes=40)
    assert len(mails(due)) == 1
    tell(alice, ticket, due - timedelta(seconds=1))
    assert Booking.objects.get(kind=DIGEST).key == key_of("hourly", due)
    assert mails(due) == []
    assert Booking.objects.get(kind=DIGEST).at == due + timedelta(hours=1)
    assert len(mails(due + timedelta(hours=1))) == 1


def test_a_late_sweep_sends_what_was_booked(make: Make, alice: User, ticket: Ticket) -> None:
    """The desk stood still over the hour: the booking is a row, and is still there."""
    want(alice, "hourly")
    tell(alice, ticket)
    tell(alice, ticket, AT + timedelta(hours=3))
    assert [letter.subject for letter in mails(AT + timedelta(hours=5))] == ["2 unread notifications"]


@pytest.mark.parametrize(("language", "words"), [("zh-hans", "客户已回复"), ("zh-hant", "客戶已回覆")])
def test_it_speaks_the_persons_language_and_keeps_their_time(
    make: Make, alice: User, ticket: Ticket, language: str, words: str
) -> None:
    alice.language, alice.time_zone = language, "Asia/Tokyo"
    alice.save()
    want(alice, "hourly")
    tell(alice, ticket)
    [letter] = mails(AT + timedelta(hours=1))
    assert words in letter.body
    assert "11:20" in letter.body


def test_what_is_mailed_only_is_not_on_the_bell_and_mailed_once(make: Make, alice: User, ticket: Ticket) -> None:
    want(alice, "hourly", desk=False)
    tell(alice, ticket)
    assert Notice.objects.visible_to(Actor.staff(alice)).on_desk().count() == 0
    assert len(mails(AT + timedelta(hours=1))) == 1
    assert Notice.objects.get().read_at is not None


def test_who_wants_no_more_mail_gets_none(make: Make, alice: User, ticket: Ticket) -> None:
    want(alice, "hourly")
    tell(alice, ticket)
    want(alice, "off")
    assert mails(AT + timedelta(hours=1)) == []


def test_what_one_may_no_longer_see_is_not_mailed(make: Make, alice: User, charlie: User, ticket: Ticket) -> None:
    want(alice, "hourly")
    tell(alice, ticket)
    ticket.team = charlie.team
    ticket.save(update_fields=["team"])
    assert mails(AT + timedelta(hours=1)) == []


def test_yesterdays_is_not_sent_when_a_mail_server_comes_at_last(make: Make, alice: User, ticket: Ticket) -> None:
    want(alice, "hourly")
    tell(alice, ticket)
    with time_machine.travel(AT + timedelta(hours=1), tick=False):
        sweep_once()
    assert mails(AT + timedelta(hours=26)) == []


def test_where_no_mail_can_leave_none_piles_up(make: Make, alice: User, ticket: Ticket, settings: Any) -> None:
    backend, settings.EMAIL_URL = settings.EMAIL_BACKEND, ""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    want(alice, "hourly")
    tell(alice, ticket)
    with time_machine.travel(AT + timedelta(hours=1), tick=False):
        sweep_once()
    assert not OutgoingMail.objects.filter(template="notices.digest").exists()
    settings.EMAIL_BACKEND = backend
    tell(alice, ticket, AT + timedelta(hours=30))
    assert [letter.subject for letter in mails(AT + timedelta(hours=31))] == ["2 unread notifications"]


def test_a_long_list_ends(make: Make, alice: User, ticket: Ticket) -> None:
    want(alice, "hourly")
    for _ in range(52):
        tell(alice, ticket)
    [letter] = mails(AT + timedelta(hours=1))
    assert letter.subject == "50+ unread notifications"
    assert letter.body.count(ticket.number) == 50
    assert "There are more" in letter.body
