"""How nouns get their addresses."""

from typing import Any, Final

from rest_framework.routers import SimpleRouter

UUID_PATTERN: Final = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class DeskRouter(SimpleRouter):
    """Addresses end in a slash, and a row's is its UUID."""

    def get_lookup_regex(self, viewset: Any, lookup_prefix: str = "") -> str:
        return f"(?P<pk>{UUID_PATTERN})"
