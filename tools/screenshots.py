"""Pictures of the main pages for the docs, from a running desk with demo data.

    make run                              in one terminal
    python tools/screenshots.py           in another: docs/screens/*.png

Each page in light and dark, in English and both Chinese scripts, and on a phone. Look at them before committing.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

ROOT: Final = Path(__file__).resolve().parent.parent
SCREENS: Final = ROOT / "docs" / "screens"
DATA: Final = Path(os.environ.get("DATA_DIR", ROOT / "var"))
CHROMIUM: Final = os.environ.get("CHROMIUM", "/usr/bin/chromium")
LOCALES: Final = {"en": "en-GB", "zh-hans": "zh-CN", "zh-hant": "zh-TW"}
WIDE: Final = {"width": 1366, "height": 768}
PHONE: Final = {"width": 390, "height": 844}
TICKET: Final = "the first ticket at risk"

# Name → role (None: a customer), path, language, theme, size.
PICTURES: Final[dict[str, tuple[str | None, str, str, str, dict[str, int]]]] = {
    "sign-in": (None, "/accounts/login/", "en", "light", WIDE),
    "desk": ("agent", TICKET, "en", "light", WIDE),
    "desk-dark": ("agent", TICKET, "en", "dark", WIDE),
    "desk-zh-hans": ("agent", TICKET, "zh-hans", "light", WIDE),
    "desk-zh-hant-dark": ("agent", TICKET, "zh-hant", "dark", WIDE),
    "queue-phone": ("agent", "/desk/?view=all", "en", "light", PHONE),
    "ticket-phone": ("agent", TICKET, "zh-hans", "light", PHONE),
    "manage": ("manager", "/manage/", "en", "light", WIDE),
    "operations": ("manager", "/manage/operations/", "en", "light", WIDE),
    "help": (None, "/help/", "en", "light", WIDE),
    "ask": (None, "/help/ask/", "zh-hant", "light", WIDE),
    "ask-phone-dark": (None, "/help/ask/", "zh-hans", "dark", PHONE),
}


def sign_in(page: Page, demo: dict[str, Any], role: str) -> None:
    account = next(one for one in demo["accounts"] if one["role"] == role)
    page.goto(f"{demo['url']}/accounts/login/")
    page.fill("[name=login]", account["email"])
    page.fill("[name=password]", account["password"])
    page.click("main [type=submit]")
    page.wait_for_url("**/desk/**")


def take(browser: Browser, demo: dict[str, Any], name: str) -> None:
    role, path, language, theme, size = PICTURES[name]
    context = browser.new_context(viewport=size, locale=LOCALES[language], color_scheme=theme, device_scale_factor=1)  # type: ignore[arg-type]
    page = context.new_page()
    if role:
        sign_in(page, demo, role)
    page.goto(demo["url"] + ("/desk/?view=at-risk" if path == TICKET else path))
    if path == TICKET:
        page.locator(".q-link").first.click()
        page.wait_for_selector("#ticket[data-number]")
    # The stream never falls silent: what is waited for is a moment, not an idle network.
    page.wait_for_timeout(800)
    page.screenshot(path=SCREENS / f"{name}.png")
    context.close()


def main(names: list[str]) -> int:
    demo = json.loads((DATA / "demo.json").read_text(encoding="utf-8"))
    SCREENS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name in names or PICTURES:
            take(browser, demo, name)
            print(f"docs/screens/{name}.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
