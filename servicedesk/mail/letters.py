"""What every mail of the desk has in common: who it is from, its signed Message-ID, text and HTML."""

import base64
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formataddr
from typing import Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import get_language

from servicedesk.models.mail import OutgoingMail
from servicedesk.models.shops import Shop

_SALT: Final = "servicedesk.mail.message-id"
_MESSAGE_ID: Final = re.compile(r"<?([0-9a-f]{32})\.([a-z2-7]{16})@[^<>@\s]+>?")


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail in words. `text` is plain; the HTML beside it is made of it."""

    to: str
    subject: str
    text: str
    shop: Shop | None = None
    reply_to: str = ""
    in_reply_to: str = ""  # Message-IDs without their angle brackets
    references: Sequence[str] = ()
    automatic: str = ""  # "auto-replied" or "auto-generated"; empty: a person wrote it


def compose(mail: OutgoingMail, letter: Letter) -> EmailMultiAlternatives:
    """The message to send for this row, in the language now active."""
    address = letter.shop.sender_address if letter.shop else settings.DEFAULT_FROM_EMAIL
    name = letter.shop.name if letter.shop else ""
    headers = {"Message-ID": f"<{message_id(mail.pk, address)}>"}
    if letter.in_reply_to:
        headers["In-Reply-To"] = f"<{letter.in_reply_to}>"
    if letter.references:
        headers["References"] = " ".join(f"<{reference}>" for reference in letter.references)
    if letter.automatic:
        headers |= {"Auto-Submitted": letter.automatic, "X-Auto-Response-Suppress": "All"}
    message = EmailMultiAlternatives(
        subject=one_line(letter.subject),
        body=letter.text,
        # The envelope's sender is the plain address, where bounces come back to.
        from_email=formataddr((one_line(name), address)) if name else address,
        to=[letter.to],
        reply_to=[letter.reply_to] if letter.reply_to else None,
        headers=headers,
    )
    message.attach_alternative(as_html(letter.text, letter.shop), "text/html")
    return message


def as_html(text: str, shop: Shop | None) -> str:
    """The text with its paragraphs, escaped, links clickable, and nothing a mail program would have to fetch."""
    context = {"text": text, "shop": shop, "language": get_language() or "en"}
    return render_to_string("mail/letter.html", context)


def one_line(text: str) -> str:
    return " ".join(text.split())[:250]


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].rstrip(">") or "desk.localhost"


def message_id(mail_id: uuid.UUID, address: str) -> str:
    """The same for each try of a row, and signed: what comes back with it is about a mail that we sent."""
    return f"{mail_id.hex}.{sign(_SALT, mail_id.hex)}@{domain_of(address)}"


def read_message_id(text: str) -> uuid.UUID | None:
    """Which of our mails has this Message-ID; None for anybody else's."""
    match = _MESSAGE_ID.fullmatch(text.strip())
    if not match or not is_signed(_SALT, match[1], match[2]):
        return None
    return uuid.UUID(match[1])


def sign(salt: str, value: str, *, secret: str | bytes | None = None) -> str:
    """80 bits in letters and digits that survive mail programs, which don't keep the case of an address."""
    digest = salted_hmac(salt, value, secret=secret, algorithm="sha256").digest()
    return base64.b32encode(digest[:10]).decode("ascii").lower()


def is_signed(salt: str, value: str, signature: str) -> bool:
    """Whether `sign` made it with the present secret key or one of the former."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(constant_time_compare(sign(salt, value, secret=secret), signature.lower()) for secret in secrets)
