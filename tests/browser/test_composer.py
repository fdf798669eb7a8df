"""Writing in a real browser: drafts that survive it."""

from typing import Any

from playwright.sync_api import Browser, Page, expect

from servicedesk.actor import Actor
from tests.browser.axe import AXE, violations
from tests.browser.people import let_in
from tests.make import Make
from tickets.actions.drafts import Unsent, save_draft
from tickets.models import Draft, Message, Ticket

AREA = "#composer textarea"
STATE = "[data-draft-state]"


def open_ticket(page: Page, ticket: Ticket, base: str) -> None:
    page.goto(f"{base}/desk/tickets/{ticket.number}/")


def must_be_accessible(page: Page) -> None:
    """What axe-core says of the page in the state it is in."""
    if AXE.is_file():
        assert violations(page) == []


# ------------------------------------------------------------------------------------------------ drafts


def test_a_draft_survives_closing_the_browser(browser: Browser, page: Page, live_server: Any, make: Make) -> None:
    alice, ticket = make.user(name="Alice"), make.ticket()
    first = browser.new_context(locale="en-GB").new_page()
    let_in(first, alice, live_server.url)
    open_ticket(first, ticket, live_server.url)
    first.click("#composer label:has-text('Note')")
    first.fill(AREA, "Half a sentence")
    expect(first.locator(STATE)).to_have_text("Draft saved")
    first.context.close()
    let_in(page, alice, live_server.url)
    open_ticket(page, ticket, live_server.url)
    expect(page.locator(AREA)).to_have_value("Half a sentence")
    expect(page.locator("#composer [value=internal]")).to_be_checked()
    page.click("#composer >> text=Add note")
    expect(page.locator(AREA)).to_have_value("")
    expect(page.locator("#thread")).to_contain_text("Half a sentence")
    assert not Draft.objects.exists()


def test_what_was_typed_a_moment_ago_is_kept_as_one_goes_on(page: Page, live_server: Any, make: Make) -> None:
    ticket, other = make.ticket(subject="Zipper stuck"), make.ticket(subject="Strap broke")
    let_in(page, make.user(), live_server.url)
    page.goto(f"{live_server.url}/desk/tickets/{ticket.number}/?view=all")
    page.fill(AREA, "Begun")
    page.click("text=Strap broke")
    expect(page.locator("#ticket h1")).to_have_text("Strap broke")
    page.fill(AREA, "Begun here too")
    page.goto(f"{live_server.url}/desk/")
    # Sent as the page was left, with nobody there to see the answer.
    while Draft.objects.count() < 2:
        page.wait_for_timeout(50)
    for one, text in ((ticket, "Begun"), (other, "Begun here too")):
        open_ticket(page, one, live_server.url)
        expect(page.locator(AREA)).to_have_value(text)


def test_two_windows_lose_nothing(page: Page, live_server: Any, make: Make) -> None:
    alice, ticket = make.user(name="Alice"), make.ticket()
    let_in(page, alice, live_server.url)
    open_ticket(page, ticket, live_server.url)
    save_draft(ticket, Unsent("From the other window"), by=Actor.staff(alice))
    page.fill(AREA, "From this window")
    expect(page.locator("[data-other]")).to_contain_text("From the other window")
    expect(page.locator(AREA)).to_have_value("From this window")
    must_be_accessible(page)
    page.click("text=Add it below")
    expect(page.locator(AREA)).to_have_value("From this window\n\nFrom the other window")
    expect(page.locator("[data-other]")).to_be_hidden()
    while Draft.objects.get().replaced:
        page.wait_for_timeout(50)
    assert Draft.objects.get().body == "From this window\n\nFrom the other window"


def test_the_window_one_comes_back_to_is_brought_up_to_date(page: Page, live_server: Any, make: Make) -> None:
    alice, ticket = make.user(), make.ticket()
    let_in(page, alice, live_server.url)
    open_ticket(page, ticket, live_server.url)
    save_draft(ticket, Unsent("From the other window"), by=Actor.staff(alice))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator(AREA)).to_have_value("From the other window")
    expect(page.locator(STATE)).to_have_text("Brought up to date from another window")
    page.type(AREA, "!")
    while Draft.objects.get().version < 2:
        page.wait_for_timeout(50)
    assert Draft.objects.get().replaced == ""


def test_a_draft_is_discarded_after_asking_once(page: Page, quiet: list[str], live_server: Any, make: Make) -> None:
    alice, ticket = make.user(), make.ticket()
    save_draft(ticket, Unsent("Not like this"), by=Actor.staff(alice))
    let_in(page, alice, live_server.url)
    open_ticket(page, ticket, live_server.url)
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("[data-discard]")
    expect(page.locator(AREA)).to_have_value("")
    assert not Draft.objects.exists()
    assert not Message.objects.filter(author="agent").exists()
