"""The bell in a real browser: live, by keyboard, without script, aloud in one tab only, and not for what one looks at."""

from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from servicedesk.actor import SYSTEM, Actor
from servicedesk.events import record
from servicedesk.models import Notice, User
from servicedesk.notices.choosing import choose_channels
from servicedesk.notices.telling import notify
from tests.browser.people import let_in
from tests.make import Make
from tests.patience import wait_until
from tickets.models import Ticket

KIND = "message.received"
COUNT = "#bell-count"
# As the tab that holds the stream says it to the others.
NEWS: Final = "new BroadcastChannel('desk-live').postMessage({notice: true})"
# What would be shown and heard is written down instead.
RECORDER: Final = """
  window.shown = [];
  window.heard = 0;
  const granted = () => (localStorage.getItem("test-permission") || "default");
  window.Notification = class {
    constructor(title, options) { window.shown.push(`${title}: ${options.body}`); }
    close() {}
    static get permission() { return granted(); }
    static async requestPermission() { localStorage.setItem("test-permission", "granted"); return granted(); }
  };
  window.AudioContext = class {
    currentTime = 0;
    destination = {};
    createOscillator() { window.heard += 0.5; return { frequency: {}, connect: (next) => next, start() {}, stop() {} }; }
    createGain() { return { gain: { setValueAtTime() {}, linearRampToValueAtTime() {}, exponentialRampToValueAtTime() {} }, connect: (next) => next }; }
    close() {}
  };
"""


@pytest.fixture
def alice(make: Make) -> User:
    return make.user(name="Alice")


def tell(user: User, ticket: Ticket, kind: str = KIND, **changes: Any) -> None:
    notify([user], kind, record(kind, ticket, by=SYSTEM, changes=changes))


def at(page: Page, base: str, path: str = "/desk/") -> Page:
    with page.expect_response(lambda answer: "/desk/notices/bell/" in answer.url):
        page.goto(base + path)
    return page


def hear(page: Page) -> None:
    """News reach this tab, and it has looked."""
    with page.expect_response(lambda answer: "/desk/notices/bell/" in answer.url):
        page.evaluate(NEWS)


def test_the_bell_counts_opens_leads_there_and_is_read(
    page: Page, quiet: list[str], live_server: Any, make: Make, alice: User
) -> None:
    ticket = make.ticket("open", subject="Strap broke")
    for number in range(30):
        make.answer(ticket, f"And one more thing, the {number}th.")
    message = ticket.messages.order_by("sent_at")[3]
    let_in(page, alice, live_server.url)
    at(page, live_server.url)
    expect(page.locator(COUNT)).to_have_text("")
    tell(alice, ticket, message=str(message.pk))
    hear(page)
    expect(page.locator(".bell-count")).to_have_text("1")
    expect(page.locator("#bell-said")).to_have_text("1 unread notification")
    page.click("#bell > summary")
    line = page.locator("#bell-list .bell-row")
    expect(line).to_contain_text("The customer answered")
    expect(line).to_contain_text(ticket.number)
    line.click()
    expect(page).to_have_url(f"{live_server.url}/desk/tickets/{ticket.number}/#m-{message.pk}")
    expect(page.locator(f"#m-{message.pk}")).to_be_in_viewport()
    expect(page.locator(COUNT)).to_have_text("")
    assert Notice.objects.get().read_at is not None


