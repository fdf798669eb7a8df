"""What is said: customers' messages, replies, notes; replies that wait a moment before they leave."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from clocks.actions import start_clocks
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid, NotAllowed
from servicedesk.events import record
from servicedesk.later import book, drop
from servicedesk.models import User
from tickets.actions.answering import hand_over, responses_gone, stop_for_answer
from tickets.actions.drafts import forget_draft, put_back
from tickets.actions.mentioning import mention, tell_mentions
from tickets.actions.opening import Concern, open_ticket
from tickets.actions.turns import Turn, begin
from tickets.actions.waiting import back_to_work, back_to_work_after_solving, put_on_hold, settle_concern
from tickets.attachments import Upload, attach
from tickets.models import Attachment, Author, Channel, Delivery, Message, Metric, Status, Ticket, Visibility
from tickets.policies import plans_for
from tickets.search import Indexed, index_documents

UNDO: Final = timedelta(seconds=10)
REOPENS_WITHIN: Final = timedelta(days=7)
LEAVES: Final = "message.leaves"


@dataclass(frozen=True, slots=True)
class Words:
    """A text to be said, with what is attached to it and who of the staff is mentioned in it.

    `is_draft`: it is the sender's draft, which is gone with it.
    """

    body: str
    attachments: Sequence[Upload | Attachment] = ()
    channel: str = ""
    is_draft: bool = False
    mentions: Sequence[uuid.UUID] = ()


def conversation_of(ticket: Ticket) -> Ticket:
    """Where new messages go: a merged ticket's conversation goes on in its target."""
    while ticket.merged_into_id is not None and ticket.merged_into is not None:
        ticket = ticket.merged_into
    return ticket


@transaction.atomic
def receive_message(ticket: Ticket, words: Words, *, by: Actor, at: datetime | None = None) -> Message:
    """Take in what the customer says.

    It brings a waiting ticket back to work, reopens one that was solved within 7 days, and starts a linked follow-up
    of one that was solved longer ago or is closed: the message is then the follow-up's first.
    """
    turn = begin(conversation_of(ticket), may=_may_speak_as_customer(by), by=by, at=at)
    if turn.ticket.merged_into is not None:
        # Merged between our reading and our lock.
        return receive_message(turn.ticket.merged_into, words, by=by, at=at)
    if _is_over(turn):
        return _follow_up(turn, words, by, at)
    message = _write(turn, words, author=Author.CUSTOMER, channel=words.channel or turn.ticket.channel)
    turn.tell("message.received", message=str(message.pk), visibility=message.visibility, channel=message.channel)
    fields = ["last_message", "waiting_since", "status", "solved_at", "snoozed_until", "assignee", "queued_at"]
    turn.ticket.snoozed_until = None
    if turn.ticket.status == Status.SOLVED:
        back_to_work_after_solving(turn, reason="answered")
    elif turn.ticket.status in {Status.PENDING, Status.ON_HOLD}:
        back_to_work(turn, reason="answered")
    _customer_waits(turn, turn.at)
    _tell_overtaken(turn, message)
    turn.end("", *fields)
    return message


def _tell_overtaken(turn: Turn, message: Message) -> None:
    """Replies that were scheduled before the customer wrote this: whoever wrote them is to look at them again."""
    if turn.historic:
        return
    scheduled = Message.objects.filter(ticket=turn.ticket, delivery=Delivery.SCHEDULED)
    for one in scheduled.only("author_user_id"):
        agent = str(one.author_user_id) if one.author_user_id else None
        turn.tell("message.overtaken", message=str(one.pk), agent=agent, overtaken_by=str(message.pk))


def _may_speak_as_customer(by: Actor) -> str:
    return "tickets.answer" if by.type == "customer" else "tickets.open"


def _is_over(turn: Turn) -> bool:
    """Whether an answer comes too late for this ticket: a new one, linked, begins."""
    if turn.ticket.status == Status.CLOSED:
        return True
    solved_at = turn.ticket.solved_at
    return turn.ticket.status == Status.SOLVED and solved_at is not None and turn.at > solved_at + REOPENS_WITHIN


