"""The mails that tickets send: the acknowledgement, a reply, a word to the staff. Written as they leave."""

import re
from datetime import timedelta
from typing import Final

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import override

from customers.fields import Erased
from customers.files import open_decrypted
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.errors import NotFound
from servicedesk.events import record
from servicedesk.languages import desk_language
from servicedesk.mail.letters import Letter, compose
from servicedesk.mail.outgoing import mail_template
from servicedesk.models import Event, OutgoingMail, User
from servicedesk.models.mail import MailState
from tickets.channels.mail.keeping import original_of
from tickets.channels.mail.threading import reply_address, thread_id
from tickets.following import follow_url
from tickets.models import Author, Delivery, InboundMail, Message, Metric, Ticket

log = structlog.get_logger(__name__)

# Many servers refuse more than 25 MB, and base64 adds a third.
ATTACHED_BYTES: Final = 15 * 1_048_576
# A step's key ends with its offset from the deadline, in seconds: "notify_manager-60".
_BEFORE_DUE: Final = re.compile(r"-[\d.]+$")
ACKNOWLEDGED_PER_HOUR: Final = 5
# Anybody may write any name and any address into the form: nobody is to be greeted with an advertiser's link.
_ADDRESS: Final = re.compile(r"[/@:]|\w\.\w")


def note_delivery(mail: OutgoingMail) -> None:
    """How a reply's mail fared becomes how the message fared; a failure is told, for somebody to see to."""
    states = {
        MailState.SENT: Delivery.SENT,
        MailState.FAILED: Delivery.FAILED,
        MailState.BOUNCED: Delivery.BOUNCED,
        MailState.CANCELLED: Delivery.DONE,
    }
    delivery = states[MailState(mail.state)]
    message = Message.objects.select_related("ticket").filter(pk=mail.context["message"]).first()
    if message is None:
        return
    Message.objects.filter(pk=message.pk).update(delivery=delivery, failure=mail.error if delivery != "done" else "")
    if delivery in {Delivery.FAILED, Delivery.BOUNCED}:
        changes = {"message": str(message.pk), "code": mail.error}
        record(f"message.{delivery}", message.ticket, by=SYSTEM, changes=changes)


@mail_template("ticket.reply", told=note_delivery)
def write_reply(mail: OutgoingMail) -> EmailMessage | None:
    """What an agent answered, with its files, as the next mail of the conversation."""
    rows = Message.objects.select_related("ticket__shop", "ticket__customer", "customer")
    message = rows.filter(pk=mail.context["message"]).first()
    if message is None or message.is_held_back or isinstance(message.body, Erased):
        return None
    automatic = "auto-generated" if message.author == Author.BOT else ""
    letter = _to_customer(mail, message.ticket, "mail/reply.txt", automatic, {"body": message.body})
    if letter is not None:
        _attach_files(letter, message)
    return letter


@mail_template("ticket.acknowledged")
def write_acknowledgement(mail: OutgoingMail) -> EmailMessage | None:
    """That the concern has arrived, under which number, and where to follow it."""
    ticket = Ticket.objects.select_related("shop", "customer").filter(pk=mail.context["ticket"]).first()
    if ticket is None or _hears_enough(ticket):
        return None
    return _to_customer(mail, ticket, "mail/acknowledgement.txt", "auto-replied", {})


def _hears_enough(ticket: Ticket) -> bool:
    """A machine that doesn't say it is one would answer each acknowledgement with a new question, for ever."""
    at = ticket.acknowledged_at or now()
    before = Ticket.objects.filter(customer=ticket.customer_id, acknowledged_at__range=(at - timedelta(hours=1), at))
    return before.exclude(pk=ticket.pk).count() >= ACKNOWLEDGED_PER_HOUR


def _still_sees(user: User, ticket: Ticket) -> bool:
    """Whether it is still theirs to read of: it, or they, may have changed team since they were notified."""
    return Ticket.objects.visible_to(Actor.staff(user)).filter(pk=ticket.pk).exists()


