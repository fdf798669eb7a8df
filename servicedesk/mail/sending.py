"""The sender: takes due mails one at a time, sends each over one SMTP connection, and writes down at once how it went.

A mail is claimed in a transaction of its own and finished in another. If the process dies between SMTP's "250" and the
second commit, the mail is sent again with the same Message-ID: nobody can know whether the first one arrived.
"""

import smtplib
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage
from django.db import transaction

from servicedesk.clock import now
from servicedesk.failures import describe, pause_after
from servicedesk.housekeeping import housekeeper
from servicedesk.mail.outgoing import TEMPLATES, is_configured, tell
from servicedesk.models.mail import MailState, OutgoingMail

log = structlog.get_logger(__name__)

# Longer than an exchange with a slow server, so that two senders never have the same mail; and as long as a mail waits
# whose sender was killed. A large mail takes more.
LEASE: Final = timedelta(seconds=60)
LARGE_BYTES: Final = 1_000_000
SLOW_BYTES_PER_SECOND: Final = 50_000
GIVE_UP_AFTER: Final = timedelta(days=3)
KEPT: Final = timedelta(days=400)
RUN_SECONDS: Final = 20.0
SENDERS: Final = 2
_senders: Final = threading.BoundedSemaphore(SENDERS)
_asked: Final = threading.Event()
_server: Final = {"is_up": True}


@dataclass(frozen=True, slots=True)
class Result:
    """How one try ended. `is_line_down`: the connection, not this mail, is in trouble."""

    state: str
    error: str = ""
    is_line_down: bool = False


def send_due(*, seconds: float = RUN_SECONDS) -> int:
    """Send what is due for at most about this long. Returns how many were handed over.

    At most SENDERS at once in a process: a slow mail server must not take the threads that everything else needs.
    """
    _asked.set()
    if not _senders.acquire(blocking=False):
        return 0  # whoever is sending sees the flag and looks once more
    until, sent = time.monotonic() + seconds, 0
    try:
        while _asked.is_set() and time.monotonic() < until:
            _asked.clear()
            sent += _send_until(until)
    finally:
        _senders.release()
    return sent


def _send_until(until: float) -> int:
    give_up_old()
    if not is_configured():
        return 0
    sent = 0
    connection: BaseEmailBackend | None = None
    try:
        while time.monotonic() < until and OutgoingMail.objects.due(now()).exists():
            if connection is None:
                connection = open_connection()
            if connection is None or (mail := claim()) is None:
                break
            result = attempt(connection, mail)
            finish(mail, result)
            sent += result.state == MailState.SENT
            if result.is_line_down:
                hang_up(connection)
                connection = None
    finally:
        if connection is not None:
            hang_up(connection)
    return sent


def open_connection() -> BaseEmailBackend | None:
    """None while the server is away or refuses us: mails stay as they are, and no try is counted against them."""
    connection = get_connection()
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as error:
        _note_server(is_up=False, error=_code(error))
        return None
    _note_server(is_up=True)
    return connection


def _note_server(*, is_up: bool, error: str = "") -> None:
    """One line as it goes and one as it comes back, not one every few seconds."""
    if is_up != _server["is_up"]:
        _server["is_up"] = is_up
        (log.info if is_up else log.warning)("mail.server_back" if is_up else "mail.server_away", error=error)


def hang_up(connection: BaseEmailBackend) -> None:
    with suppress(OSError, smtplib.SMTPException):  # it may be gone already; there is nothing left to say on it
        connection.close()


def claim() -> OutgoingMail | None:
    """The next due mail, held for LEASE."""
    with transaction.atomic():
        moment = now()
        mail = OutgoingMail.objects.due(moment).order_by("next_try_at", "id").locking(skip_locked=True).first()
        if mail is None:
            return None
        mail.state, mail.next_try_at = MailState.SENDING, moment + LEASE
        mail.attempts += 1
        mail.save(update_fields=["state", "attempts", "next_try_at"])
    return mail


def free_claims() -> int:
    """What a killed process was sending is due at once. Only for who knows that no other process sends."""
    return OutgoingMail.objects.filter(state=MailState.SENDING, next_try_at__gt=now()).update(next_try_at=now())


