"""Where the tokens are kept, and how each database is asked for the newest documents that hold them all.

PostgreSQL: a tsvector without positions beside each document. Two ways, because the planner picks the wrong one: walk
the newest documents by key, which is at once done with a frequent word, and where that finds too few, the GIN index in
a materialised CTE, which is at once done with a rare one. A third where a filter leaves few tickets: their documents.

SQLite: an FTS5 table whose rowid is the document's; it keeps its lists in the order of rowids and reads them backward.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from django.db import connection

# How far back the first way goes; and after how many documents it is seen whether it will find enough that way.
# Measured on 600,000 documents: 0.6 ms for the glance, 8 ms for the whole walk; the index 0.2 ms for a word that is in
# 6 of them, 1.2 ms for 1,200, 14 ms for 11,000 and 340 ms for 330,000.
WALK: Final = 20_000
GLANCE: Final = 2_000
FROM_INDEX: Final = 500
# So many visible tickets are few enough to look through all their documents.
FEW: Final = 1_000
NEWEST: Final = 2**63 - 1

TABLE: Final = "tickets_searchdocument"
# A merged ticket's messages are found as its target's. `hit` is the document at hand.
ROOT: Final = (
    "COALESCE((SELECT source.merged_into_id FROM tickets_ticket source WHERE source.id = hit.ticket_id), hit.ticket_id)"
)

# Some tickets and those merged into them.
SIBLINGS: Final = (
    "SELECT id FROM tickets_ticket WHERE id = ANY(%s::uuid[])"
    " UNION ALL SELECT id FROM tickets_ticket WHERE merged_into_id = ANY(%s::uuid[])"
)


@dataclass(frozen=True, slots=True)
class Document:
    """What is to be written of one text. `id` is given only where the index is built anew."""

    ticket_id: uuid.UUID
    message_id: uuid.UUID | None
    customer_id: uuid.UUID
    tokens: Sequence[str]
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that holds all tokens; `root` is the ticket it is shown as."""

    id: int
    ticket_id: uuid.UUID
    message_id: uuid.UUID | None
    root: uuid.UUID


@dataclass(frozen=True, slots=True)
class Condition:
    """Which documents may be shown: SQL about the one at hand, called `hit`, and SQL for up to FEW + 1 tickets."""

    sql: str
    params: tuple[Any, ...]
    tickets: str
    tickets_params: tuple[Any, ...]


class Store(Protocol):
    def write(self, documents: Sequence[Document]) -> None: ...
    def replace(self, document: Document) -> None: ...
    def hits(self, tokens: Sequence[str], condition: Condition, before: int, first: int) -> Iterator[Hit]: ...
    def roots_among(self, roots: Collection[uuid.UUID], tokens: Sequence[str], since: int) -> set[uuid.UUID]:
        """Those of these tickets that a document with all tokens leads to, whose key is not below `since`."""
        ...

    def reserve(self, count: int) -> int:
        """Set keys aside, and return the first: what is written meanwhile stands after them."""
        ...

    def scrub(self) -> None:
        """Take what was deleted out of the files."""
        ...