def _follow_up(turn: Turn, words: Words, by: Actor, at: datetime | None) -> Message:
    old = turn.ticket
    turn.end("")
    concern = Concern(
        subject=old.subject,
        body=words.body,
        channel=words.channel or old.channel,
        kind=old.kind,
        language=old.language,
        order_number=old.order_number,
        team=old.team,
        attachments=tuple(words.attachments),
    )
    opener = SYSTEM if by.type == "customer" and not by.may("tickets.open") else by
    ticket = open_ticket(concern, shop=old.shop, customer=old.customer, by=opener, at=at, follows=old)
    changes = {"follow_up": str(ticket.pk), "follow_up_number": ticket.number}
    record("ticket.followed_up", old, by=opener, at=turn.at, changes=changes, historic=turn.historic)
    return ticket.messages.get()


def _customer_waits(turn: Turn, since: datetime) -> None:
    """The customer waits for an answer from now on, unless they waited already: one clock per wait."""
    ticket = turn.ticket
    if ticket.waiting_since is None:
        ticket.waiting_since = since
    if ticket.first_responded_at is None and turn.clock(Metric.FIRST_RESPONSE) is not None:
        return
    if turn.clock(Metric.NEXT_RESPONSE) is None:
        turn.clocks += start_clocks(
            ticket, plans_for(ticket.policy, Metric.NEXT_RESPONSE), at=since, by=turn.by, historic=turn.historic
        )


@transaction.atomic
def post_reply(
    ticket: Ticket,
    words: Words,
    *,
    by: Actor,
    at: datetime | None = None,
    agent: User | None = None,
    author: str = Author.AGENT,
    leaves_at: datetime | None = None,
    then: str = "",
) -> Message:
    """Answer the customer.

    From the desk it waits 10 s, in which it can be taken back; by REST it leaves at once; a trainee's waits for a
    mentor's release; with `leaves_at` it waits until then. `then` is what becomes of the ticket as it leaves: "",
    "solve" or "hold". An integration asserts with `agent` which person wrote it; by default the assignee.
    """
    turn = begin(ticket, may="tickets.reply", by=by, at=at)
    if turn.ticket.merged_into_id is not None:
        raise Conflict(_("This ticket was merged. Answer in the ticket it was merged into."), code="merged")
    if turn.ticket.status == Status.CLOSED:
        raise Conflict(_("This ticket is closed. Open a new one to write to this customer."), code="closed")
    if leaves_at is not None and leaves_at <= turn.at:
        raise Invalid.field("leaves_at", "in_the_past", _("Choose a moment that still lies ahead."))
    message = _write(turn, words, author=author, channel=words.channel or turn.ticket.channel)
    message.author_user = _person(turn, agent, author)
    message.then = then
    _let_wait(message, turn, leaves_at)
    message.save(update_fields=["author_user", "then", "delivery", "leaves_at"])
    if message.is_held_back:
        turn.tell("message.held_back", message=str(message.pk), delivery=message.delivery)
        turn.end("", "last_message")
    else:
        if words.mentions:
            tell_mentions(message, turn)
        _leave(turn, message, at=turn.at)
    return message


def _person(turn: Turn, agent: User | None, author: str) -> User | None:
    """Who wrote it: the member of staff at the desk, or whom the integration names."""
    if author != Author.AGENT:
        return None
    if turn.by.is_staff and turn.by.id is not None:
        assignee = turn.ticket.assignee
        is_theirs = assignee is not None and assignee.pk == turn.by.id
        return assignee if is_theirs else User.objects.filter(pk=turn.by.id).first()
    return agent or turn.ticket.assignee


def _let_wait(message: Message, turn: Turn, leaves_at: datetime | None) -> None:
    """Whether and until when the reply waits before it leaves."""
    if turn.historic:
        return
    # Who pressed the button, whoever the message says it is by: a trainee's "bot" would not wait otherwise.
    if (
        turn.by.is_staff
        and turn.by.id is not None
        and User.objects.filter(pk=turn.by.id, role=User.Role.TRAINEE).exists()
    ):
        message.delivery = Delivery.DRAFTED
    elif leaves_at is not None:
        message.delivery, message.leaves_at = Delivery.SCHEDULED, leaves_at
    elif turn.by.is_staff:
        message.delivery, message.leaves_at = Delivery.WAITING, turn.at + UNDO
    if message.leaves_at is not None:
        book(LEAVES, message.pk, at=message.leaves_at)


