"""A desk with history by COPY: the stories of `bench.stories`, told again for so many tickets.

Each subject and message is really encrypted for its own row under its customer's key, and really indexed. Texts come
from a vocabulary whose tokens are hashed once.
"""

import io
import random
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, models, transaction

from bench.stories import TABLES, Story, columns_of
from customers.fields import EncryptedField
from customers.keys import key_scope, load_keys
from customers.models import Customer
from customers.tokens import tokens_of
from customers.vault import encrypt
from servicedesk.clock import now
from servicedesk.models import EventPosition
from tickets.models import Message, Ticket

WORDS: Final = (
    *("包带", "断了", "收到", "快递", "什么", "时候", "发货", "退款", "换货", "质量", "颜色", "尺寸", "发票", "优惠"),
    *("strap", "broke", "order", "parcel", "late", "refund", "size", "colour", "invoice", "thanks"),
)
RARE: Final = "zirconium"
# One message in so many has the rare word; in a small desk a few have it nevertheless.
RARELY: Final = 10_000
BATCH: Final = 5_000
# Copying costs the server more than making the rows costs us.
WRITERS: Final = 2
# So that there are a million open clocks, two each, among a million tickets.
SHARE_OPEN: Final = 0.52
OPEN_SINCE: Final = timedelta(hours=6)
CLOSED_SINCE: Final = timedelta(days=120)
STORY_LASTS: Final = timedelta(days=8)

# Unique constraints before those that may refer to them.
CONSTRAINTS: Final = (
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('f', 'u') ORDER BY contype DESC, conname"
)
INDEXES: Final = (
    "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
    " WHERE indrelid = ANY(%s::regclass[]) AND NOT indisprimary ORDER BY indexrelid"
)

Copies = Iterable[tuple[Story, datetime]]


@dataclass(slots=True)
class Cast:
    """Whose tickets are seeded, and who works them."""

    customers: list[Customer]
    agents: list[str]


class Seeder:
    """Writes copies of stories into the database in use, batch by batch, the next being made while some are written."""

    def __init__(self, cast: Cast, *, rare_share: float) -> None:
        self._cast = cast
        self._rng = random.Random(20261122)
        self._rare_share = rare_share
        self._vocabulary = {word: tuple(tokens_of(word)) for word in [*WORDS, RARE]}
        self._subject, self._body = (
            _encrypted(model, column).place for model, column in ((Ticket, "subject"), (Message, "body"))
        )

    def write(self, copies: Copies) -> int:
        """Returns how many tickets it wrote."""
        number, position = _last(Ticket, "number_value") or 1_000, _last(EventPosition, "position")
        first = number
        with key_scope(), ThreadPoolExecutor(WRITERS) as writers:
            load_keys(customer.key_id for customer in self._cast.customers)
            written: deque[Future[None]] = deque()
            for batch in _batches(copies):
                lines = {model: io.StringIO() for model in (*TABLES, EventPosition)}
                for story, start in batch:
                    number += 1
                    position = self._tell(story, start, number, position, lines)
                if len(written) == WRITERS:
                    written.popleft().result()
                written.append(writers.submit(_copy, lines))
            for one in written:
                one.result()
        with connection.cursor() as cursor:
            cursor.execute("SELECT setval('servicedesk_number_ticket', %s)", [number])
        return number - first

    def _tell(
        self, story: Story, start: datetime, number: int, position: int, lines: dict[type[models.Model], io.StringIO]
    ) -> int:
        """One ticket's rows. Returns the position of its last event."""
        passed = start - story.origin
        customer = self._rng.choice(self._cast.customers)
        ids = self._ids(story, passed)
        values = {slot: str(one) for slot, one in ids.items()}
        values |= {"number": str(number), "customer": str(customer.pk), "agent": self._rng.choice(self._cast.agents)}
        for slot, (moment, with_z) in story.times.items():
            text = (moment + passed).isoformat()
            values[slot] = text.replace("+00:00", "Z") if with_z else text
        self._say(values, "subject", self._subject, ids[story.ticket], customer)
        for n, slot in enumerate(story.messages):
            self._say(values, f"body{n}", self._body, ids[slot], customer)
        for model, template in story.templates.items():
            lines[model].write(template % values)
        for slot in story.events:
            position += 1
            lines[EventPosition].write(f"{position}\t{values[slot]}\n")
        return position

    def _say(self, values: dict[str, str], name: str, place: Any, row_id: uuid.UUID, customer: Customer) -> None:
        """A text of eight words for one row: its ciphertext and its tokens."""
        words = self._rng.choices(WORDS, k=8)
        if self._rng.random() < self._rare_share:
            words.append(RARE)
        cipher = encrypt(" ".join(words).encode(), place, row_id, customer.key_id)
        values[f"{name}_cipher"] = r"\\x" + cipher.hex()
        values[f"{name}_tokens"] = " ".join({token for word in words for token in self._vocabulary[word]})

    def _ids(self, story: Story, passed: timedelta) -> dict[str, uuid.UUID]:
        """UUIDv7 of the times the originals have, so much later, and in their order within a millisecond."""
        later = round(passed.total_seconds() * 1000)
        chance = self._rng.getrandbits(61)
        return {
            slot: uuid.UUID(int=(one.int >> 80) + later << 80 | 7 << 76 | n << 64 | 2 << 62 | chance)
            for n, (slot, one) in enumerate(story.ids.items())
        }