class PostgreSQL:
    """See the module's docstring."""

    def write(self, documents: Sequence[Document]) -> None:
        """One statement."""
        if not documents:
            return
        given = documents[0].id is not None
        columns = "ticket_id, message_id, customer_id, tokens" + (", id" if given else "")
        row = "(%s, %s, %s, array_to_tsvector(%s::text[])" + (", %s)" if given else ")")
        params: list[Any] = []
        for one in documents:
            params += [one.ticket_id, one.message_id, one.customer_id, _array(one.tokens)]
            if given:
                params.append(one.id)
        rows = ", ".join([row] * len(documents))
        # Where the index is built anew, what was written meanwhile is newer.
        ending = " ON CONFLICT DO NOTHING" if given else ""
        with connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {TABLE} ({columns}) VALUES {rows}{ending}", params)

    def replace(self, document: Document) -> None:
        where, params = _place(document)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {TABLE} SET tokens = array_to_tsvector(%s::text[]) WHERE {where}",
                [_array(document.tokens), *params],
            )
            found = cursor.rowcount
        if not found:
            self.write([document])

    def hits(self, tokens: Sequence[str], condition: Condition, before: int, first: int) -> Iterator[Hit]:
        """The newest first, as many as are asked for: see the module's docstring for the two ways."""
        wanted = " & ".join(tokens)
        for window, enough in ((GLANCE, first * GLANCE // WALK), (WALK, first)):
            while True:
                rows = self._walk(wanted, condition, before, window, first)
                yield from rows
                before = rows[-1].id if rows else before
                if len(rows) < first:
                    break
            if window == GLANCE and (tickets := self._few(condition)) is not None:
                yield from self._of_tickets(wanted, tickets, before)
                return
            if len(rows) < enough:
                break
        while True:
            rows = self._look_up(wanted, condition, before)
            yield from rows
            if len(rows) < FROM_INDEX:
                return
            before = rows[-1].id

    def _few(self, condition: Condition) -> list[uuid.UUID] | None:
        """The visible tickets, if they are few."""
        with connection.cursor() as cursor:
            cursor.execute(condition.tickets, condition.tickets_params)
            found = [as_uuid(row[0]) for row in cursor.fetchall()]
        return found if len(found) <= FEW else None

    def _of_tickets(self, wanted: str, tickets: Sequence[uuid.UUID], before: int) -> list[Hit]:
        """All that match of the documents of these tickets, and of those merged into them."""
        return _read(
            f"SELECT hit.id, hit.ticket_id, hit.message_id, {ROOT} FROM {TABLE} hit WHERE hit.ticket_id IN ({SIBLINGS})"
            " AND hit.id < %s AND hit.tokens @@ %s::tsquery ORDER BY hit.id DESC",
            [list(tickets), list(tickets), before, wanted],
        )

    def _walk(self, wanted: str, condition: Condition, before: int, window: int, limit: int) -> list[Hit]:
        return _read(
            f"SELECT hit.id, hit.ticket_id, hit.message_id, {ROOT} FROM ("
            f" SELECT id, ticket_id, message_id, tokens FROM {TABLE} WHERE id < %s ORDER BY id DESC LIMIT {window}"
            f") AS hit WHERE hit.tokens @@ %s::tsquery AND {condition.sql} ORDER BY hit.id DESC LIMIT {limit}",
            [before, wanted, *condition.params],
        )

    def _look_up(self, wanted: str, condition: Condition, before: int) -> list[Hit]:
        return _read(
            f"WITH matching AS MATERIALIZED (SELECT id, ticket_id, message_id FROM {TABLE} WHERE tokens @@ %s::tsquery)"
            f" SELECT hit.id, hit.ticket_id, hit.message_id, {ROOT} FROM ("
            " SELECT id, ticket_id, message_id FROM matching WHERE id < %s ORDER BY id DESC OFFSET 0"
            f") AS hit WHERE {condition.sql} ORDER BY hit.id DESC LIMIT {FROM_INDEX}",
            [wanted, before, *condition.params],
        )

    def roots_among(self, roots: Collection[uuid.UUID], tokens: Sequence[str], since: int) -> set[uuid.UUID]:
        rows = _read(
            f"SELECT hit.id, hit.ticket_id, hit.message_id, {ROOT} FROM {TABLE} hit"
            f" WHERE hit.ticket_id IN ({SIBLINGS}) AND hit.id >= %s AND hit.tokens @@ %s::tsquery",
            [list(roots), list(roots), since, " & ".join(tokens)],
        )
        return {row.root for row in rows}

    def reserve(self, count: int) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [TABLE])
            sequence = cursor.fetchone()[0]
            cursor.execute("SELECT nextval(%s)", [sequence])
            first = int(cursor.fetchone()[0])
            cursor.execute("SELECT setval(%s, %s)", [sequence, first + count])
        return first

    def scrub(self) -> None:
        """Nothing to do: what is deleted is gone with the next vacuum."""


class SQLite:
    """See the module's docstring. A trigger takes the tokens away with their document."""

    def write(self, documents: Sequence[Document]) -> None:
        columns = "ticket_id, message_id, customer_id, id"
        with connection.cursor() as cursor:
            for one in documents:
                message = None if one.message_id is None else one.message_id.hex
                cursor.execute(
                    f"INSERT OR IGNORE INTO {TABLE} ({columns}) VALUES (%s, %s, %s, %s)",
                    [one.ticket_id.hex, message, one.customer_id.hex, one.id],
                )
                if cursor.rowcount:
                    self._put(cursor, cursor.lastrowid, one.tokens)

    def replace(self, document: Document) -> None:
        where, params = _place(document)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id FROM {TABLE} WHERE {where}", params)
            found = cursor.fetchone()
            if found:
                self._put(cursor, found[0], document.tokens)
        if not found:
            self.write([document])

    @staticmethod
    def _put(cursor: Any, rowid: int, tokens: Sequence[str]) -> None:
        cursor.execute(
            "INSERT OR REPLACE INTO tickets_search (rowid, tokens) VALUES (%s, %s)", [rowid, " ".join(sorted(tokens))]
        )

    def hits(self, tokens: Sequence[str], condition: Condition, before: int, first: int) -> Iterator[Hit]:
        wanted = " AND ".join(tokens)
        while True:
            # CROSS JOIN keeps the order of the tables: the documents are looked up as the index names them.
            rows = _read(
                f"SELECT hit.id, hit.ticket_id, hit.message_id, {ROOT}"
                f" FROM tickets_search CROSS JOIN {TABLE} hit ON hit.id = tickets_search.rowid"
                " WHERE tickets_search MATCH %s AND tickets_search.rowid < %s"
                f" AND {condition.sql} ORDER BY tickets_search.rowid DESC LIMIT {first}",
                [wanted, before, *condition.params],
            )
            yield from rows
            if len(rows) < first:
                return
            before = rows[-1].id

    def roots_among(self, roots: Collection[uuid.UUID], tokens: Sequence[str], since: int) -> set[uuid.UUID]:
        marks = ", ".join(["%s"] * len(roots))
        keys = [one.hex for one in roots]
        siblings = (
            f"SELECT id FROM tickets_ticket WHERE id IN ({marks})"
            f" UNION ALL SELECT id FROM tickets_ticket WHERE merged_into_id IN ({marks})"
        )
        rows = _read(
            f"SELECT hit.id, hit.ticket_id, hit.message_id, {ROOT} FROM {TABLE} hit CROSS JOIN tickets_search"
            f" ON tickets_search.rowid = hit.id WHERE hit.ticket_id IN ({siblings})"
            " AND hit.id >= %s AND tickets_search MATCH %s",
            [*keys, *keys, since, " AND ".join(tokens)],
        )
        return {row.root for row in rows}

    def reserve(self, count: int) -> int:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) SELECT %s, 0 WHERE NOT EXISTS"
                           " (SELECT 1 FROM sqlite_sequence WHERE name = %s)", [TABLE, TABLE])  # fmt: skip
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [TABLE])
            first = int(cursor.fetchone()[0]) + 1
            cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = %s", [first + count, TABLE])
        return first

    def scrub(self) -> None:
        """FTS5 marks what is deleted; merging all its segments is what takes it out of the file."""
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO tickets_search (tickets_search) VALUES ('optimize')")


def store() -> Store:
    """The store of the database in use."""
    return PostgreSQL() if connection.vendor == "postgresql" else SQLite()


def _read(sql: str, params: Iterable[Any]) -> list[Hit]:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(params))
        return [
            Hit(row[0], as_uuid(row[1]), None if row[2] is None else as_uuid(row[2]), as_uuid(row[3]))
            for row in cursor.fetchall()
        ]


def as_uuid(value: Any) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def as_param(value: uuid.UUID) -> Any:
    """A UUID as the database keeps it."""
    return value if connection.features.has_native_uuid_field else value.hex


def _array(tokens: Sequence[str]) -> str:
    """An array literal; tokens are letters only."""
    return "{" + ",".join(tokens) + "}"


def _place(document: Document) -> tuple[str, list[Any]]:
    """The condition under which a document of the same text stands already."""
    if document.message_id is not None:
        return "message_id = %s", [as_param(document.message_id)]
    return "ticket_id = %s AND message_id IS NULL", [as_param(document.ticket_id)]
