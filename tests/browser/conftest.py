"""A real browser: Debian's Chromium, driven by Playwright, against the desk served by this test run."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, expect, sync_playwright

from servicedesk.assets import NODE_MODULES
from tests.make import Make
from tests.patience import PATIENCE_SECONDS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# The stream is a process of its own (tests/live); here it is away, and the desk asks instead.
EXPECTED = ("/live/",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    reason = "" if CHROMIUM else "Chromium is not installed"
    if not (NODE_MODULES / "@tabler").is_dir():
        reason = reason or "the front-end files are not installed (make assets)"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.browser)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session", autouse=True)
def the_orm_may_be_asked_beside_a_running_browser() -> Iterator[None]:
    """Playwright's own loop makes Django think that it is called from asynchronous code."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=1000 * PATIENCE_SECONDS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh browser window of somebody who reads English, in Shanghai."""
    size = ViewportSize(width=1366, height=768)
    context = browser.new_context(locale="en-GB", timezone_id="Asia/Shanghai", viewport=size)
    yield context.new_page()
    context.close()


@pytest.fixture
def make(transactional_db: None) -> Make:
    cache.clear()
    return Make()


@pytest.fixture
def quiet(page: Page) -> Iterator[list[str]]:
    """Fails the test that made the browser complain: a script that broke, a policy that was violated."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        place = str(message.location.get("url", ""))
        if message.type in {"error", "warning"} and not any(part in place + message.text for part in EXPECTED):
            said.append(f"{message.text} ({place})")

    page.on("console", hear)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield said
    assert said == []
