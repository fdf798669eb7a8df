"""Worker, beat, web and live as processes of their own, on PostgreSQL and a Redis that the test starts and kills."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS, slowness
from tests.ports import free_port
from tests.servicedesk.processes.desks import Desk, prepare

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("TEST_DATABASE_URL"), reason="only on PostgreSQL"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server"),
]

BIN = Path(sys.executable).parent


class Redis:
    """A broker of the test's own, that keeps nothing on the disk."""

    def __init__(self, folder):
        self.port, self.folder, self.popen = free_port(), folder, None
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        words = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder]
        self.popen = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.popen.poll() is None

    def kill(self):
        self.popen.kill()
        self.popen.wait()


@pytest.fixture
def redis(tmp_path):
    made = Redis(str(tmp_path))
    made.start()
    yield made
    made.kill()


@pytest.fixture
def production(tmp_path, postgresql, redis):
    """Web, worker and beat, ready."""
    variables = {**postgresql, "REDIS_URL": redis.url}
    folder = tmp_path / "data"
    desk = Desk(folder, prepare(folder, **variables), variables)
    desk.worker = desk.start(sys.executable, "manage.py", "worker")
    desk.beat = desk.start(f"{BIN}/celery", "--app", "servicedesk", "beat", "--loglevel", "WARNING", "--pidfile=")
    desk.web = desk.start(f"{BIN}/gunicorn", "--config", "docker/gunicorn.conf.py", "--bind", f"127.0.0.1:{desk.port}",
                          "servicedesk.wsgi:application")  # fmt: skip
    desk.wait_until_ready(desk.web)
    yield desk
    desk.end()


CARRIED = (
    "from servicedesk.models import UnsequencedEvent as U, Delivery as D; print(U.objects.count() + D.objects.count())"
)


def is_carried(desk: Desk) -> bool:
    return desk.ask(CARRIED) == "0"


def test_the_worker_ends_cleanly_and_soon(production):
    assert production.worker.stop(signal.SIGTERM) < 6 * slowness()
    assert production.worker.popen.returncode == 0
    assert production.beat.stop(signal.SIGTERM) < 6 * slowness()
    assert "Traceback" not in production.worker.said() + production.beat.said()


def test_what_is_posted_while_redis_is_away_is_answered_and_carried_later(production, redis):
    redis.kill()
    tickets = [production.post_ticket(number) for number in range(3)]
    assert len({ticket["id"] for ticket in tickets}) == 3
    production.wait_for(lambda: production.get("/readyz")[0] == 503)
    redis.start()
    assert production.wait_until_ready() < 20 * slowness()
    production.wait_for(lambda: is_carried(production))


def test_pages_are_served_while_redis_is_away(production, redis):
    redis.kill()
    cookie = {"Cookie": f"sessionid={production.facts['session']}; csrftoken={'a' * 32}"}
    form = {**cookie, "X-CSRFToken": "a" * 32, "Content-Type": "application/x-www-form-urlencoded"}
    question = b"email=dana%40example.com&subject=Strap&body=What+now"
    for _round in range(3):
        assert production.request("GET", "/desk/", headers=cookie)[0] == 200
        assert production.request("POST", "/help/ask/", question, headers=form)[0] in {200, 303}
        assert production.request("POST", "/choices/", b"language=zh-hans", headers=form)[0] in {200, 303}
    assert "Traceback" not in production.web.said()


def test_a_killed_worker_leaves_nothing_undone(production):
    production.post_ticket(1)
    production.worker.kill()
    production.post_ticket(2)
    production.wait_for(lambda: production.get("/readyz")[0] == 503)
    assert "worker" in production.get("/readyz")[1].decode()
    production.start(sys.executable, "manage.py", "worker")
    production.wait_until_ready()
    production.wait_for(lambda: is_carried(production))


def test_connections_that_the_database_drops_are_made_anew(production, postgresql):
    names = "','".join(url.rpartition("/")[2] for url in postgresql.values())
    production.ask(
        "from django.db import connection as c; cursor = c.cursor();"
        'cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity '
        f"WHERE datname IN ('{names}') AND pid <> pg_backend_pid()\")"
    )
    production.wait_until_ready()
    production.post_ticket(3)
    production.wait_for(lambda: is_carried(production))


def test_a_stream_of_the_live_process_hears_what_the_worker_carried(production):
    port = free_port()
    live = production.start(
        f"{BIN}/uvicorn", "servicedesk.live.app:application", "--port", str(port), "--no-access-log"
    )
    stream = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    cookie = {"Cookie": f"sessionid={production.facts['session']}"}

    def opens() -> bool:
        stream.close()
        stream.request("GET", "/live/", headers=cookie)
        return True

    production.wait_for(opens, live)
    answer = stream.getresponse()
    assert answer.status == 200
    assert answer.headers["Content-Encoding"] == "identity"
    heard = threading.Event()
    known: set[str] = set()
    wanted: list[str] = []

    def listen():
        # It may be heard of before the answer to who posted it is read.
        while line := answer.fp.readline():
            if line.startswith(b"data: "):
                known.add(json.loads(line[6:])["id"])
            if known.intersection(wanted):
                heard.set()
                return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    production.wait_for(lambda: b"ok" in production.get("/healthz")[1])
    wanted.append(production.post_ticket(4)["id"])
    production.post_ticket(5)  # after which the listener looks again
    assert heard.wait(PATIENCE_SECONDS)
    listener.join()
    assert live.stop() < 5 * slowness()
    answer.close()
    stream.close()
