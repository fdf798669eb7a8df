"""Live streams: who may listen, what they are told, and that nothing is missed."""

import asyncio
import json
import threading
from contextlib import asynccontextmanager
from importlib import import_module

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connections

from servicedesk.actor import SYSTEM
from servicedesk.carrying import sequence_events
from servicedesk.clock import now
from servicedesk.events import SubjectRef, record
from servicedesk.ids import new_id
from servicedesk.live import app, feed, hub
from servicedesk.live.app import LiveApp
from servicedesk.models import EventPosition, User
from servicedesk.notices.telling import notify
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keystore"])


def session_of(user: User) -> str:
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key


def happen(shop_id=None, kind="ticket.opened"):
    """Something happens to a ticket, and is given its position."""
    ticket = new_id()
    record(kind, SubjectRef("ticket", ticket, "7", shop_id), by=SYSTEM)
    while sequence_events():
        pass
    return str(ticket)


def newest() -> int:
    return EventPosition.objects.latest("position").position


class Browser:
    """One request to /live/ and what came back."""

    def __init__(self, live: LiveApp, session_key: str, query: str = "", method: str = "GET", **headers: str) -> None:
        lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        lines.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session_key}".encode()))
        scope = {"type": "http", "path": "/live/", "method": method, "headers": lines, "query_string": query.encode()}
        self._inbox, self._sent = asyncio.Queue(), asyncio.Queue()
        self._text = ""
        self._inbox.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self.task = asyncio.create_task(live(scope, self._inbox.get, self._sent.put))

    async def status(self) -> int:
        return (await asyncio.wait_for(self._sent.get(), PATIENCE_SECONDS))["status"]

    async def hears(self, patience: float = PATIENCE_SECONDS) -> dict:
        """The next message; TimeoutError when none comes."""
        while True:
            while "\n\n" in self._text:
                message, _, self._text = self._text.partition("\n\n")
                data = [line[6:] for line in message.splitlines() if line.startswith("data: ")]
                if data:
                    return json.loads(data[0])
            self._text += (await asyncio.wait_for(self._sent.get(), patience))["body"].decode()

    def leave(self) -> None:
        self._inbox.put_nowait({"type": "http.disconnect"})


@asynccontextmanager
async def live_process():
    live = LiveApp()
    try:
        yield live
    finally:
        # The threads' database connections go with them: each waits for the others, so that none is passed over.
        together = threading.Barrier(3)
        await asyncio.gather(*(live.feed.ask(close_connections, together) for _ in range(3)))
        await live.feed.shut()


def close_connections(together: threading.Barrier) -> None:
    together.wait(PATIENCE_SECONDS)
    connections.close_all()


def in_thread(function, *args):
    """As another process would do it: not on the event loop."""

    def there():
        try:
            return function(*args)
        finally:
            connections.close_all()

    return asyncio.to_thread(there)


def run(scene) -> None:
    async def played():
        async with live_process() as live:
            await asyncio.wait_for(scene(live), 2 * PATIENCE_SECONDS)

    asyncio.run(played())


@pytest.fixture
def session(alice) -> str:
    return session_of(alice)


def test_a_change_is_told_by_id_and_kind_only(session):
    async def scene(live):
        browser = Browser(live, session)
        assert await browser.status() == 200
        ticket = await in_thread(happen)
        told = await browser.hears()
        assert told == {"type": "ticket.changed", "id": ticket, "number": "7", "kind": "ticket.opened", "by": None}

    run(scene)


def test_nobody_is_served_without_a_session(alice):
    async def scene(live):
        assert await Browser(live, "made-up").status() == 401
        assert await Browser(live, session_key="").status() == 401

    run(scene)


def test_who_may_no_longer_sign_in_hears_nothing(alice, session):
    User.objects.filter(pk=alice.pk).update(is_active=False)

    async def scene(live):
        assert await Browser(live, session).status() == 401

    run(scene)


def test_who_owes_a_second_factor_hears_nothing_until_it_is_set_up(bob):
    session = session_of(bob)

    async def scene(live):
        assert await Browser(live, session).status() == 401
        await in_thread(lambda: TOTP.activate(bob, generate_totp_secret()))
        assert await Browser(live, session).status() == 200

    run(scene)


def test_only_reading_is_possible(session):
    async def scene(live):
        assert await Browser(live, session, method="POST").status() == 405

    run(scene)


def test_other_shops_are_not_heard_of(make, alice, session):
    mine, other = make.shop("mine"), make.shop("other")
    User.objects.filter(pk=alice.pk).update(sees_every_shop=False)
    alice.shops.add(mine)

    async def scene(live):
        browser = Browser(live, session)
        assert await browser.status() == 200
        await in_thread(happen, other.pk)
        ticket = await in_thread(happen, mine.pk)
        assert (await browser.hears())["id"] == ticket

    run(scene)


def test_of_a_private_teams_tickets_only_its_members_and_who_oversees_hear(make, alice, charlie):
    overseer = make.user(User.Role.MANAGER, is_demo=True)
    sessions = [session_of(person) for person in (alice, charlie, overseer)]

    async def scene(live):
        browsers = [Browser(live, session) for session in sessions]
        assert [await browser.status() for browser in browsers] == [200, 200, 200]
        before = await in_thread(newest)
        theirs = await in_thread(ticket_of_team, make, charlie.team)
        ours = await in_thread(ticket_of_team, make, alice.team)
        for heard_first, browser in zip((ours, theirs, theirs), browsers, strict=True):
            assert await hears_of_a_ticket(browser) == heard_first
        # Whoever comes back is told what they missed by the same rule.
        again = Browser(live, sessions[0], f"after={before}")
        assert await again.status() == 200
        assert await hears_of_a_ticket(again) == ours

    happen()
    run(scene)


