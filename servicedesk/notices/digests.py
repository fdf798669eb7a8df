"""The digest: what somebody has not read, in one mail an hour or a day. Booked with the first notice it will hold."""

import uuid
import zoneinfo
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext, override

from servicedesk.actor import Actor
from servicedesk.clock import now as present
from servicedesk.languages import desk_language
from servicedesk.later import Booked, book_many, when
from servicedesk.mail.letters import Letter, compose
from servicedesk.mail.outgoing import Recipient, is_configured, mail_template, send_later
from servicedesk.models import Booking, Digest, Notice, OutgoingMail, Shift, User
from servicedesk.notices.periods import beginning_of_day, next_hour, next_shift

DIGEST: Final = "notices.digest"
TEMPLATE: Final = "notices.digest"
ROSTER_AHEAD: Final = timedelta(days=31)
# Longer than any transaction that writes notices.
NEARLY: Final = timedelta(minutes=1)
LISTED: Final = 50
# Where no mail server was set at the time, it must not leave days later.
WORTH_SENDING_FOR: Final = timedelta(hours=24)
ZONES: Final = zoneinfo.available_timezones()


def book_digests(wanted: Collection[tuple[User, str]], at: datetime) -> None:
    """See to it that each of these people gets their digest of this period; one that is booked stays as it is."""
    people = {(user.pk, period): user for user, period in wanted if period != Digest.OFF}
    if not people:
        return
    # One that is nearly due may be claimed before what it is to hold is committed: that one is booked again.
    ahead = Booking.objects.filter(kind=DIGEST, subject_id__in={pk for pk, _period in people}, try_at__gt=at + NEARLY)
    for user_id, key in ahead.values_list("subject_id", "key"):
        people.pop((user_id, period_of(key)), None)
    starts = _starts([user for (_pk, period), user in people.items() if period == Digest.DAILY], at)
    due = [(user, period, _due(user, period, at, starts[user.pk])) for (_pk, period), user in people.items()]
    if due:
        book_many(Booked(DIGEST, user.pk, when_due, key_of(period, when_due)) for user, period, when_due in due)


def key_of(period: str, at: datetime) -> str:
    """One booking, and one mail, for each period of a person."""
    return f"{period}:{at.astimezone(UTC).isoformat()}"


def period_of(key: str) -> str:
    return key.partition(":")[0]


def _due(user: User, period: str, at: datetime, starts: Sequence[datetime]) -> datetime:
    zone = zone_of(user)
    return next_hour(at, zone) if period == Digest.HOURLY else next_shift(at, zone, starts)


def _starts(users: Sequence[User], at: datetime) -> dict[uuid.UUID, list[datetime]]:
    """When their shifts begin, from today's first on."""
    found: dict[uuid.UUID, list[datetime]] = defaultdict(list)
    if users:
        since = min(beginning_of_day(at, zone_of(user)) for user in users)
        rows = Shift.objects.filter(user__in=users, starts_at__gte=since, starts_at__lt=at + ROSTER_AHEAD)
        for user_id, start in rows.values_list("user_id", "starts_at"):
            found[user_id].append(start)
    return found


def zone_of(user: User) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(user.time_zone if user.time_zone in ZONES else settings.TIME_ZONE)


@when(DIGEST)
def send_digests(bookings: Sequence[Booking], now: datetime) -> None:
    """A mail to each of them who has something unread; each notice goes into one, and nobody gets two in a period.

    Where no mail can leave none is written: what is unread waits for the next digest after a server was set.
    """
    if not is_configured():
        return
    by_key: dict[str, set[uuid.UUID]] = defaultdict(set)
    for booking in bookings:
        by_key[booking.key].add(booking.subject_id)
    for key, user_ids in by_key.items():
        mails = {mail_key(user_id, key): user_id for user_id in user_ids}
        sent = {mails[one] for one in OutgoingMail.objects.filter(key__in=mails).values_list("key", flat=True)}
        _send(key, user_ids - sent, now)
        book_digests([(user, period_of(key)) for user in User.objects.filter(pk__in=sent)], now)


def _send(key: str, user_ids: Collection[uuid.UUID], now: datetime) -> None:
    rows = Notice.objects.unread().filter(user__in=user_ids, digest=period_of(key), digested_at=None)
    some = set(rows.values_list("user_id", flat=True).distinct())
    if not some:
        return
    rows.filter(user__in=some).update(digested_at=now)
    for user_id in some:
        context = {"period": period_of(key), "at": now.isoformat()}
        send_later(TEMPLATE, Recipient("staff", user_id), key=mail_key(user_id, key), context=context)
    # Nobody can read on the bell what is not there: once mailed it has done its work.
    Notice.objects.filter(user__in=some, digested_at=now, desk=False).update(read_at=now)


def mail_key(user_id: uuid.UUID, key: str) -> str:
    return f"digest:{user_id}:{key}"


@mail_template(TEMPLATE)
def write_digest(mail: OutgoingMail) -> EmailMessage | None:
    """What is still unread as it leaves: when, which ticket, what happened, and a link. Nobody is named."""
    user = User.objects.filter(pk=mail.recipient_id, is_active=True).first()
    if user is None or present() - mail.created_at > WORTH_SENDING_FOR:
        return None
    at = datetime.fromisoformat(mail.context["at"])
    rows = Notice.objects.visible_to(Actor.staff(user)).filter(digest=mail.context["period"], digested_at=at)
    rows = rows.filter(Q(read_at=None) | Q(desk=False)).select_related("event").order_by("-id")
    notices = list(rows[: LISTED + 1])
    if not notices:
        return None
    with override(desk_language(user.language)), timezone.override(zone_of(user)):
        return compose(mail, _letter(user, notices[:LISTED], has_more=len(notices) > LISTED))


def _letter(user: User, notices: Sequence[Notice], *, has_more: bool) -> Letter:
    count = len(notices)
    context = {
        "lines": [(notice, _link("notices:open", pk=notice.pk)) for notice in notices],
        "has_more": has_more,
        "all": _link("notices:list"),
        "settings": _link("notices:settings"),
    }
    subject = ngettext("%(n)s unread notification", "%(n)s unread notifications", count)
    return Letter(
        to=user.email,
        subject=subject % {"n": f"{count}+" if has_more else count},
        text=render_to_string("mail/digest.txt", context).strip(),
        automatic="auto-generated",
    )


def _link(name: str, **kwargs: object) -> str:
    return f"{settings.SITE_URL}{reverse(name, kwargs=kwargs)}"
