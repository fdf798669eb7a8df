"""No page has anything that axe-core objects to: wide and light, wide and dark, and on a phone in Chinese.

But for the page of the programming interface, which is Swagger UI's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import pytest
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, Page

from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.events import record
from servicedesk.models import Notice, User
from servicedesk.notices.actions import read_notice
from servicedesk.notices.telling import notify
from servicedesk.webhooks.actions import register_endpoint
from tests.browser.axe import AXE, violations
from tests.browser.people import PASSWORD, let_in
from tests.make import INTEGRATION, Make
from tickets.actions.conversing import Words, add_note
from tickets.actions.merging import merge_tickets
from tickets.following import follow_token
from tickets.models import Ticket

pytestmark = [
    pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (make test fetches it)"),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="only on SQLite: pages look alike on every database"),
]

WIDE: Final = {"width": 1366, "height": 768}
PHONE: Final = {"width": 390, "height": 844}
# Structure is the same in both themes, colours are not.
WAYS: Final = {
    "light": ({"color_scheme": "light", "locale": "en-GB", "viewport": WIDE}, None),
    "dark": ({"color_scheme": "dark", "locale": "zh-CN", "viewport": WIDE}, ["color-contrast", "link-in-text-block"]),
    "phone": ({"color_scheme": "dark", "locale": "zh-TW", "viewport": PHONE}, None),
}


@dataclass
class Look:
    """A browser window in one of the ways, and what was found wrong on the pages it has seen."""

    context: BrowserContext
    page: Page
    base: str
    rules: list[str] | None
    found: list[str] = field(default_factory=list)

    def sign_in(self, user: User) -> None:
        self.context.clear_cookies()
        let_in(self.page, user, self.base)

    def at(self, *paths: str) -> None:
        for path in paths:
            self.page.goto(self.base + path)
            self.here(path)

    def here(self, name: str) -> None:
        self.page.wait_for_timeout(150)
        self.found += [f"{name}: {line}" for line in violations(self.page, self.rules)]


@pytest.fixture(params=WAYS)
def look(request: Any, browser: Browser, live_server: Any, make: Make) -> Iterator[Look]:
    options, rules = WAYS[request.param]
    context = browser.new_context(**options)
    shown = Look(context, context.new_page(), live_server.url, rules)
    yield shown
    context.close()
    assert not shown.found, "\n".join(shown.found)


def test_the_way_in_and_what_is_not_there(look: Look, make: Make) -> None:
    look.at("/accounts/login/", "/accounts/password/reset/", "/accounts/password/reset/key/1-x/", "/nowhere/")


def test_the_customers_pages(look: Look, make: Make) -> None:
    look.at("/help/", "/help/ask/")
    look.page.evaluate("document.querySelector('main form').noValidate = true")
    look.page.click("main form button")
    look.here("the form with its errors")
    look.page.fill("[name=subject]", "Where is my parcel?")
    look.page.fill("[name=body]", "No news.")
    look.page.fill("[name=email]", "dana@example.com")
    look.page.click("main form button")
    look.page.wait_for_url("**/help/asked/")
    look.here("thank you")
    ticket = Ticket.objects.get()
    make.reply(ticket, "It arrives tomorrow.")
    look.at(f"/help/follow/{follow_token(ticket)}/", "/help/", "/help/follow/expired/")


def test_the_queue(look: Look, make: Make) -> None:
    agent = make.user()
    look.sign_in(agent)
    look.at("/desk/")
    for status in ("new", "open", "pending", "on_hold", "solved"):
        make.ticket(status, priority="urgent" if status == "new" else "normal")
    make.ticket(at=now() - timedelta(minutes=9))
    make.ticket(at=now() - timedelta(hours=1))
    make.settle_down()
    look.at(*(f"/desk/?view={view}" for view in ("unassigned", "at-risk", "breached", "waiting", "all")))
    look.at("/desk/?q=Strap", "/desk/?q=nothing")


def test_a_ticket(look: Look, make: Make) -> None:
    agent = make.user()
    look.sign_in(agent)
    dana = make.customer("Dana Weiß", "dana@example.com", phone="+86 138 0013 8000", language="en")
    ticket, closed = make.ticket("open", customer=dana), make.ticket("closed", customer=dana)
    add_note(ticket, Words("Known batch."), by=Actor.staff(agent))
    make.reply(ticket, "On its way.", by=Actor.staff(agent))
    merged = merge_tickets(make.ticket(customer=dana), into=ticket, by=INTEGRATION)
    for one in (merged, closed, ticket):
        look.at(f"/desk/tickets/{one.number}/")
    look.page.click("#t-head details.menu:nth-of-type(1) > summary")
    look.here("the menu of people")
    look.page.keyboard.press("Escape")
    look.page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    look.here("everything unfolded")
    look.at(f"/desk/tickets/{ticket.number}/clocks/resolution/")


def test_the_desk_around_the_tickets(look: Look, make: Make, settings: Any) -> None:
    look.sign_in(make.user(toured_at=None))
    look.at("/desk/?view=all")
    if look.page.locator(".tour-invitation").is_visible():
        look.page.click(".tour-invitation [data-start-tour]")
        look.here("the tour")
    settings.DEBUG = True
    look.at("/desk/pieces/")


def test_ones_own_account(look: Look, make: Make) -> None:
    look.sign_in(make.user())
    look.at("/accounts/2fa/", "/accounts/sessions/", "/accounts/password/change/", "/accounts/2fa/totp/activate/")
    look.page.fill("[name=password]", PASSWORD)
    look.page.click("main [type=submit]")
    look.page.wait_for_selector(".qr")
    look.here("setting up an authenticator app")
    look.at("/manage/")


def test_the_bell_and_its_pages(look: Look, make: Make) -> None:
    agent, ticket = make.user(), make.ticket()
    look.sign_in(agent)
    look.at("/desk/notices/")
    look.page.click("#bell > summary")
    look.page.wait_for_selector("#bell-list li")
    look.here("the bell without anything")
    for kind in ("ticket.assigned", "message.received", "message.mentioned", "clock.warned", "clock.breached"):
        notify([agent], kind, record(kind, ticket, by=SYSTEM, changes={"metric": "first_response"}))
    read_notice(Notice.objects.latest("id"), by=Actor.staff(agent))
    look.at("/desk/", "/desk/notices/", "/desk/notices/settings/")
    look.page.wait_for_selector(".bell-count")
    look.page.click("#bell > summary")
    look.page.wait_for_selector("#bell-list li")
    look.here("the bell with news")
    assert look.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    look.page.evaluate("document.querySelector('main select option').value = 'weekly'")
    look.page.click("main form .btn-primary")
    look.here("the preferences with an error")


def test_the_managers_pages(look: Look, make: Make) -> None:
    look.sign_in(make.user(User.Role.ADMIN, is_demo=True))
    issue_api_key(integration="Shop", scopes=["tickets:read"], by=SYSTEM)
    endpoint = register_endpoint(url="https://shop.example.com/hook", kinds=["ticket.*"], by=SYSTEM)
    look.at("/manage/", "/manage/operations/", "/manage/keys/", "/manage/webhooks/", f"/manage/webhooks/{endpoint.pk}/")
    look.at("/admin/", "/admin/servicedesk/user/", "/admin/tickets/slapolicy/", "/admin/tickets/slapolicy/add/")
