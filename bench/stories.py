"""Tickets whose story the actions themselves tell, once each, in a time that passes as the story needs it.

What the actions wrote is read back row by row and becomes a template: a seeded ticket is the same text with its own
ids, number, customer, times, ciphertexts and tokens. So seeded rows are what actions write, column by column, whatever
columns there will be.
"""

import io
import itertools
import random
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from unittest import mock

import time_machine
from django.db import connection, models, transaction

from clocks.models import Clock
from customers.models import Customer
from servicedesk.actor import Actor
from servicedesk.carrying import carry
from servicedesk.later import sweep_once
from servicedesk.models import Booking, Event, EventPosition, Notice, User
from servicedesk.permissions import SCOPE_PERMISSIONS, permissions_of_scopes
from tickets.actions.conversing import Words, post_reply, receive_message
from tickets.actions.opening import Concern, open_ticket
from tickets.actions.routing import assign_ticket
from tickets.actions.working import close_ticket, solve_ticket
from tickets.models import Message, Priority, SearchDocument, Ticket

INTEGRATION: Final = Actor("integration", uuid.UUID(int=7), permissions_of_scopes(list(SCOPE_PERMISSIONS)))
# Numbers that no other text of a row looks like.
NUMBER: Final = 900_000_000
BODIES: Final = 3
# In the order of their foreign keys; which rows of each belong to a ticket is the story's to say.
TABLES: Final[tuple[type[models.Model], ...]] = (Ticket, Message, SearchDocument, Clock, Booking, Event)

SLOTS: Final = re.compile(
    r"(?P<cipher>\\\\x01[0-9a-f]+)"
    r"|(?P<uuid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"|(?P<time>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00(?::00)?|Z))"
    r"|(?P<number>9000000\d\d)"
    r"|(?P<tokens>'[a-p]{12}'(?: '[a-p]{12}')*)"
)


@dataclass(slots=True)
class Story:
    """A template per table (lines of COPY with %(slots)s), and what the slots mean.

    `ids` maps each slot to the id the story had there; `times` to the moment and whether it is written with a Z.
    """

    origin: datetime
    templates: dict[type[models.Model], str] = field(default_factory=dict)
    ids: dict[str, uuid.UUID] = field(default_factory=dict)
    times: dict[str, tuple[datetime, bool]] = field(default_factory=dict)
    ticket: str = ""
    messages: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


def tell_stories(customer: Customer, agent: User, origin: datetime) -> dict[str, Story]:
    """Each story told from `origin` on, read back, and taken out of the tables again."""
    tellers: dict[str, Callable[[_Teller], None]] = {
        "waiting": _waiting, "answered": _answered, "closed": _closed, "due": _due
    }  # fmt: skip
    found: dict[str, Story] = {}
    for name, tell in tellers.items():
        teller = _Teller(customer, agent, origin)
        _set_number(NUMBER + len(found))
        tell(teller)
        found[name] = _read(teller)
        _forget(teller)
    _set_number(1001)
    return found


# ------------------------------------------------------------------------------------------------- the stories


@dataclass(slots=True)
class _Teller:
    customer: Customer
    agent: User
    origin: datetime
    ticket: Ticket = field(init=False)

    @contextmanager
    def at(self, **passed: float) -> Iterator[None]:
        """So long after the beginning; what follows is carried and woken then."""
        moment = self.origin + timedelta(**passed)
        with time_machine.travel(moment, tick=False), mock.patch("uuid_utils.compat.uuid7", _uuid7):
            yield
            while carry(seconds=30) or sweep_once():
                pass

    def open(self, **facts: Any) -> None:
        """On a channel that is answered where it was asked: no acknowledgement by mail."""
        concern = Concern(subject="s", body="b", channel="chat", kind="order", **facts)
        with self.at():
            self.ticket = open_ticket(concern, shop=self.customer.shop, customer=self.customer, by=INTEGRATION)

    def say(self, **passed: float) -> None:
        with self.at(**passed):
            receive_message(self.ticket, Words("b"), by=INTEGRATION)

    def answer(self, **passed: float) -> None:
        with self.at(**passed):
            assign_ticket(self.ticket, self.agent, by=INTEGRATION)
            post_reply(self.ticket, Words("b"), by=INTEGRATION, agent=self.agent)


_counted: Final = itertools.count()


def _uuid7() -> uuid.UUID:
    """Of the story's time, rising within a millisecond: the library asks the machine itself for the time."""
    milliseconds, nth = time.time_ns() // 1_000_000, next(_counted) % 4096
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | nth << 64 | 2 << 62 | random.getrandbits(62))


def _waiting(teller: _Teller) -> None:
    """Nobody's yet: the first response and the resolution run."""
    teller.open()
    teller.say(minutes=10)
    teller.say(minutes=25)


