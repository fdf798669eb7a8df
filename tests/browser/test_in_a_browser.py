"""An ordinary case, settled in a real browser: with the mouse, on a phone, in Chinese, and without JavaScript."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from playwright.sync_api import Browser, Page, Route, expect

from servicedesk.clock import now
from tests.browser.people import PASSWORD, let_in, sign_in
from tests.make import Make
from tickets.actions import conversing
from tickets.following import follow_token
from tickets.models import Message, Ticket


def time_passes(make: Make, seconds: int = 301) -> None:
    """The reply can no longer be undone, and what was booked is done."""
    with time_machine.travel(now() + timedelta(seconds=seconds)):
        make.settle_down()


def test_an_ordinary_case_with_the_mouse(
    page: Page, quiet: list[str], live_server: Any, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough to press Undo on a slow machine.
    monkeypatch.setattr(conversing, "UNDO", timedelta(minutes=5))
    alice, ticket = make.user(name="Alice"), make.ticket(subject="Strap broke after two days")
    sign_in(page, alice, live_server.url)
    page.click("text=Unassigned")
    page.click("text=Strap broke after two days")
    expect(page).to_have_url(f"{live_server.url}/desk/tickets/{ticket.number}/?view=unassigned")
    expect(page.locator("#ticket h1")).to_have_text("Strap broke after two days")
    page.click("#t-head summary:has-text('Assign')")
    page.click("text=Take it")
    expect(page.locator("#thread")).to_contain_text("Alice took it")

    page.fill("#composer textarea", "王小明您好，我们马上看。")
    page.click("#composer >> text=Send")
    expect(page.locator("#thread")).to_contain_text("Leaves in")
    page.click("text=Undo")
    expect(page.locator("#thread")).not_to_contain_text("Leaves in")
    expect(page.locator("#composer textarea")).to_have_value("王小明您好，我们马上看。")

    page.fill("#composer textarea", "王小明您好，今天补发一条新的。")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#thread")).to_contain_text("王小明您好，今天补发一条新的。")
    expect(page.locator("#composer textarea")).to_have_value("")
    page.click("#t-head >> text=Solve")
    expect(page.locator("#t-head")).to_contain_text("Solved")
    time_passes(make)
    assert Ticket.objects.get().first_responded_at is not None
    assert Message.objects.filter(author="agent").count() == 1


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"the Tab key does not reach {selector}")


def test_an_ordinary_case_with_the_keyboard(page: Page, quiet: list[str], live_server: Any, make: Make) -> None:
    alice, ticket = make.user(name="Alice"), make.ticket(subject="Strap broke after two days")
    page.goto(f"{live_server.url}/accounts/login/")
    tab_to(page, "[name=login]")
    page.keyboard.type(alice.email)
    tab_to(page, "[name=password]")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/**")
    tab_to(page, ".view[href$='unassigned']")
    page.keyboard.press("Enter")
    page.wait_for_url("**view=unassigned")
    tab_to(page, ".q-link")
    page.keyboard.press("Enter")
    expect(page.locator("#ticket[data-number]")).to_be_visible()
    tab_to(page, "#t-head details.menu > summary")
    page.keyboard.press("Enter")
    tab_to(page, "button[value=me]")
    page.keyboard.press("Enter")
    expect(page.locator("#thread")).to_contain_text("Alice took it")
    tab_to(page, "#composer textarea")
    page.keyboard.type("王小明您好，今天补发一条新的。")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#thread")).to_contain_text("王小明您好，今天补发一条新的。")
    tab_to(page, "#t-head form[action$='/solve/'] button")
    page.keyboard.press("Enter")
    expect(page.locator("#t-head")).to_contain_text("Solved")
    assert Ticket.objects.get(pk=ticket.pk).assignee == alice


def test_on_a_phone_one_pane_at_a_time(page: Page, quiet: list[str], live_server: Any, make: Make) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    ticket = make.ticket(subject="Zipper stuck")
    let_in(page, make.user(), live_server.url)
    page.goto(f"{live_server.url}/desk/?view=all")
    page.click("text=Zipper stuck")
    expect(page.locator(".queue")).to_be_hidden()
    page.click("#t-head summary:has-text('Assign')")
    expect(page.locator("#t-head >> text=Take it")).to_be_in_viewport()
    page.keyboard.press("Escape")
    page.fill("#composer textarea", "王小明您好，我们在查。")
    page.click("#composer >> text=Send")
    expect(page.locator("#thread")).to_contain_text("王小明您好，我们在查。")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, wide
    page.click("[aria-label='Back to the queue']")
    expect(page.locator(".queue")).to_be_visible()
    expect(page.locator(f"[data-number='{ticket.number}']")).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "words"), [("zh-CN", ("未分配", "发送", "解决")), ("zh-TW", ("未指派", "傳送", "解決"))]
)
def test_in_chinese(browser: Browser, live_server: Any, make: Make, locale: str, words: tuple[str, str, str]) -> None:
    make.ticket(subject="包带断了")
    page = browser.new_context(locale=locale).new_page()
    let_in(page, make.user(), live_server.url)
    page.goto(f"{live_server.url}/desk/")
    page.click(f"text={words[0]}")
    page.click("text=包带断了")
    page.fill("#composer textarea", "王小明您好，今天补发。")
    page.click(f"#composer >> text={words[1]}")
    expect(page.locator("#thread")).to_contain_text("王小明您好，今天补发。")
    page.click(f"#t-head >> text={words[2]}")
    expect(page.locator("#t-head .pill").first).to_contain_text("已")
    page.context.close()


def test_without_javascript(browser: Browser, live_server: Any, make: Make) -> None:
    ticket = make.ticket(subject="Colour differs")
    page = browser.new_context(java_script_enabled=False, locale="en-GB").new_page()
    sign_in(page, make.user(), live_server.url)
    page.click("text=Unassigned")
    page.click("text=Colour differs")
    page.fill("#composer textarea", "王小明您好，我们给您换。")
    page.click("#composer >> text=Send")
    expect(page.locator("#thread")).to_contain_text("王小明您好，我们给您换。")
    page.fill("#composer textarea", " ")
    page.click("#composer >> text=Send")
    expect(page.locator("#composer")).to_contain_text("This field is required")
    page.click("#t-head >> text=Solve")
    expect(page.locator("#t-head")).to_contain_text("Solved")
    page.click("text=Show the queue")
    assert Ticket.objects.get(pk=ticket.pk).status == "solved"
    page.context.close()


def test_a_countdown_ticks_without_asking(page: Page, quiet: list[str], live_server: Any, make: Make) -> None:
    make.ticket()
    let_in(page, make.user(), live_server.url)
    page.goto(f"{live_server.url}/desk/?view=all")
    shown = page.locator(".q-row .countdown")
    first = shown.inner_text()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    expect(shown).not_to_have_text(first)
    assert not [url for url in asked if "/live/" not in url]


def test_with_the_stream_away_the_desk_asks_and_says_so(page: Page, live_server: Any, make: Make) -> None:
    page.clock.install()
    let_in(page, make.user(), live_server.url)
    page.goto(f"{live_server.url}/desk/?view=all")
    expect(page.locator(".offline-note")).to_be_visible()
    make.ticket(subject="Came later")
    page.clock.fast_forward(16_000)
    expect(page.locator(".queue")).to_contain_text("Came later")


def test_a_ticket_opens_whole_though_its_row_was_replaced_meanwhile(page: Page, live_server: Any, make: Make) -> None:
    make.ticket(subject="Zipper stuck")
    let_in(page, make.user(), live_server.url)
    page.goto(f"{live_server.url}/desk/?view=all")
    page.evaluate(
        """document.addEventListener("htmx:beforeSend", () => {
             const rows = document.getElementById("queue-rows");
             rows.innerHTML = rows.innerHTML;
           }, { once: true })"""
    )
    page.click("text=Zipper stuck")
    expect(page.locator("#ticket[data-number]")).to_be_visible()
    expect(page.locator(".ticket")).to_have_count(1)


def test_news_leave_what_is_being_written(page: Page, live_server: Any, make: Make) -> None:
    ticket = make.ticket()
    let_in(page, make.user(), live_server.url)
    page.goto(f"{live_server.url}/desk/tickets/{ticket.number}/")
    page.fill("#composer textarea", "Half a sent")
    page.click("#t-head summary:has-text('Hold')")
    make.answer(ticket, "One more thing.")
    page.evaluate("htmx.trigger(document.body, 'desk:ticket')")
    expect(page.locator("#thread")).to_contain_text("One more thing.")
    expect(page.locator("#composer textarea")).to_have_value("Half a sent")
    expect(page.locator("#t-head [name=wait_for]")).to_be_visible()


def hear_of(page: Page, ticket: Ticket) -> None:
    """As if another tab of this browser, which has the stream, passed it on: this page has heard when it returns."""
    page.evaluate(
        """id => new Promise((heard) => {
             const [tab, last] = [new BroadcastChannel("desk-live"), new BroadcastChannel("desk-live")];
             // The page's own channel is older than this one, and is told first.
             last.onmessage = heard;
             tab.postMessage({ id });
           })""",
        str(ticket.pk),
    )


def test_a_conversation_does_not_wait_for_the_queues_turn(page: Page, live_server: Any, make: Make) -> None:
    ticket, other = make.ticket(), make.ticket()
    page.clock.install()
    let_in(page, make.user(), live_server.url)
    page.goto(f"{live_server.url}/desk/tickets/{ticket.number}/")
    page.clock.pause_at(now() + timedelta(hours=1))
    hear_of(page, ticket)
    with page.expect_request("**/news/"):
        page.clock.run_for(1_000)
    hear_of(page, other)
    with page.expect_request("**/desk/rows/**"):
        page.clock.run_for(20)
    hear_of(page, ticket)
    with page.expect_request("**/news/"):
        page.clock.run_for(20)


def test_what_is_told_while_a_ticket_is_on_its_way_is_looked_at_when_it_came(
    page: Page, live_server: Any, make: Make
) -> None:
    ticket = make.ticket(subject="Zipper stuck")
    let_in(page, make.user(), live_server.url)
    # A stream that stays silent: while it is away the desk would look by itself.
    page.route("**/live/", lambda _route: None)
    page.goto(f"{live_server.url}/desk/?view=all")
    underway: list[Route] = []
    page.route(re.compile(r"/desk/tickets/[^/]+/\?"), lambda route: underway.append(route))  # noqa: PLW0108  Playwright marks what it is given
    with page.expect_request("**/desk/tickets/**"):
        page.click("text=Zipper stuck")
    with page.expect_response("**/desk/rows/**"):
        hear_of(page, ticket)
    with page.expect_request("**/news/"):
        underway[0].continue_()


def test_news_leave_what_is_being_written_though_something_else_was_asked_meanwhile(
    page: Page, live_server: Any, make: Make
) -> None:
    """The bell or the queue may be asked while a ticket's news are on their way."""
    ticket = make.ticket()
    let_in(page, make.user(), live_server.url)
    page.goto(f"{live_server.url}/desk/tickets/{ticket.number}/?view=all")
    expect(page.locator("#queue-rows .q-row")).to_have_count(1)
    page.click("#t-head summary:has-text('Hold')")
    make.answer(ticket, "One more thing.")
    page.evaluate(
        """document.addEventListener("htmx:beforeSend", () => htmx.trigger(document.body, "desk:queue"), { once: true });
           htmx.trigger(document.body, "desk:ticket");"""
    )
    expect(page.locator("#thread")).to_contain_text("One more thing.")
    expect(page.locator("#t-head [name=wait_for]")).to_be_visible()