def history(stories: dict[str, Story], tickets: int) -> Iterator[tuple[Story, datetime]]:
    """So many tickets in the order of their beginnings: the closed ones first, then the open ones of the last hours."""
    moment, still_open = now(), round(tickets * SHARE_OPEN)
    closed = tickets - still_open
    for n in range(closed):
        yield stories["closed"], moment - STORY_LASTS - CLOSED_SINCE * (1 - n / closed)
    for n in range(still_open):
        began = moment - timedelta(hours=1) - OPEN_SINCE * (1 - n / still_open)
        yield stories["waiting" if n % 2 else "answered"], began


def falling_due(story: Story, moments: Iterable[datetime]) -> Iterator[tuple[Story, datetime]]:
    """Tickets whose first response is due at these moments."""
    for moment in moments:
        yield story, moment - timedelta(minutes=10)


@contextmanager
def without_indexes() -> Iterator[None]:
    """Within it, the seeded tables have neither secondary indexes nor constraints that look elsewhere.

    Made again at the end, over all rows at once: a quarter of the time, and the same tables.
    """
    tables = [model._meta.db_table for model in (*TABLES, EventPosition)]
    with connection.cursor() as cursor:
        cursor.execute(CONSTRAINTS, [tables])
        constraints = cursor.fetchall()
        for table, name, _definition in constraints:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(INDEXES, [tables])
        indexes = cursor.fetchall()
        for name, _definition in indexes:
            cursor.execute(f"DROP INDEX {name}")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for _name, definition in indexes:
            cursor.execute(definition)
        for table, name, definition in constraints:
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
        cursor.execute("RESET maintenance_work_mem")


def settle_tables() -> None:
    """As autovacuum leaves them sooner or later: without it the planner guesses, and the first reads write."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("CHECKPOINT")


def rare_share(tickets: int) -> float:
    """Which share of texts has the rare word: one in RARELY, and a few in a small desk."""
    return max(1 / RARELY, 5 / (tickets * 4))


def _encrypted(model: type[models.Model], column: str) -> EncryptedField:
    found = model._meta.get_field(column)
    assert isinstance(found, EncryptedField)
    return found


def _last(model: type[models.Model], column: str) -> int:
    return model._default_manager.order_by(f"-{column}").values_list(column, flat=True).first() or 0


def _batches(copies: Copies) -> Iterator[list[tuple[Story, datetime]]]:
    batch: list[tuple[Story, datetime]] = []
    for one in copies:
        batch.append(one)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _copy(lines: dict[type[models.Model], io.StringIO]) -> None:
    """One batch, on this thread's own connection."""
    with transaction.atomic(), connection.cursor() as cursor:
        for model, text in lines.items():
            text.seek(0)
            columns = ", ".join(f'"{one}"' for one in columns_of(model))
            cursor.copy_expert(f"COPY {model._meta.db_table} ({columns}) FROM STDIN", text)
    connection.close()
