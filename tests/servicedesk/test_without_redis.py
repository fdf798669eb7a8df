"""With Redis away the desk goes on: nobody is signed out, nothing answers 500, and limits are kept by each process."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core.cache import cache
from django.test import Client

from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM
from servicedesk.cache import SteadyCache
from servicedesk.counting import count
from servicedesk.models import User
from servicedesk.remembered_keys import forget_keys
from tests.make import Make
from tests.ports import free_port

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")

QUESTION = {"name": "Dana", "email": "dana@example.com", "subject": "Strap", "body": "What can you do?", "website": ""}


class Redis:
    """One of this test's own, that keeps nothing on the disk."""

    def __init__(self, folder: Path) -> None:
        self.port, self.folder = free_port(), folder
        self.start()

    def start(self) -> None:
        words = [
            "redis-server",
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self.folder),
        ]
        self.popen = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.popen.poll() is None

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()


@pytest.fixture
def redis(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """A Redis behind the cache, as in production."""
    made = Redis(tmp_path)
    monkeypatch.setattr(SteadyCache, "away_until", 0.0)
    monkeypatch.setattr("servicedesk.cache.ASK_AGAIN_AFTER_SECONDS", 3600.0)
    settings.CACHES = {
        "default": {
            "BACKEND": "servicedesk.cache.SteadyCache",
            "LOCATION": f"redis://127.0.0.1:{made.port}/0",
            "OPTIONS": {"serializer": "servicedesk.cache.JsonSerializer", "socket_timeout": 60},
        }
    }
    cache.clear()
    yield made
    made.kill()
    # What the process counted meanwhile.
    cache.clear()


def test_the_cache_is_redis_while_it_answers_and_memory_while_not(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [count("a", seconds=60) for _ in range(3)] == [1, 2, 3]
    redis.kill()
    assert [count("a", seconds=60) for _ in range(2)] == [1, 2]
    cache.set_many({"b": [1.5, 2.5], "c": "words"}, 60)
    assert cache.get_many(["b", "c", "d"]) == {"b": [1.5, 2.5], "c": "words"}
    assert ("b" in cache, cache.touch("b", 60), cache.delete("b"), "b" in cache) == (True, True, True, False)
    redis.start()
    assert count("a", seconds=60) == 3, "not asked again for a while"
    monkeypatch.setattr(SteadyCache, "away_until", 0.0)
    assert count("a", seconds=60) == 1


def test_values_pass_through_redis_as_json(redis: Redis) -> None:
    cache.set("times", [1.5, 2.5], 60)
    cache.set("number", 7, 60)
    assert (cache.get("times"), cache.get("number"), cache.incr("number")) == ([1.5, 2.5], 7, 8)
    with pytest.raises(TypeError):
        cache.set("code", object(), 60)


def test_staff_signs_in_works_and_signs_out_without_it(redis: Redis, make: Make, alice: User) -> None:
    here_before = Client()
    here_before.force_login(alice)
    assert here_before.get("/desk/").status_code == 200
    redis.kill()
    assert here_before.get("/desk/").status_code == 200
    browser = Client()
    signed_in = browser.post("/accounts/login/", {"login": alice.email, "password": "correct horse battery"})
    assert signed_in.status_code == 302
    ticket = make.ticket()
    assert browser.post(f"/desk/tickets/{ticket.number}/solve/").status_code == 303
    ended = browser.cookies[project.SESSION_COOKIE_NAME].value
    assert browser.post("/accounts/logout/").status_code == 302
    redis.start()
    browser.cookies[project.SESSION_COOKIE_NAME] = ended
    assert browser.get("/desk/").status_code == 302, "a session that was ended meanwhile stays ended"


def test_guessing_is_slowed_down_without_it(redis: Redis, alice: User) -> None:
    redis.kill()
    guesses = [Client().post("/accounts/login/", {"login": alice.email, "password": "wrong"}) for _ in range(7)]
    assert {guess.status_code for guess in guesses[:5]} == {200}
    assert "Too many failed" in guesses[-1].content.decode()


def test_customers_ask_without_it_and_a_flood_is_stopped(redis: Redis, make: Make, settings: Any) -> None:
    settings.ASKS_PER_HOUR = 2
    redis.kill()
    assert [Client().post("/help/ask/", QUESTION).status_code for _ in range(3)] == [303, 303, 429]


def test_the_api_answers_and_limits_without_it(redis: Redis, make: Make) -> None:
    forget_keys()
    key = issue_api_key(integration="erp", scopes=["tickets:read"], by=SYSTEM, rate_per_minute=2)
    api = Client(headers={"Authorization": f"Bearer {key.fresh_secret}"})
    redis.kill()
    assert [api.get("/api/v1/tickets/").status_code for _ in range(3)] == [200, 200, 429]
