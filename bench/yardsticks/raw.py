"""The same rows and claims by psycopg2 alone."""

import threading
import time
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Any

import psycopg2
import psycopg2.extras
from uuid_utils.compat import uuid7

TICKET = "INSERT INTO yardsticks_bareticket (id, subject, email, created_at) VALUES (%s, %s, %s, %s)"
MESSAGE = "INSERT INTO yardsticks_baremessage (id, ticket_id, body, created_at) VALUES (%s, %s, %s, %s)"
CLOCKS = "INSERT INTO yardsticks_bareclock (id, ticket_id, metric, due_at) VALUES (%s, %s, %s, %s), (%s, %s, %s, %s)"


def transactions(database: str, *, seconds: float, processes: int = 2, threads: int = 8) -> float:
    """The bare insert's rows as raw transactions, so many connections at once: transactions a second."""
    context = get_context("spawn")
    results = context.Queue()
    started = [
        context.Process(target=_insert_all, args=(database, threads, seconds, results)) for _ in range(processes)
    ]
    for process in started:
        process.start()
    found = sum(results.get(timeout=seconds + 60) for _ in started)
    for process in started:
        process.join()
    return found


def _insert_all(database: str, threads: int, seconds: float, results: Any) -> None:
    psycopg2.extras.register_uuid()
    connections = [psycopg2.connect(database) for _ in range(threads)]
    counts: list[int] = []
    began = time.monotonic()
    workers = [
        threading.Thread(target=lambda one=one: counts.append(_insert_until(one, began + seconds)))
        for one in connections
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    results.put(sum(counts) / (time.monotonic() - began))


def _insert_until(connection: Any, until: float) -> int:
    done = 0
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            moment, ticket = datetime.now(UTC), uuid7()  # noqa: TID251  nothing of the desk is loaded here
            cursor.execute(TICKET, [ticket, "包带断了 strap broke", f"raw{done}@example.com", moment])
            cursor.execute(MESSAGE, [uuid7(), ticket, "收到两天就断了，怎么办？", moment])
            first, second = moment + timedelta(seconds=600), moment + timedelta(seconds=86_400)
            cursor.execute(CLOCKS, [uuid7(), ticket, "first_response", first, uuid7(), ticket, "resolution", second])
            connection.commit()
            done += 1
    connection.close()
    return done


def claims(database: str, table: str, where: str, mark: str, batch: int = 500) -> float:
    """Rows of a copy of `table` claimed by SKIP LOCKED in batches, each its own transaction: rows a second.

    `where` says which rows are copied and due; `mark` is what a claim sets, so that the row is no longer due.
    """
    connection = psycopg2.connect(database)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bench_claims (LIKE {table} INCLUDING ALL)")
        cursor.execute(f"INSERT INTO bench_claims SELECT * FROM {table} WHERE {where}")
        cursor.execute("ANALYZE bench_claims")
        done, began = 0, time.perf_counter()
        while True:
            cursor.execute(
                f"UPDATE bench_claims SET {mark} WHERE id IN (SELECT id FROM bench_claims WHERE {where}"
                f" ORDER BY try_at LIMIT {batch} FOR UPDATE SKIP LOCKED)"
            )
            if not cursor.rowcount:
                break
            done += cursor.rowcount
        spent = time.perf_counter() - began
        cursor.execute("DROP TABLE bench_claims")
    connection.close()
    return done / spent