def test_by_keyboard_all_are_read_and_the_focus_stays_at_the_bell(
    page: Page, quiet: list[str], live_server: Any, make: Make, alice: User
) -> None:
    ticket = make.ticket()
    for _ in range(2):
        tell(alice, ticket)
    let_in(page, alice, live_server.url)
    at(page, live_server.url, "/desk/notices/settings/")

    expect(page.locator("#bell > summary")).to_contain_text("2 unread notifications")
    page.focus("#bell > summary")
    page.keyboard.press("Enter")
    expect(page.locator("#bell-list .is-unread")).to_have_count(2)
    expect(page.locator("#bell > summary")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#bell-list button")).to_be_focused()
    # News must not take the list away under the hands of who is in it.
    tell(alice, ticket)
    hear(page)
    expect(page.locator(".bell-count")).to_have_text("3")
    expect(page.locator("#bell-list button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#bell-list .is-unread")).to_have_count(0)
    expect(page.locator(".bell-count")).to_have_count(0)
    expect(page.locator("#bell > summary")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#bell-list")).to_be_hidden()
    assert not Notice.objects.unread().exists()


def test_with_the_stream_away_the_bell_is_asked_for_too(page: Page, live_server: Any, make: Make, alice: User) -> None:
    page.clock.install()
    let_in(page, alice, live_server.url)
    at(page, live_server.url)
    expect(page.locator(".offline-note")).to_be_visible()
    tell(alice, make.ticket())
    page.clock.fast_forward(16_000)
    expect(page.locator(".bell-count")).to_have_text("1")


def test_a_ticket_that_is_open_and_visible_is_read(
    page: Page, quiet: list[str], live_server: Any, make: Make, alice: User
) -> None:
    ticket, other = make.ticket(), make.ticket()
    let_in(page, alice, live_server.url)
    at(page, live_server.url, f"/desk/tickets/{ticket.number}/")
    tell(alice, other)
    tell(alice, ticket)
    with page.expect_response(lambda answer: "/desk/notices/read/" in answer.url):
        hear(page)
    expect(page.locator(".bell-count")).to_have_text("1")
    assert Notice.objects.unread().get().subject_id == other.pk


def test_without_javascript_the_bell_leads_to_its_page(
    browser: Browser, live_server: Any, make: Make, alice: User
) -> None:
    tell(alice, make.ticket())
    page = browser.new_context(java_script_enabled=False, locale="en-GB").new_page()
    let_in(page, alice, live_server.url)
    page.goto(f"{live_server.url}/desk/")
    page.click("#bell > summary")
    page.click("#bell >> text=All notifications")
    expect(page.locator("main .is-unread")).to_have_count(1)
    page.click("main >> text=Mark all as read")
    expect(page.locator("main .is-unread")).to_have_count(0)
    page.click("main >> text=What you are told of")
    page.uncheck(f"[name='{KIND}-desk']")
    page.click("main >> text=Save")
    expect(page.locator("body")).to_contain_text("Saved.")
    expect(page.locator(f"[name='{KIND}-desk']")).not_to_be_checked()
    page.context.close()


@pytest.fixture
def listening(browser: Browser, live_server: Any, alice: User) -> Any:
    context = browser.new_context(locale="en-GB")
    context.add_init_script(RECORDER)
    let_in(context.new_page(), alice, live_server.url)
    yield context
    context.close()


def turn_on(context: BrowserContext, base: str) -> None:
    page = at(context.new_page(), base, "/desk/notices/settings/")
    page.click("text=Turn on here")
    expect(page.locator("#notices-here-state")).to_have_text("Browser notifications are on in this browser.")
    assert page.evaluate("shown") == ["Service desk: Notifications look like this."]
    page.click("text=Hear the sound")
    assert page.evaluate("heard") == 1
    page.close()


def said(context: BrowserContext, what: str) -> list[Any]:
    return [page.evaluate(what) for page in context.pages if page.url != "about:blank"]


def test_one_tab_speaks_for_all_and_names_nobody(
    listening: BrowserContext, live_server: Any, make: Make, alice: User, dana: Any
) -> None:
    choose_channels({KIND: {"sound": True}}, by=Actor.staff(alice))
    ticket = make.ticket(customer=dana, subject="Secret")
    tell(alice, ticket)  # before any page was open, long ago
    Notice.objects.update(created_at=ticket.created_at.replace(year=2025))
    turn_on(listening, live_server.url)
    tabs = [at(listening.new_page(), live_server.url) for _ in range(2)]
    tell(alice, ticket)
    for tab in tabs:
        hear(tab)
    for tab in tabs:
        expect(tab.locator(".bell-count")).to_have_text("2")
    wait_until(lambda: any(said(listening, "shown")), "a notification", every=0.2)
    tabs[0].wait_for_timeout(600)
    shown = [line for lines in said(listening, "shown") for line in lines]
    assert shown == [f"Service desk: {ticket.number} · The customer answered"]
    assert sum(said(listening, "heard")) == 1


def test_nothing_is_asked_and_nothing_shown_before_the_button_is_pressed(
    listening: BrowserContext, live_server: Any, make: Make, alice: User
) -> None:
    page = at(listening.new_page(), live_server.url)
    tell(alice, make.ticket())
    hear(page)
    expect(page.locator(".bell-count")).to_have_text("1")
    page.wait_for_timeout(600)
    assert (said(listening, "shown"), said(listening, "heard")) == ([[]], [0])
    assert page.evaluate("Notification.permission") == "default"


def test_what_one_looks_at_in_another_tab_stays_silent(
    listening: BrowserContext, live_server: Any, make: Make, alice: User
) -> None:
    ticket = make.ticket()
    turn_on(listening, live_server.url)
    speaker = at(listening.new_page(), live_server.url)
    looking = at(listening.new_page(), live_server.url, f"/desk/tickets/{ticket.number}/")
    tell(alice, ticket)
    hear(speaker)
    speaker.wait_for_timeout(600)
    assert said(listening, "shown") == [[], []]
    tell(alice, make.ticket())
    hear(speaker)
    speaker.wait_for_function("() => window.shown.length === 1")
    assert looking.evaluate("shown") == []


def test_it_is_turned_off_where_it_was_turned_on(listening: BrowserContext, live_server: Any, alice: User) -> None:
    turn_on(listening, live_server.url)
    page = at(listening.new_page(), live_server.url, "/desk/notices/settings/")
    page.click("text=Turn off here")
    expect(page.locator("#notices-here-state")).to_have_text("Browser notifications are off in this browser.")
    expect(page.locator("[data-notices=on]")).to_be_focused()