def test_a_customer_asks_and_follows(page: Page, quiet: list[str], live_server: Any, make: Make) -> None:
    page.goto(f"{live_server.url}/help/")
    page.click("text=Ask a question")
    page.fill("[name=subject]", "Where is my parcel?")
    page.fill("[name=body]", "No news for five days.")
    page.fill("[name=email]", "dana@example.com")
    page.click("main >> text=Send")
    ticket = Ticket.objects.get()
    expect(page.locator("main")).to_contain_text(ticket.number)
    make.reply(ticket, "It arrives tomorrow.")
    page.goto(f"{live_server.url}/help/follow/{follow_token(ticket)}/")
    expect(page).to_have_url(f"{live_server.url}/help/tickets/{ticket.number}/")
    expect(page.locator("main")).to_contain_text("It arrives tomorrow.")
    page.fill("[name=body]", "Thank you!")
    page.click("main >> text=Send")
    expect(page.locator(".thread")).to_contain_text("Thank you!")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_follows_the_system_until_chosen(browser: Browser, live_server: Any, make: Make, theme: Any) -> None:
    page = browser.new_context(color_scheme=theme, locale="en-GB").new_page()
    page.goto(f"{live_server.url}/accounts/login/")
    lightness = "parseFloat(getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/)[0])"
    value = page.evaluate(lightness)
    is_light = value > 0.5 if value <= 1 else value > 128
    assert is_light == (theme == "light")
    page.click("[aria-label='Language and look']")
    page.click("text=Dark" if theme == "light" else "text=Light")
    assert page.locator("html").get_attribute("data-bs-theme") == ("dark" if theme == "light" else "light")
    page.context.close()


def test_no_page_asks_another_host(page: Page, quiet: list[str], live_server: Any, make: Make) -> None:
    ticket = make.ticket()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    let_in(page, make.user(role="manager", is_demo=True), live_server.url)
    for path in (
        "/desk/",
        f"/desk/tickets/{ticket.number}/",
        "/manage/",
        "/manage/operations/",
        "/help/",
        "/help/ask/",
    ):
        page.goto(live_server.url + path)
    others = [url for url in asked if not url.startswith((live_server.url, "data:", "blob:"))]
    assert others == []
