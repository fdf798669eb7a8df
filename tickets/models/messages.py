"""Messages of a conversation and what is attached to them."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.fields import EncryptedBytes, EncryptedText
from customers.models import Customer
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.rows import Row, RowQuerySet
from tickets.models.tickets import Channel, Ticket


class Author(models.TextChoices):
    CUSTOMER = "customer", _("Customer")
    AGENT = "agent", _("Agent")
    BOT = "bot", _("Bot")


class Visibility(models.TextChoices):
    PUBLIC = "public", _("Public")
    INTERNAL = "internal", _("Internal note")


class Delivery(models.TextChoices):
    """How far a message got on its way out. What came in, notes, and replies read on a page are `done`."""

    DRAFTED = "drafted", _("Waiting for release")
    WAITING = "waiting", _("Leaves in a moment")
    SCHEDULED = "scheduled", _("Scheduled")
    QUEUED = "queued", _("Queued")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    BOUNCED = "bounced", _("Bounced")
    DONE = "done", _("Done")


# Written and not yet gone: a customer does not see these, and they stop no clock.
HELD_BACK = (Delivery.DRAFTED, Delivery.WAITING, Delivery.SCHEDULED)


class MessageQuerySet(RowQuerySet["Message"]):
    def visible_to(self, actor: Actor) -> Self:
        """A customer sees what is public and has left; staff and integrations see all of a ticket they see."""
        if actor.type != "customer":
            return self
        return self.filter(visibility=Visibility.PUBLIC).exclude(delivery__in=HELD_BACK)

    def in_conversation(self, ticket: Ticket) -> Self:
        """The messages of a ticket and of those merged into it, oldest first."""
        # The "or" is about tickets: one about messages has no index, and reads all there are.
        tickets = Ticket.objects.filter(Q(pk=ticket.pk) | Q(merged_into=ticket))
        return self.filter(ticket__in=tickets).order_by("sent_at", "id")


class Message(Row):
    """One message. Its text is encrypted with the key of the customer whose ticket it is."""

    subject_type: ClassVar[str] = "message"
    Author, Visibility, Delivery = Author, Visibility, Delivery

    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="messages")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+")
    author = models.CharField(_("written by"), max_length=8, choices=Author)
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    integration_id = models.UUIDField(null=True, editable=False)
    visibility = models.CharField(_("visibility"), max_length=8, choices=Visibility, default=Visibility.PUBLIC)
    channel = models.CharField(_("channel"), max_length=8, choices=Channel)
    body = EncryptedText(owner="customer", verbose_name=_("text"))
    sent_at = models.DateTimeField(_("time"))
    created_at = models.DateTimeField(default=now)
    delivery = models.CharField(_("delivery"), max_length=9, choices=Delivery, default=Delivery.DONE)
    leaves_at = models.DateTimeField(null=True)
    # What is to be done to the ticket as this reply leaves: "", "solve", or "hold" (waiting for the customer).
    then = models.CharField(max_length=8, blank=True)
    failure = models.CharField(max_length=80, blank=True)

    objects: ClassVar[MessageQuerySet] = MessageQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes: ClassVar = [models.Index(fields=["ticket", "sent_at", "id"], name="tickets_message_order")]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_public(self) -> bool:
        return self.visibility == Visibility.PUBLIC

    @property
    def is_held_back(self) -> bool:
        return self.delivery in HELD_BACK

    @property
    def is_response(self) -> bool:
        """Whether this counts as an answer: public, by a person of the staff, and gone."""
        return self.is_public and self.author == Author.AGENT and not self.is_held_back


class Attachment(Row):
    """A file of a message: encrypted in storage, its name and content under the customer's key.

    Made without a message when it is uploaded ahead; one that nobody claims is swept away.
    """

    subject_type: ClassVar[str] = "attachment"

    message = models.ForeignKey(Message, models.CASCADE, null=True, related_name="attachments")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+")
    name = EncryptedText(owner="customer", verbose_name=_("file name"))
    content_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField(_("bytes"))
    path = models.CharField(max_length=200, editable=False)
    # The file's own random key; like the name it opens under the customer's key only.
    file_key = EncryptedBytes(owner="customer")
    is_inline = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        indexes: ClassVar = [models.Index(fields=["path"], name="attachments_by_path")]

    def __str__(self) -> str:
        return str(self.pk)
