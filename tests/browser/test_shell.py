"""Panes that are drawn and stay drawn, and a tour that can be dismissed."""

from typing import Any

from playwright.sync_api import Page, expect

from servicedesk.models import User
from tests.browser.people import let_in
from tests.make import Make


def width_of(page: Page, selector: str) -> int:
    box = page.locator(selector).bounding_box()
    assert box is not None
    return round(box["width"])


def test_a_pane_drawn_with_the_mouse_is_as_wide_at_the_next_visit(
    page: Page, quiet: list[str], live_server: Any, make: Make
) -> None:
    ticket, agent = make.ticket(), make.user()
    let_in(page, agent, live_server.url)
    page.goto(f"{live_server.url}/desk/tickets/{ticket.number}/")
    bar = page.locator("[data-pane=queue]")
    box = bar.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 4, 400)
    page.mouse.down()
    page.mouse.move(box["x"] + 4 - 60, 400, steps=5)
    with page.expect_response("**/desk/panes/"):
        page.mouse.up()
    drawn = width_of(page, "#queue")
    assert drawn == 376 - 60
    page.reload()
    assert width_of(page, "#queue") == drawn
    assert width_of(page, "#context") == 296
    with page.expect_response("**/desk/panes/"):
        page.locator("[data-pane=queue]").dblclick()
    assert width_of(page, "#queue") == 376
    agent.refresh_from_db()
    assert agent.queue_width is None


def test_a_pane_is_drawn_with_the_keys_within_its_bounds(
    page: Page, quiet: list[str], live_server: Any, make: Make
) -> None:
    ticket = make.ticket()
    let_in(page, make.user(), live_server.url)
    page.goto(f"{live_server.url}/desk/tickets/{ticket.number}/")
    bar = page.locator("[data-pane=context]")
    bar.focus()
    page.keyboard.press("ArrowLeft")
    assert width_of(page, "#context") == 296 + 16
    expect(bar).to_have_attribute("aria-valuenow", "312")
    with page.expect_response("**/desk/panes/"):
        page.keyboard.press("Home")
    assert width_of(page, "#context") == 220


def test_the_tour_leads_from_place_to_place_and_is_offered_once(
    page: Page, quiet: list[str], live_server: Any, make: Make
) -> None:
    make.ticket()
    newcomer = make.user(toured_at=None)
    let_in(page, newcomer, live_server.url)
    page.goto(f"{live_server.url}/desk/?view=all")
    card = page.locator("#tour")
    expect(card).to_be_hidden()
    page.click(".tour-invitation [data-start-tour]")
    expect(card).to_contain_text("Your queue")
    page.click("#tour [data-tour=next]")
    expect(card).to_contain_text("next deadline")
    expect(page.locator(".is-toured")).to_have_class("q-row is-toured")
    with page.expect_response("**/desk/tour/"):
        page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(page.locator(".tour-invitation")).to_have_count(0)
    assert User.objects.get(pk=newcomer.pk).toured_at is not None
    page.click(".bar .presence")
    page.click(".bar [data-start-tour]")
    expect(card).to_be_visible()
    while page.locator("#tour [data-tour=next]").is_visible():
        page.click("#tour [data-tour=next]")
    page.click("#tour [data-tour=end]")
    expect(card).to_be_hidden()


def test_the_tour_can_be_declined(page: Page, quiet: list[str], live_server: Any, make: Make) -> None:
    newcomer = make.user(toured_at=None)
    let_in(page, newcomer, live_server.url)
    page.goto(f"{live_server.url}/desk/")
    page.click("text=No, thanks")
    expect(page.locator(".tour-invitation")).to_have_count(0)
    assert User.objects.get(pk=newcomer.pk).toured_at is not None


def test_a_dense_desk_shows_twelve_rows_and_eight_messages(
    page: Page, quiet: list[str], live_server: Any, make: Make
) -> None:
    ticket = make.ticket(subject="Strap broke", body="It broke.")
    for n in range(8):
        make.answer(ticket, f"And another line, number {n}.")
    for _ in range(14):
        make.ticket()
    let_in(page, make.user(), live_server.url)
    page.goto(f"{live_server.url}/desk/tickets/{ticket.number}/?view=all")
    expect(page.locator(".q-row")).to_have_count(15)
    page.evaluate("document.fonts.ready")
    whole = """([items, pane]) => {
      const frame = document.querySelector(pane).getBoundingClientRect();
      return [...document.querySelectorAll(items)].map((el) => el.getBoundingClientRect())
        .filter((box) => box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1).length;
    }"""
    assert page.evaluate(whole, [".q-row", "#queue-rows"]) >= 12
    assert page.evaluate(whole, [".msg", "#thread"]) >= 8