def attempt(connection: BaseEmailBackend, mail: OutgoingMail) -> Result:
    """Have it written, and hand it to the server."""
    try:
        message = TEMPLATES[mail.template].build(mail)
    except Exception as error:
        log.exception("mail.not_written", mail=str(mail.pk), template=mail.template, error=describe(error))
        return Result(MailState.QUEUED, f"not_written:{type(error).__name__}"[:40])
    if message is None:
        return Result(MailState.CANCELLED, "nothing_to_send")
    mail.message_id = str(message.extra_headers.get("Message-ID", "")).strip("<>")[:200]
    _hold_longer_if_large(mail, message)
    return hand_over(connection, message)


def _hold_longer_if_large(mail: OutgoingMail, message: EmailMessage) -> None:
    size = sum(len(attachment[1] or b"") for attachment in message.attachments if isinstance(attachment, tuple))
    if size > LARGE_BYTES:
        until = now() + LEASE + timedelta(seconds=size * 1.37 / SLOW_BYTES_PER_SECOND)
        OutgoingMail.objects.filter(pk=mail.pk, attempts=mail.attempts).update(next_try_at=until)


def hand_over(connection: BaseEmailBackend, message: EmailMessage) -> Result:
    try:
        connection.send_messages([message])
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _text in error.recipients.values()]
        return _refused(max(codes, default=0), error)
    except smtplib.SMTPAuthenticationError as error:
        return Result(MailState.QUEUED, _code(error), is_line_down=True)
    except smtplib.SMTPResponseException as error:
        return _refused(error.smtp_code, error)
    except (OSError, ssl.SSLError, smtplib.SMTPException) as error:
        return Result(MailState.QUEUED, _code(error), is_line_down=True)
    except (ValueError, UnicodeError) as error:  # an address or a header that cannot be put on the wire
        return Result(MailState.FAILED, f"unsendable:{type(error).__name__}"[:40])
    return Result(MailState.SENT)


def _refused(code: int, error: smtplib.SMTPException) -> Result:
    """5xx is for good; 4xx, and 421 which also ends the connection, passes."""
    state = MailState.FAILED if 500 <= code < 600 else MailState.QUEUED
    return Result(state, _code(error), is_line_down=code == 421)


def finish(mail: OutgoingMail, result: Result) -> None:
    """Write down how it went, at once. A mail whose lease somebody else took over meanwhile is left to them."""
    state, moment = result.state, now()
    pause = pause_after(mail.attempts)
    if state == MailState.QUEUED and (pause is None or moment - mail.created_at > GIVE_UP_AFTER):
        state = MailState.FAILED
    with transaction.atomic():
        mine = OutgoingMail.objects.filter(pk=mail.pk, state=MailState.SENDING, attempts=mail.attempts)
        mail.state, mail.error = state, result.error
        mail.sent_at = moment if state == MailState.SENT else None
        mail.next_try_at = moment + pause if state == MailState.QUEUED and pause else moment
        kept = {name: getattr(mail, name) for name in ("state", "error", "sent_at", "next_try_at", "message_id")}
        if mine.update(**kept) and state != MailState.QUEUED:
            tell(mail)
    log.info("mail.tried", mail=str(mail.pk), template=mail.template, state=str(state), error=result.error)


def give_up_old() -> int:
    """Mails that could not leave for days, for want of a server too: nobody wants last week's all at once."""
    rows = OutgoingMail.objects.due(now()).filter(created_at__lt=now() - GIVE_UP_AFTER)
    if not rows.exists():
        return 0
    with transaction.atomic():
        old = list(rows.locking(skip_locked=True)[:500])
        for mail in old:
            mail.state, mail.error = MailState.FAILED, mail.error or "too_old"
            mail.save(update_fields=["state", "error"])
            tell(mail)
    return len(old)


@housekeeper
def forget_old_mail() -> int:
    """Rows of mails that went well long ago: nobody's answer refers to them any more."""
    old = OutgoingMail.objects.filter(
        state__in=[MailState.SENT, MailState.CANCELLED], next_try_at__lt=now() - KEPT
    ).values_list("pk", flat=True)
    return OutgoingMail.objects.filter(pk__in=list(old[:1000])).delete()[0]


def _code(error: Exception) -> str:
    """A code or the kind of error; what a server says in words can repeat an address."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"smtp_{max((code for code, _text in error.recipients.values()), default=0)}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"smtp_{error.smtp_code}"
    return type(error).__name__[:40]
