"""SQLite lets everybody write, first come, first served."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, connections, transaction

from servicedesk.db.sqlite3.turnstile import Turnstile

NOTES = "notes"
pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="only on SQLite: its turnstile")


@pytest.fixture
def notes(tmp_path, django_db_blocker):
    """A database of its own, in a file; each thread has its connection."""
    settings = {**connections.databases["default"], "ENGINE": "servicedesk.db.sqlite3", "OPTIONS": {}}
    connections.databases[NOTES] = {**settings, "NAME": str(tmp_path / "notes.sqlite3"), "CONN_HEALTH_CHECKS": False}
    with django_db_blocker.unblock():
        with connections[NOTES].cursor() as cursor:
            cursor.execute("CREATE TABLE note (writer INTEGER, turn INTEGER)")
        yield connections[NOTES]
        connections[NOTES].close()
    del connections[NOTES]
    del connections.databases[NOTES]


def elsewhere(function, *args, patience=20.0):
    """Do it on another thread, with a connection of that thread's own and this much patience."""

    def there():
        connections[NOTES].settings_dict["OPTIONS"] = {"timeout": patience}
        try:
            return function(*args)
        finally:
            connections[NOTES].close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(there).result()


def write(writer=1, turn=1):
    with transaction.atomic(using=NOTES), connections[NOTES].cursor() as cursor:
        cursor.execute("INSERT INTO note VALUES (%s, %s)", [writer, turn])


def count():
    with connections[NOTES].cursor() as cursor:
        return cursor.execute("SELECT count(*) FROM note").fetchone()[0]


class TestTurnstile:
    def test_who_came_first_goes_first(self):
        turnstile, order, queued = Turnstile(), [], threading.Semaphore(0)
        turnstile.enter(1)

        def pass_through(number):
            queued.release()
            assert turnstile.enter(10)
            order.append(number)
            turnstile.leave()

        threads = []
        for number in range(8):
            threads.append(threading.Thread(target=pass_through, args=(number,)))
            threads[-1].start()
            queued.acquire()
            while len(turnstile._waiting) <= number:
                time.sleep(0)
        turnstile.leave()
        for thread in threads:
            thread.join()
        assert order == list(range(8))

    def test_who_gives_up_holds_up_nobody(self):
        turnstile = Turnstile()
        assert turnstile.enter(0)
        assert not turnstile.enter(0.01)
        turnstile.leave()
        assert turnstile.enter(0)


def test_a_connection_is_durable_checks_foreign_keys_and_overwrites_what_is_deleted(notes):
    with notes.cursor() as cursor:
        asked = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in (
            "journal_mode", "synchronous", "foreign_keys", "secure_delete")}  # fmt: skip
    assert asked == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


def test_sixteen_writers_in_a_hot_loop_never_meet_a_locked_database_and_none_is_left_behind(notes):
    together = threading.Barrier(16)

    def write_on(writer):
        written = 0
        together.wait()
        until = time.monotonic() + 2
        while time.monotonic() < until:
            if writer % 4:
                with transaction.atomic(using=NOTES):
                    count()
                    write(writer)
            else:
                with connections[NOTES].cursor() as cursor:
                    cursor.execute("INSERT INTO note VALUES (%s, 0)", [writer])
            written += 1
        connections[NOTES].close()
        return written

    with ThreadPoolExecutor(16) as pool:
        written = list(pool.map(write_on, range(16)))
    assert sum(written) == count()
    # First come, first served: everybody gets about as many turns.
    assert min(written) * 3 >= max(written)


def test_a_rolled_back_transaction_gives_up_its_turn(notes):
    with pytest.raises(ZeroDivisionError), transaction.atomic(using=NOTES):
        write(turn=1 / 0)
    elsewhere(write)
    assert count() == 1


def test_a_closed_connection_gives_up_its_turn(notes):
    with transaction.atomic(using=NOTES):
        notes.close()
        elsewhere(write)


def test_a_writer_whose_turn_does_not_come_is_told_so(notes):
    with transaction.atomic(using=NOTES), pytest.raises(OperationalError, match="no turn"):
        elsewhere(write, patience=0.05)


def test_reading_does_not_wait_for_a_writer(notes):
    with transaction.atomic(using=NOTES):
        write()
        assert elsewhere(count, patience=0.05) == 0
