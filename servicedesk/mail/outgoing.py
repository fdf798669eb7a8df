"""Mail that leaves: written as a row with the change that causes it, sent after the commit, once.

    send_later("ticket.reply", Recipient("customer", customer.pk), key=f"message:{message.pk}", context={…})

    @mail_template("ticket.reply", told=note_delivery)
    def reply(mail: OutgoingMail) -> EmailMessage | None: ...

The row holds ids and codes only. Its template is asked for the words at the moment of sending, reads the present, and
answers None when there is nothing to send any more: the mail is then cancelled.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict
from servicedesk.models.mail import MailState, OutgoingMail
from servicedesk.nudges import nudge

Build = Callable[[OutgoingMail], EmailMessage | None]
Told = Callable[[OutgoingMail], None]


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a mail is for: "customer" or "staff", and which. The address is looked up as it is sent."""

    type: str
    id: uuid.UUID


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """Who writes a kind of mail, and who is told, in the same transaction, how its delivery went."""

    build: Build
    told: Told | None


TEMPLATES: Final[dict[str, MailTemplate]] = {}


def mail_template(name: str, *, told: Told | None = None) -> Callable[[Build], Build]:
    """Register who writes this kind of mail. `told(mail)` is called as its state becomes sent, failed, bounced or
    cancelled, within the transaction that says so. Both are loaded with the app's `reactions`."""

    def register(build: Build) -> Build:
        TEMPLATES[name] = MailTemplate(build, told)
        return build

    return register


def send_later(
    template: str,
    recipient: Recipient,
    *,
    key: str,
    context: Mapping[str, str | int] | None = None,
    shop_id: uuid.UUID | None = None,
) -> None:
    """Write the mail down within the caller's transaction; it leaves after the commit.

    The same key twice is one mail: the first row stays as it is. `context` holds ids and codes only.
    """
    if template not in TEMPLATES:
        raise LookupError(f"no template writes mails of the kind {template}")
    mail = OutgoingMail(
        key=key,
        template=template,
        recipient_type=recipient.type,
        recipient_id=recipient.id,
        context=dict(context or {}),
        shop_id=shop_id,
    )
    OutgoingMail.objects.bulk_create([mail], ignore_conflicts=True)
    nudge("mail")


def cancel(key: str) -> bool:
    """Take a mail back that has not left. False when it has, or is leaving now."""
    return bool(OutgoingMail.objects.filter(key=key, state=MailState.QUEUED).update(state=MailState.CANCELLED))


@transaction.atomic
def send_again(mail: OutgoingMail, *, by: Actor) -> OutgoingMail:
    """Queue a mail anew that failed or bounced, with the same Message-ID."""
    by.must("operations.retry")
    locked = OutgoingMail.objects.lock(mail.pk)
    if locked.state not in {MailState.FAILED, MailState.BOUNCED}:
        raise Conflict(_("Only a mail that failed or bounced can be sent again."), code="not_failed")
    locked.state, locked.attempts, locked.error, locked.next_try_at = MailState.QUEUED, 0, "", now()
    locked.created_at = locked.next_try_at
    locked.save(update_fields=["state", "attempts", "error", "next_try_at", "created_at"])
    nudge("mail")
    return locked


@transaction.atomic
def note_bounce(mail_id: uuid.UUID, code: str) -> OutgoingMail | None:
    """A server reported that this mail was not delivered. None when it had not been sent, or bounced before."""
    mail = OutgoingMail.objects.locking().filter(pk=mail_id, state=MailState.SENT).first()
    if mail is None:
        return None
    mail.state, mail.error = MailState.BOUNCED, code[:40]
    mail.save(update_fields=["state", "error"])
    tell(mail)
    return mail


def tell(mail: OutgoingMail) -> None:
    """Let the template's owner know the state just written, in the same transaction."""
    template = TEMPLATES.get(mail.template)
    if template is not None and template.told is not None:
        template.told(mail)


@dataclass(frozen=True, slots=True)
class MailStatus:
    """How outgoing mail is doing, for the operations page."""

    is_configured: bool
    waiting: int
    failed: int
    oldest_waiting_seconds: float


def mail_status() -> MailStatus:
    waiting = OutgoingMail.objects.filter(state__in=[MailState.QUEUED, MailState.SENDING])
    oldest = waiting.order_by("created_at").values_list("created_at", flat=True).first()
    return MailStatus(
        is_configured=is_configured(),
        waiting=waiting.count(),
        failed=OutgoingMail.objects.filter(state__in=[MailState.FAILED, MailState.BOUNCED]).count(),
        oldest_waiting_seconds=(now() - oldest).total_seconds() if oldest else 0.0,
    )


def is_configured() -> bool:
    """Whether mail can leave at all. Without EMAIL_URL it waits: writing it to disk would leave plain text there."""
    return bool(settings.EMAIL_URL) or not settings.EMAIL_BACKEND.endswith("smtp.EmailBackend")