@transaction.atomic
def add_note(ticket: Ticket, words: Words, *, by: Actor, at: datetime | None = None) -> Message:
    """Write something only the staff sees. It answers nobody and stops no clock."""
    turn = begin(ticket, may="tickets.note", by=by, at=at)
    message = _write(turn, words, author=Author.AGENT, visibility=Visibility.INTERNAL, channel=Channel.API)
    if by.is_staff:
        message.author_user_id = by.id
        message.channel = turn.ticket.channel
        message.save(update_fields=["author_user", "channel"])
    if words.mentions:
        tell_mentions(message, turn)
    turn.end("note.added", "last_message", message=str(message.pk))
    return message


@transaction.atomic
def undo_reply(message: Message, *, by: Actor) -> Message:
    """Take a reply back while it has not left. Returns it, deleted; its text is its author's draft again.

    Raises Conflict when it has gone already: two presses, or a press too late.
    """
    turn = begin(message.ticket, may="tickets.reply", by=by)
    held = Message.objects.lock(message.pk)
    if not held.is_held_back:
        raise Conflict(_("It has left already. Write another message to set it right."), code="already_left")
    if by.is_staff and held.author_user_id != by.id and not by.may("tickets.release"):
        raise NotAllowed(_("Only who wrote it takes it back."))
    drop(LEAVES, held.pk)
    turn.ticket.last_message = (
        Message.objects.filter(ticket=turn.ticket).exclude(pk=held.pk).order_by("-sent_at", "-id").first()
    )
    held.ticket = turn.ticket
    put_back(held)
    pk = held.pk
    held.delete()
    held.pk = pk
    waits_since = turn.ticket.waiting_since
    if held.delivery == Delivery.WAITING and hand_over(turn, held.sent_at) and waits_since is not None:
        # Asked after the answer that decided, while the clock of the wait before it was still open.
        _customer_waits(turn, waits_since)
    turn.end("message.taken_back", "last_message", message=str(held.pk))
    return held


@transaction.atomic
def release_reply(message: Message, *, by: Actor) -> Message:
    """Let a trainee's reply go. It counts as an answer from now on, not from when it was written."""
    turn = begin(message.ticket, may="tickets.release", by=by)
    held = Message.objects.select_related("author_user").lock(message.pk)
    if held.delivery != Delivery.DRAFTED:
        raise Conflict(_("It isn't waiting for release."), code="not_waiting")
    held.ticket, held.sent_at = turn.ticket, turn.at
    held.save(update_fields=["sent_at"])
    tell_mentions(held, turn)
    _leave(turn, held, at=turn.at)
    return held


@transaction.atomic
def send_now(message: Message, *, by: Actor) -> Message:
    """Let a scheduled reply go before its time; the clocks stop now. Conflict for one that is scheduled no more."""
    turn = begin(message.ticket, may="tickets.reply", by=by)
    held = Message.objects.select_related("author_user").lock(message.pk)
    if held.delivery != Delivery.SCHEDULED:
        raise Conflict(_("It isn't scheduled any more."), code="not_scheduled")
    if by.is_staff and held.author_user_id != by.id and not by.may("tickets.release"):
        raise NotAllowed(_("Only who wrote it sends it before its time."))
    drop(LEAVES, held.pk)
    held.ticket, held.sent_at = turn.ticket, turn.at
    held.save(update_fields=["sent_at"])
    tell_mentions(held, turn)
    _leave(turn, held, at=turn.at)
    return held


@transaction.atomic
def leave_when_due(message_id: uuid.UUID) -> None:
    """Let a reply go whose waiting time is over. One that was taken back, or has left, is passed over."""
    waiting = Message.objects.filter(pk=message_id, delivery__in=[Delivery.WAITING, Delivery.SCHEDULED]).first()
    if waiting is None:
        return
    turn = begin(waiting.ticket, may="tickets.reply", by=SYSTEM)
    message = Message.objects.select_related("author_user").lock(message_id)
    if message.delivery not in {Delivery.WAITING, Delivery.SCHEDULED}:
        return
    author = message.author_user
    turn.by = Actor.staff(author) if author is not None else SYSTEM
    message.ticket = turn.ticket
    if message.delivery == Delivery.SCHEDULED:
        message.sent_at = turn.at
        message.save(update_fields=["sent_at"])
    tell_mentions(message, turn)
    _leave(turn, message, at=message.sent_at)


