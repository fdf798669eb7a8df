"""axe-core, the accessibility checker, in the page that is open."""

from typing import Any, Final

from playwright.sync_api import Page

from servicedesk.assets import NODE_MODULES

AXE: Final = NODE_MODULES / "axe-core" / "axe.min.js"
RUN: Final = """(rules) => axe.run({ resultTypes: ["violations"], ...(rules && { runOnly: rules }) })
    .then(({ violations }) => violations)"""


def violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe finds on this page, a line each: rule, place, and what is wrong there. `rules` None is all of them."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(RUN, rules)
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]
