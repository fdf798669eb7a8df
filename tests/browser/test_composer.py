"""Writing in a real browser: drafts, macros, mentions, warnings, files, replies for later."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from servicedesk.actor import SYSTEM, Actor
from tests.browser.axe import AXE, violations
from tests.browser.people import let_in
from tests.make import Make
from tickets.actions.drafts import Unsent, save_draft
from tickets.actions.macros import MacroDraft, save_macro
from tickets.models import Attachment, Draft, Macro, Mention, Message, Ticket

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
    expect(first.locator(AREA)).to_be_focused()
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


# ------------------------------------------------------------------------------------------------ lists

PICKS = "#composer [data-picks]"


def a_macro(**facts: Any) -> Macro:
    texts = {"en": "Dear {{customer_name}}, we are sorry.", "zh-hans": "{{customer_name}}您好，非常抱歉。"}
    return save_macro(MacroDraft(**{"name": "Sorry", "texts": texts, **facts}), by=SYSTEM)


def a_ticket(make: Make, **facts: Any) -> Ticket:
    dana = make.customer("Dana Weiß", "dana@example.com", language="en")
    return make.ticket(**{"customer": dana, "language": "en", "body": "My strap broke after two days.", **facts})


def test_a_macro_by_the_keyboard(page: Page, quiet: list[str], live_server: Any, make: Make) -> None:
    a_macro(actions=[{"action": "tag", "params": {"tags": ["late"]}}])
    a_macro(name="Thanks", texts={"en": "Thank you."})
    ticket = a_ticket(make)
    let_in(page, make.user(), live_server.url)
    open_ticket(page, ticket, live_server.url)
    page.click(AREA)
    page.keyboard.type("/")
    expect(page.locator(f"{PICKS} [role=option]:visible")).to_have_count(2)
    must_be_accessible(page)
    page.keyboard.type("sor")
    expect(page.locator(f"{PICKS} [role=option]:visible")).to_have_count(1)
    expect(page.locator(PICKS)).to_contain_text("Dear Dana Weiß, we are sorry.")
    assert page.locator(AREA).get_attribute("aria-activedescendant")
    page.keyboard.press("Escape")
    expect(page.locator(PICKS)).to_be_hidden()
    expect(page.locator(AREA)).to_have_value("/sor")
    page.keyboard.press("Control+A")
    page.keyboard.type("/")
    expect(page.locator(f"{PICKS} [role=option]:visible")).to_have_count(2)
    page.keyboard.type("sor")
    page.keyboard.press("Enter")
    expect(page.locator(AREA)).to_have_value("Dear Dana Weiß, we are sorry.")
    expect(page.locator("[data-extras]")).to_contain_text("as this is sent, also: tag late")
    must_be_accessible(page)
    while not Draft.objects.filter(body__isnull=False).exclude(macros=[]).exists():
        page.wait_for_timeout(50)
    page.reload()
    expect(page.locator("[data-extras]")).to_contain_text("Sorry")
    page.focus(AREA)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#thread")).to_contain_text("Leaves in")
    expect(page.locator(AREA)).to_be_focused()
    assert [tag.name for tag in Ticket.objects.get().tags.all()] == ["late"]


def test_a_list_closes_at_what_is_no_word_of_its_own(page: Page, live_server: Any, make: Make) -> None:
    a_macro()
    ticket = a_ticket(make)
    let_in(page, make.user(), live_server.url)
    open_ticket(page, ticket, live_server.url)
    page.fill(AREA, "and/or, dana@example.com")
    expect(page.locator(PICKS)).to_be_hidden()
    page.fill(AREA, "and /")
    expect(page.locator(PICKS)).to_be_visible()
    with page.expect_response("**/news/"):
        page.evaluate("htmx.trigger(document.body, 'desk:ticket')")
    expect(page.locator(PICKS)).to_be_visible()
    page.keyboard.type("nothing like it")
    expect(page.locator(PICKS)).to_be_hidden()


def test_nothing_fires_while_an_input_method_composes(page: Page, live_server: Any, make: Make) -> None:
    a_macro()
    ticket = a_ticket(make)
    let_in(page, make.user(), live_server.url)
    open_ticket(page, ticket, live_server.url)
    page.fill(AREA, "/")
    expect(page.locator(PICKS)).to_be_visible()
    page.evaluate(
        """(area) => {
             const key = { key: "Enter", bubbles: true, cancelable: true, isComposing: true };
             document.querySelector(area).dispatchEvent(new KeyboardEvent("keydown", key));
           }""",
        AREA,
    )
    expect(page.locator(PICKS)).to_be_visible()
    expect(page.locator(AREA)).to_have_value("/")
    page.fill(AREA, "")
    cdp = page.context.new_cdp_session(page)
    page.focus(AREA)
    cdp.send("Input.imeSetComposition", {"text": "/", "selectionStart": 1, "selectionEnd": 1})
    page.wait_for_function("(area) => document.querySelector(area).value === '/'", arg=AREA)
    expect(page.locator(PICKS)).to_be_hidden()
    cdp.send("Input.insertText", {"text": "/"})
    expect(page.locator(PICKS)).to_be_visible()


def test_a_macro_and_a_colleague_with_the_mouse_on_a_phone(
    page: Page, quiet: list[str], live_server: Any, make: Make
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    a_macro(name="Ask the team", is_note=True, texts={"en": "Known batch?"})
    bob, ticket = make.user(name="Bob"), a_ticket(make)
    let_in(page, make.user(name="Alice"), live_server.url)
    open_ticket(page, ticket, live_server.url)
    page.click("#composer [data-pick='/']")
    page.click(f"{PICKS} >> text=Ask the team")
    expect(page.locator(AREA)).to_have_value("Known batch?")
    expect(page.locator("#composer [value=internal]")).to_be_checked()
    page.click("#composer [data-pick='@']")
    expect(page.locator(f"{PICKS} >> text=Alice")).to_have_count(0)
    must_be_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click(f"{PICKS} >> text=Bob")
    expect(page.locator(AREA)).to_have_value("Known batch? @Bob ")
    page.click("#composer >> text=Add note")
    expect(page.locator("#thread")).to_contain_text("Known batch? @Bob")
    assert Mention.objects.get().user == bob


# ------------------------------------------------------------------------------------------------ before it leaves


def test_warnings_are_read_and_sent_anyway(page: Page, live_server: Any, make: Make) -> None:
    ticket = a_ticket(make)
    make.customer("Eve", "eve@example.com")
    let_in(page, make.user(), live_server.url)
    open_ticket(page, ticket, live_server.url)
    page.fill(AREA, "Maybe ask eve@example.com.")
    page.click("#composer [aria-label='Send and …']")
    must_be_accessible(page)
    page.click("#composer >> text=Send and solve")
    expect(page.locator(".doubts")).to_contain_text("another customer's")
    expect(page.locator(".doubts")).to_contain_text("This sounds vague")
    expect(page.locator(AREA)).to_have_value("Maybe ask eve@example.com.")
    must_be_accessible(page)
    page.click("text=Send anyway")
    expect(page.locator("#thread")).to_contain_text("Leaves in")
    expect(page.locator(".doubts")).to_have_count(0)
    assert Message.objects.get(author="agent").then == "solve"


def test_a_vague_reply_leaves_and_says_so_while_it_can_be_taken_back(
    page: Page, quiet: list[str], live_server: Any, make: Make
) -> None:
    ticket = a_ticket(make)
    let_in(page, make.user(), live_server.url)
    open_ticket(page, ticket, live_server.url)
    page.fill(AREA, "Maybe tomorrow.")
    page.click("#composer >> text=Send")
    expect(page.locator("#thread")).to_contain_text("Leaves in")
    expect(page.locator("#toasts")).to_contain_text("This sounds vague")
    must_be_accessible(page)


def test_a_reply_for_tomorrow_is_shown_and_cancelled(
    page: Page, quiet: list[str], live_server: Any, make: Make
) -> None:
    ticket = a_ticket(make)
    let_in(page, make.user(), live_server.url)
    open_ticket(page, ticket, live_server.url)
    page.fill(AREA, "Dear Dana, your strap is ready.")
    page.click("#composer [aria-label='Send and …']")
    page.click("#composer >> text=Tomorrow morning")
    expect(page.locator("#thread")).to_contain_text("Scheduled")
    expect(page.locator("#thread >> text=Send now")).to_be_visible()
    must_be_accessible(page)
    page.click("#thread >> text=Cancel")
    expect(page.locator(AREA)).to_have_value("Dear Dana, your strap is ready.")
    expect(page.locator("#thread >> text=Send now")).to_have_count(0)
    page.click("#composer [aria-label='Send and …']")
    page.fill("#composer [name=leaves_at]", "2099-01-05T09:00")
    page.click("#composer >> text=Send then")
    expect(page.locator("#thread")).to_contain_text("2099")
    page.click("#thread >> text=Send now")
    expect(page.locator("#thread >> text=Send now")).to_have_count(0)
    assert Message.objects.get(author="agent").delivery != "scheduled"


# ------------------------------------------------------------------------------------------------ files


def slow_down(page: Page, bytes_per_second: int) -> Any:
    cdp = page.context.new_cdp_session(page)
    cdp.send("Network.enable")
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second}
    cdp.send("Network.emulateNetworkConditions", limits)
    return cdp


@pytest.fixture
def ten_megabytes(tmp_path: Path) -> Path:
    path = tmp_path / "film.txt"
    path.write_bytes(b"0123456789abcdef" * (10 * 1024 * 64))
    assert path.stat().st_size == 10 * 1024 * 1024
    return path


def test_ten_megabytes_show_progress_and_can_be_cancelled(
    page: Page, live_server: Any, make: Make, ten_megabytes: Path
) -> None:
    ticket = a_ticket(make)
    let_in(page, make.user(), live_server.url)
    open_ticket(page, ticket, live_server.url)
    page.fill(AREA, "Dear Dana, here is the film.")
    cdp = slow_down(page, 400_000)
    page.set_input_files("#composer input[type=file]", ten_megabytes)
    progress = page.locator("#composer progress")
    expect(progress).to_be_visible()
    page.wait_for_function("() => document.querySelector('#composer progress').value > 1")
    must_be_accessible(page)
    page.click("#composer [data-files] [data-remove]")
    expect(page.locator("#composer [data-files] li")).to_have_count(0)
    expect(page.locator(AREA)).to_have_value("Dear Dana, here is the film.")
    assert not Attachment.objects.exists()
    cdp.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
    )
    page.set_input_files("#composer input[type=file]", ten_megabytes)
    page.click("#composer [data-default]")  # what is on its way goes along
    expect(page.locator("#thread")).to_contain_text("film.txt", timeout=30_000)
    message = Message.objects.get(author="agent")
    assert [file.size for file in message.attachments.all()] == [10 * 1024 * 1024]


def test_a_file_that_is_refused_says_why_and_loses_no_text(page: Page, live_server: Any, make: Make) -> None:
    ticket = a_ticket(make)
    let_in(page, make.user(), live_server.url)
    open_ticket(page, ticket, live_server.url)
    page.fill(AREA, "Dear Dana, see the file.")
    page.set_input_files(
        "#composer input[type=file]", {"name": "x.exe", "mimeType": "text/plain", "buffer": b"MZ" + b"\0" * 100}
    )
    expect(page.locator("#composer .is-bad")).to_contain_text("Try again")
    expect(page.locator("#composer .is-bad [role=alert]")).not_to_be_empty()
    expect(page.locator(AREA)).to_have_value("Dear Dana, see the file.")
    must_be_accessible(page)
    page.route("**/attachments/", lambda route: route.abort())
    page.set_input_files("#composer input[type=file]", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"text"})
    expect(page.locator("#composer .is-bad").nth(1)).to_contain_text("The connection was lost.")
    page.unroute("**/attachments/")
    page.locator("#composer .is-bad").nth(1).get_by_text("Try again").click()
    expect(page.locator("#composer [name=uploaded]")).to_have_count(1)


PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TRANSFER = """([picture, kind]) => {
  const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "image.png", { type: "image/png" }));
  const where = document.querySelector(kind === "drop" ? "#thread" : "#composer textarea");
  const event = kind === "drop"
    ? new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true })
    : new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true });
  where.dispatchEvent(event);
}"""


def test_pictures_are_pasted_and_dropped_and_stay_with_the_draft(
    page: Page, quiet: list[str], live_server: Any, make: Make
) -> None:
    ticket = a_ticket(make)
    let_in(page, make.user(), live_server.url)
    open_ticket(page, ticket, live_server.url)
    page.fill(AREA, "Dear Dana, like this?")
    for kind in ("paste", "drop"):
        page.evaluate(TRANSFER, [PICTURE, kind])
    expect(page.locator("#composer [name=uploaded]")).to_have_count(2)
    page.locator("#composer [data-files] [data-remove]").first.click()
    expect(page.locator(STATE)).to_have_text("Draft saved")
    while len(Draft.objects.get().attachments) != 1:
        page.wait_for_timeout(50)
    page.reload()
    expect(page.locator("#composer [data-files]")).to_contain_text("image.png")
    must_be_accessible(page)
    page.click("#composer [data-default]")
    expect(page.locator("#thread .file-chip")).to_have_count(1)
    assert Message.objects.get(author="agent").attachments.count() == 1
