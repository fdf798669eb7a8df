"""The docs print what the code says."""

from pathlib import Path

import pytest
from django.conf import settings

from servicedesk.management.commands.describe import PAGES


@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_committed_page_is_what_the_code_says(page: str) -> None:
    committed = Path(settings.BASE_DIR, "docs", f"{page}.md").read_text(encoding="utf-8")
    assert committed == PAGES[page](), f"Run: manage.py describe {page} > docs/{page}.md"