def _leave(turn: Turn, message: Message, *, at: datetime) -> None:
    """The reply goes out: the clocks stop as of `at`, the ticket moves on, and it is told.

    `at` is the press of the button, which may lie some seconds before the turn: what the customer wrote in between
    stays unanswered, and waits from its own time on.
    """
    ticket = turn.ticket
    message.delivery, message.leaves_at = Delivery.QUEUED, None
    if turn.historic or not _goes_by_mail(message):
        message.delivery = Delivery.DONE
    message.save(update_fields=["delivery", "leaves_at"])
    fields = ["last_message", "status", "first_responded_at", "waiting_since", "assignee", "queued_at", "snoozed_until"]
    if ticket.last_message_id is None:
        ticket.last_message = message
    if message.is_response:
        _answered(turn, at)
    if turn.by.is_staff and ticket.assignee_id is None and message.author_user is not None:
        ticket.assignee, ticket.queued_at = message.author_user, None
        turn.tell("ticket.assigned", assignee=str(message.author_user.pk), previous=None, how="answered")
    if ticket.status == Status.NEW and message.author == Author.AGENT:
        ticket.move_to(Status.OPEN)
    turn.tell(
        "message.sent",
        message=str(message.pk),
        author=message.author,
        agent=str(message.author_user_id) if message.author_user_id else None,
        channel=message.channel,
    )
    _then(turn, message.then)
    turn.end("", *fields, "solved_at")


def _goes_by_mail(message: Message) -> bool:
    """Whether there is an address to send it to; on other channels it is read where it was asked."""
    return message.channel in {Channel.EMAIL, Channel.WEB, Channel.API} and bool(message.customer.email)


def _answered(turn: Turn, at: datetime) -> None:
    """A person of the staff answered in public as of `at`."""
    ticket = turn.ticket
    if ticket.first_responded_at is None or at < ticket.first_responded_at:
        # Earlier than the one that is there: a reply that had to wait while another, pressed later, left at once.
        ticket.first_responded_at = at
    stop_for_answer(turn, at)
    answered_up_to = _last_answer_at(turn, at)
    asked = Message.objects.filter(ticket=ticket, author=Author.CUSTOMER, visibility=Visibility.PUBLIC)
    later = asked.filter(sent_at__gt=answered_up_to).order_by("sent_at").values_list("sent_at", flat=True).first()
    ticket.waiting_since = later
    if later is not None:
        _customer_waits(turn, later)


def _last_answer_at(turn: Turn, at: datetime) -> datetime:
    """When the latest answer was given: another may have left while the one of `at` was in its undo time."""
    if at == turn.at:
        return at
    last = responses_gone(turn).order_by("-sent_at").values_list("sent_at", flat=True).first()
    return at if last is None else max(at, last)


def _then(turn: Turn, then: str) -> None:
    """What was booked with the reply as a whole."""
    if then == "solve" and turn.ticket.can_move_to(Status.SOLVED):
        settle_concern(turn)
    elif then == "hold" and turn.ticket.can_move_to(Status.PENDING):
        put_on_hold(turn, Status.PENDING, until=None)


def _write(turn: Turn, words: Words, *, author: str, channel: str, visibility: str = Visibility.PUBLIC) -> Message:
    """The row, its attachments, and what makes it findable."""
    message = Message(
        ticket=turn.ticket,
        customer=turn.ticket.customer,
        author=author,
        integration_id=turn.by.id if turn.by.type == "integration" else None,
        visibility=visibility,
        channel=channel,
        body=words.body,
        sent_at=turn.at,
        created_at=now(),
    )
    message.save(force_insert=True)
    attach(words.attachments, message, by=turn.by)
    mention(words.mentions if author != Author.CUSTOMER else (), message, turn)
    index_documents([Indexed(turn.ticket.pk, message.pk, turn.ticket.customer_id, words.body)])
    turn.ticket.last_message = message
    if words.is_draft and turn.by.is_staff:
        forget_draft(turn.ticket, turn.by.id)
    return message