def _answered(teller: _Teller) -> None:
    """Somebody's, and the customer waits again: the next response and the resolution run."""
    teller.open()
    teller.answer(minutes=5)
    teller.say(minutes=25)


def _closed(teller: _Teller) -> None:
    """Answered, thanked for, solved, closed."""
    teller.open()
    teller.answer(minutes=5)
    teller.say(minutes=40)
    with teller.at(minutes=50):
        solve_ticket(teller.ticket, by=INTEGRATION)
    with teller.at(days=7, minutes=50):
        close_ticket(teller.ticket, by=INTEGRATION)


def _due(teller: _Teller) -> None:
    """A first response owed within ten minutes of the beginning; warnings and the step before it are behind it."""
    teller.open(priority=Priority.URGENT)
    with teller.at(minutes=9, seconds=59):
        pass


# --------------------------------------------------------------------------------------------- reading them back


def _set_number(following: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('servicedesk_number_ticket', %s, false)", [following])


def _rows(model: type[models.Model], ticket: Ticket) -> str:
    """The condition that finds a story's rows."""
    if model is Ticket:
        return f"id = '{ticket.pk}'"
    if model in {Message, SearchDocument}:
        return f"ticket_id = '{ticket.pk}'"
    if model is Booking:
        return f"subject_id IN (SELECT id FROM clocks_clock WHERE subject_id = '{ticket.pk}')"
    return f"subject_id = '{ticket.pk}'"


def columns_of(model: type[models.Model]) -> list[str]:
    """The columns a seeded row brings along: all but keys that the database counts."""
    columns = [str(one.column) for one in model._meta.concrete_fields if not isinstance(one, models.BigAutoField)]
    return [*columns, "tokens"] if model is SearchDocument else columns


def _read(teller: _Teller) -> Story:
    story = Story(teller.origin)
    texts = {model: _copied(model, teller.ticket) for model in TABLES}
    keyed = (Ticket, Message, Clock, Event)
    own = sorted(line.split("\t", 1)[0] for model in keyed for line in texts[model].splitlines())
    story.ids = {f"id{n}": uuid.UUID(one) for n, one in enumerate(own)}
    slots = {str(one): name for name, one in story.ids.items()}
    story.ticket = slots[str(teller.ticket.pk)]
    story.messages = tuple(slots[line[:36]] for line in texts[Message].splitlines())
    story.events = tuple(slots[line[:36]] for line in texts[Event].splitlines())
    slots |= {str(teller.customer.pk): "customer", str(teller.agent.pk): "agent"}
    for model, text in texts.items():
        lines = [_template(story, slots, line, is_ticket=model is Ticket) for line in text.splitlines()]
        story.templates[model] = "".join(f"{line}\n" for line in lines)
    if len(story.messages) > BODIES:
        raise RuntimeError("a story has more messages than seeding has texts for")
    return story


def _copied(model: type[models.Model], ticket: Ticket) -> str:
    lines = io.StringIO()
    columns = ", ".join(f'"{one}"' for one in columns_of(model))
    table = model._meta.db_table
    with connection.cursor() as cursor:
        # In the order in which they were written: keys rise with time.
        cursor.copy_expert(
            f"COPY (SELECT {columns} FROM {table} WHERE {_rows(model, ticket)} ORDER BY id) TO STDOUT", lines
        )
    return lines.getvalue()


def _template(story: Story, slots: dict[str, str], line: str, *, is_ticket: bool) -> str:
    """One row's line with its slots. A ciphertext or tokens are of the message the row names, or of the subject."""
    named = [slots.get(one.group(), "") for one in SLOTS.finditer(line) if one.lastgroup == "uuid" and not is_ticket]
    text = next((f"body{story.messages.index(one)}" for one in named if one in story.messages), "subject")

    def slot(match: re.Match[str]) -> str:
        found = match.group()
        if match.lastgroup == "uuid":
            return f"%({slots[found]})s" if found in slots else found
        if match.lastgroup == "time":
            return f"%({_time_slot(story, found)})s"
        if match.lastgroup == "number":
            return "%(number)s"
        return f"%({text}_{match.lastgroup})s"

    return SLOTS.sub(slot, line.replace("%", "%%"))


def _time_slot(story: Story, found: str) -> str:
    moment = (datetime.fromisoformat(found), found.endswith("Z"))
    known = next((name for name, one in story.times.items() if one == moment), None)
    name = known or f"time{len(story.times)}"
    story.times[name] = moment
    return name


@transaction.atomic
def _forget(teller: _Teller) -> None:
    """The story's own rows, so that the tables begin empty."""
    ticket = teller.ticket
    events = Event.objects.filter(subject_id=ticket.pk).values("pk")
    Notice.objects.filter(event__in=events).delete()
    EventPosition.objects.filter(event__in=events).delete()
    with connection.cursor() as cursor:
        for model in (Booking, Clock, Event, SearchDocument):
            cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE {_rows(model, ticket)}")
    ticket.delete()
