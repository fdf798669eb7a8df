"""How people of the staff come in."""

from django.test import Client
from playwright.sync_api import Page

from servicedesk.models import User

PASSWORD = "correct horse battery"


def sign_in(page: Page, user: User, base: str) -> None:
    """As a person does, by the form."""
    page.goto(f"{base}/accounts/login/")
    page.fill("[name=login]", user.email)
    page.fill("[name=password]", PASSWORD)
    page.click("main [type=submit]")
    page.wait_for_url("**/desk/**")


def let_in(page: Page, user: User, base: str) -> None:
    """With a session made beforehand, where signing in is not what the test is about."""
    client = Client()
    client.force_login(user)
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": base}])
