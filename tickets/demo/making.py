"""Plays the invented histories through the actions, each at its own time."""

import random
import struct
import uuid
import zlib
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from customers.actions import find_or_create_customer, tag_customer
from customers.models import Customer
from servicedesk.actor import SYSTEM, Actor
from servicedesk.models import User
from tickets.actions.conversing import Words, add_note, post_reply, receive_message
from tickets.actions.linking import link_tickets
from tickets.actions.merging import merge_tickets
from tickets.actions.opening import Concern, open_ticket
from tickets.actions.routing import assign_ticket
from tickets.actions.working import close_ticket, hold_ticket, snooze_ticket, solve_ticket
from tickets.attachments import Upload, keep_bytes
from tickets.demo.house import House, favour_the_best
from tickets.demo.stories import Person, Step, Story, in_order_of_time, invent_people, invent_stories
from tickets.models import Status, Ticket
from tickets.models.tickets import UNSOLVED

SEED: Final = 20261111
# At most so many attachments: each costs a file with an fsync of its own.
FILES: Final = 30


class Playing:
    """One run through all stories. `by` is the integration that brings the history over."""

    def __init__(self, house: House, by: Actor, now: datetime) -> None:
        self.house, self.by, self.now = house, by, now
        dice = random.Random(SEED)
        self.people: list[Person] = invent_people(dice)
        self.stories: list[Story] = invent_stories(dice, self.people, now)
        self.customers: dict[int, Customer] = {}
        self.tickets: dict[int, Ticket] = {}
        self.files = 0
        self.acts = {agent.pk: _bringing_history(agent) for agent in [*house.agents, house.manager]}

    def play(self) -> int:
        """Everything that happened, in the order in which it happened. Returns how many tickets there are."""
        for number, step in in_order_of_time(self.stories):
            getattr(self, f"_{step.act}")(number, self.stories[number], step)
        self._tidy_up()
        favour_the_best()
        return len(self.tickets)

    # ---------------------------------------------------------------- what can happen

    def _open(self, number: int, story: Story, step: Step) -> None:
        customer = self._customer(story.person)
        concern = Concern(
            subject=story.subject,
            body=step.text,
            channel=story.channel,
            kind=story.scene.kind,
            priority=story.priority,
            language=self.people[story.person].tongue.code,
            order_number=story.order_number,
            tags=story.tags,
            attachments=self._files(step.file),
        )
        self.tickets[number] = open_ticket(concern, shop=self.house.shop, customer=customer, by=self.by, at=step.at)

    def _answer(self, number: int, story: Story, step: Step) -> None:
        text = step.text.replace("{agent}", self._agent(story).name)
        receive_message(self.tickets[number], Words(text), by=self.by, at=step.at)

    def _reply(self, number: int, story: Story, step: Step) -> None:
        post_reply(self.tickets[number], Words(step.text), by=self._staff(story), at=step.at, then=step.then)

    def _note(self, number: int, story: Story, step: Step) -> None:
        add_note(self.tickets[number], Words(step.text), by=self._staff(story), at=step.at)

    def _hold(self, number: int, story: Story, step: Step) -> None:
        hold_ticket(self.tickets[number], by=self._staff(story), wait_for=step.waits_for, until=step.until, at=step.at)

    def _solve(self, number: int, story: Story, step: Step) -> None:
        solve_ticket(self.tickets[number], by=self._staff(story), at=step.at)

    def _close(self, number: int, story: Story, step: Step) -> None:
        close_ticket(self.tickets[number], by=SYSTEM, at=step.at)

    def _transfer(self, number: int, story: Story, step: Step) -> None:
        """The manager gives it to a colleague who speaks all the languages."""
        story.agent = (story.agent + 1) % 4
        by = self.acts[self.house.manager.pk]
        assign_ticket(self.tickets[number], self._agent(story), by=by, at=step.at, reason="workload")

    # ---------------------------------------------------------------- who and what

    def _customer(self, index: int) -> Customer:
        if index not in self.customers:
            person = self.people[index]
            customer = find_or_create_customer(
                shop=self.house.shop,
                name=person.name,
                email=person.email,
                phone=person.phone,
                language=person.tongue.code,
                source="demo",
                by=self.by,
                trusted=True,
            )
            self.customers[index] = tag_customer(customer, ["VIP"], by=SYSTEM) if person.is_vip else customer
        return self.customers[index]

    def _agent(self, story: Story) -> User:
        return self.house.agents[story.agent]

    def _staff(self, story: Story) -> Actor:
        return self.acts[self._agent(story).pk]

    def _files(self, kind: str) -> tuple[Upload, ...]:
        if not kind or self.files >= FILES:
            return ()
        self.files += 1
        if kind == "photo":
            return (keep_bytes(f"IMG_{2040 + self.files}.png", photo(self.files)),)
        return (keep_bytes(f"开票资料{self.files}.pdf", form(f"Invoice details {self.files}")),)

    def _tidy_up(self) -> None:
        """What an agent did just now: put off, linked, merged."""
        waiting = Ticket.objects.filter(status=Status.OPEN).select_related("assignee").order_by("-pk")
        for hours, ticket in enumerate(islice(waiting.iterator(), 4), start=2):
            snooze_ticket(ticket, by=self._of(ticket), until=self.now + timedelta(hours=hours))
        by_customer: dict[uuid.UUID, list[Ticket]] = defaultdict(list)
        for ticket in Ticket.objects.order_by("pk").select_related("assignee"):
            by_customer[ticket.customer_id].append(ticket)
        several = [own for own in by_customer.values() if len(own) > 1]
        for own in sorted(several, key=lambda own: own[-1].status not in UNSOLVED)[:6]:
            newest, before = own[-1], own[-2]
            if newest.status in UNSOLVED and before.status in UNSOLVED:
                merge_tickets(newest, into=before, by=self._of(before))
            else:
                link_tickets(newest, before, by=self._of(newest))

    def _of(self, ticket: Ticket) -> Actor:
        return Actor.staff(ticket.assignee or self.house.agents[0])


def _bringing_history(user: User) -> Actor:
    """The person, with leave to act in the past."""
    actor = Actor.staff(user)
    return replace(actor, permissions=actor.permissions | {"tickets.import"})


# ------------------------------------------------------------------------------------------------ files


def photo(n: int, width: int = 160, height: int = 120) -> bytes:
    """A PNG: a soft gradient with a dark tear across it."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            torn = abs(y - height // 2 - (x * (n % 5 - 2)) // 8) < 3
            rows += bytes((60, 45, 40) if torn else (200 - x // 2, 180 - y // 2, 120 + (x + n * 9) % 60))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


def form(title: str) -> bytes:
    """A PDF of one line."""
    text = f"BT /F1 18 Tf 60 760 Td ({title}) Tj ET".encode()
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 5 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>",
    )
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)
