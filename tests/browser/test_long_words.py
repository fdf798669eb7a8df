"""The layout holds in a language with long words: every text of the pages is drawn out as German would."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from django.utils.translation import trans_real
from playwright.sync_api import Page, ViewportSize

from servicedesk.models import User
from tests.browser.people import let_in
from tests.make import Make

TAIL: Final = "ungsvorgangsbearbeitung"
SIZES: Final = {
    "wide": ViewportSize(width=1366, height=768),
    "phone": ViewportSize(width=390, height=844),
    "small": ViewportSize(width=320, height=700),
}
# What leaves the window, and what is cut off without saying so (`.clip` ends in an ellipsis and is meant to).
LOST: Final = """() => {
  const own = (el) => [...el.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const aside = ".visually-hidden, .skip, .wide, .brand-name, .clip, .toasts, .pot, option, pre, noscript, script, style, title";
  const scrolls = (el) => {
    for (let up = el; up && up !== document.body; up = up.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(up).overflowX) && up.scrollWidth > up.clientWidth) return true;
    return false;
  };
  const lost = [];
  for (const el of document.body.querySelectorAll("*")) {
    if (!own(el) || el.closest(aside) || !el.checkVisibility()) continue;
    const box = el.getBoundingClientRect(), style = getComputedStyle(el);
    const leaves = box.width && (box.right > innerWidth + 1 || box.left < -1) && !scrolls(el);
    const cut = style.overflowX === "hidden" && el.scrollWidth > el.clientWidth + 1;
    if (leaves || cut) lost.push(`${el.tagName}.${el.className}: ${el.textContent.trim().slice(0, 40)} (${box.left}–${box.right})`);
  }
  if (document.documentElement.scrollWidth > innerWidth) lost.push(`page: ${document.documentElement.scrollWidth}`);
  return lost;
}"""


def drawn_out(text: str) -> str:
    """A third longer, short words nearly twice as long, as one word with what it follows."""
    more = len(text) // 3 if len(text) > 12 else len(text) * 4 // 5 + 2
    return text + (TAIL * 4)[:more] if text.strip() else text


@pytest.fixture
def long_words(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = trans_real.translation("en")
    once: Callable[[str], str] = catalogue.gettext
    many: Callable[[str, str, int], str] = catalogue.ngettext
    monkeypatch.setattr(catalogue, "gettext", lambda text: drawn_out(once(text)))
    monkeypatch.setattr(catalogue, "ngettext", lambda one, more, n: drawn_out(many(one, more, n)))


@pytest.mark.parametrize("size", SIZES)
def test_no_text_is_lost(long_words: None, page: Page, live_server: Any, make: Make, size: str) -> None:
    page.set_viewport_size(SIZES[size])
    admin, ticket = make.user(User.Role.ADMIN, is_demo=True), make.ticket("open", priority="urgent")
    make.answer(ticket, "One more thing.")
    page.goto(f"{live_server.url}/accounts/login/")
    found = {"sign-in": page.evaluate(LOST)}
    let_in(page, admin, live_server.url)
    desk = ["/desk/?view=all", f"/desk/tickets/{ticket.number}/", "/desk/?view=waiting"]
    for path in [*desk, "/manage/", "/manage/operations/", "/manage/keys/", "/help/", "/help/ask/"]:
        page.goto(live_server.url + path)
        page.wait_for_timeout(200)
        assert "ungs" in page.content()
        found[path] = page.evaluate(LOST)
    assert {path: lost for path, lost in found.items() if lost} == {}