@mail_template("ticket.escalated")
def write_escalation(mail: OutgoingMail) -> EmailMessage | None:
    """One line and a link; nothing of the customer's leaves the desk."""
    user = User.objects.filter(pk=mail.recipient_id, is_active=True).first()
    ticket = Ticket.objects.select_related("shop").filter(pk=mail.context["ticket"]).first()
    event = Event.objects.filter(pk=mail.context["event"]).first()
    if user is None or ticket is None or event is None or not _still_sees(user, ticket):
        return None
    with override(desk_language(user.language, ticket.shop.default_language)):
        line = _escalation_line(event)
        link = f"{settings.SITE_URL}/desk/tickets/{ticket.number}/"
        text = render_to_string("mail/escalation.txt", {"ticket": ticket, "line": line, "link": link})
        letter = Letter(
            to=user.email,
            subject=f"[{ticket.number}] {line}",
            text=text.strip(),
            shop=ticket.shop,
            references=[thread_id(ticket)],
            automatic="auto-generated",
        )
        return compose(mail, letter)


def _escalation_line(event: Event) -> str:
    code = event.changes.get("metric", "")
    metric = Metric(code).label if code in Metric.values else code
    if _BEFORE_DUE.search(str(event.changes.get("step", ""))):
        return _("%(metric)s is at risk") % {"metric": metric}
    return _("%(metric)s is overdue") % {"metric": metric}


# ------------------------------------------------------------------------------------------------ to a customer


def _to_customer(
    mail: OutgoingMail, ticket: Ticket, template: str, automatic: str, words: dict[str, str]
) -> EmailMultiAlternatives | None:
    """In the customer's language, as a part of the thread in their mailbox. None where no address is known any more."""
    customer = ticket.customer
    to, subject = customer.email, ticket.subject
    if not to or isinstance(to, Erased) or isinstance(subject, Erased):
        return None
    latest = _latest_message_id(ticket)
    with override(desk_language(ticket.language, customer.language, ticket.shop.default_language)):
        name = "" if _ADDRESS.search(str(customer.name)) else customer.name
        context = {**words, "ticket": ticket, "shop": ticket.shop, "name": name, "link": follow_url(ticket)}
        letter = Letter(
            to=to,
            subject=_subject(ticket, subject, is_answer=bool(latest)),
            text=render_to_string(template, context).strip(),
            shop=ticket.shop,
            reply_to=reply_address(ticket, ticket.shop.sender_address),
            in_reply_to=latest,
            references=[reference for reference in (thread_id(ticket), latest) if reference],
            automatic=automatic,
        )
        return compose(mail, letter)


def _subject(ticket: Ticket, subject: str, *, is_answer: bool) -> str:
    """The customer's own, so that their program keeps the thread together, and the number once."""
    number = f"[{ticket.number}]"
    numbered = subject if number in subject else f"{subject} {number}"
    return f"Re: {numbered}" if is_answer and not numbered.lower().startswith("re:") else numbered


def _latest_message_id(ticket: Ticket) -> str:
    """Of the newest mail that the customer sent into this ticket; "" where none came by mail."""
    newest = InboundMail.objects.filter(ticket=ticket, message__isnull=False).order_by("-id").only("message").first()
    if newest is None or newest.message is None:
        return ""
    try:
        return original_of(newest.message).message_id
    except NotFound:
        return ""


def _attach_files(letter: EmailMultiAlternatives, message: Message) -> None:
    """As long as they fit; what doesn't is seen by the link in the text."""
    left = ATTACHED_BYTES
    for row in message.attachments.select_related("customer"):
        if row.size > left or isinstance(row.file_key, Erased):
            log.info("mail.attachment_left_out", attachment=str(row.pk), size=row.size)
            continue
        left -= row.size
        with open_decrypted(row.path, row.file_key) as content:
            letter.attach(row.name, content.read(), row.content_type)