async def hears_of_a_ticket(browser: Browser) -> str:
    while True:
        told = await browser.hears()
        if told["type"] == "ticket.changed":
            return told["id"]


def ticket_of_team(make, team) -> str:
    ticket = make.ticket(team=team)
    while sequence_events():
        pass
    return str(ticket.pk)


@pytest.mark.parametrize("how", ["query", "header"])
def test_what_was_missed_is_told_again_in_its_order(session, how):
    happen()
    seen = newest()
    missed = [happen() for _ in range(3)]

    async def scene(live):
        if how == "query":
            browser = Browser(live, session, f"after={seen}")
        else:
            browser = Browser(live, session, last_event_id=str(seen))
        assert await browser.status() == 200
        assert [(await browser.hears())["id"] for _ in missed] == missed
        new = await in_thread(happen)
        assert (await browser.hears())["id"] == new

    run(scene)


def test_too_far_behind_the_page_is_told_to_load_anew(session, monkeypatch):
    monkeypatch.setattr(feed, "BACKLOG_LIMIT", 2)
    happen()
    seen = newest()
    for _ in range(3):
        happen()

    async def scene(live):
        browser = Browser(live, session, f"after={seen}")
        assert await browser.status() == 200
        assert await browser.hears() == {"type": "reset"}

    run(scene)


def test_a_lost_wake_up_loses_nothing(session, monkeypatch):
    monkeypatch.setattr(feed, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(hub, "_send", lambda message: None)

    async def scene(live):
        browser = Browser(live, session)
        assert await browser.status() == 200
        ticket = await in_thread(happen)
        assert (await browser.hears())["id"] == ticket

    run(scene)


def test_an_announcement_reaches_its_person_only(make, alice, session):
    other = make.user()
    other_session = session_of(other)

    async def scene(live):
        hers, theirs = Browser(live, session), Browser(live, other_session)
        assert (await hers.status(), await theirs.status()) == (200, 200)
        heard = asyncio.create_task(hers.hears())
        # With Redis until the subscription stands: what is announced before nobody hears, and it is not repeated.
        while not heard.done():
            await in_thread(lambda: hub.announce("notice.changed", user_id=alice.pk))
            await asyncio.wait([heard], timeout=0.5)
        assert heard.result() == {"type": "notice.changed", "id": None}
        with pytest.raises(TimeoutError):
            await theirs.hears(patience=0.2)

    run(scene)


def test_a_notice_that_was_written_is_told_to_its_persons_pages(alice, session):
    async def scene(live):
        browser = Browser(live, session)
        assert await browser.status() == 200
        heard = asyncio.create_task(browser.hears())
        # Another one until the subscription stands, as above.
        while not heard.done():
            event = await in_thread(lambda: record("ticket.assigned", SubjectRef("thing", new_id()), by=SYSTEM))
            await in_thread(notify, [alice], "ticket.assigned", event)
            await asyncio.wait([heard], timeout=0.5)
        assert heard.result() == {"type": "notice.changed", "id": None}

    run(scene)


def test_an_open_page_renews_the_lease_of_presence(alice, session):
    User.objects.filter(pk=alice.pk).update(presence_until=None)

    async def scene(live):
        assert await Browser(live, session).status() == 200

    run(scene)
    alice.refresh_from_db()
    assert alice.presence_until > now()


def test_a_stream_ends_when_the_session_does(session, monkeypatch):
    monkeypatch.setattr(app, "HEARTBEAT_SECONDS", 0.05)

    async def scene(live):
        browser = Browser(live, session)
        assert await browser.status() == 200
        await in_thread(import_module(settings.SESSION_ENGINE).SessionStore(session).delete)
        await asyncio.wait_for(browser.task, PATIENCE_SECONDS)

    run(scene)


def test_a_browser_that_leaves_is_forgotten_at_once(session):
    async def scene(live):
        browser = Browser(live, session)
        assert await browser.status() == 200
        assert len(live.feed.watchers) == 1
        browser.leave()
        await asyncio.wait_for(browser.task, PATIENCE_SECONDS)
        assert not live.feed.watchers

    run(scene)


def test_the_oldest_stream_of_a_person_gives_way(session, monkeypatch):
    monkeypatch.setattr(app, "STREAMS_PER_PERSON", 2)

    async def scene(live):
        browsers = []
        for _ in range(3):
            browsers.append(Browser(live, session))
            assert await browsers[-1].status() == 200
        await asyncio.wait_for(browsers[0].task, PATIENCE_SECONDS)
        assert len(live.feed.watchers) == 2

    run(scene)


def test_a_reader_that_does_not_keep_up_is_told_to_load_anew(session, monkeypatch):
    monkeypatch.setattr(feed, "QUEUE_LIMIT", 3)

    async def scene(live):
        watcher = feed.Watcher(None)
        for number in range(10):
            watcher.put(b"%d;" % number)
        assert (await watcher.take(1)).startswith(feed.RESET)

    run(scene)
