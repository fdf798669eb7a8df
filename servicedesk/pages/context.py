"""What every template can ask for besides the request."""

from typing import Any

from django.http import HttpRequest


def page(request: HttpRequest) -> dict[str, Any]:
    """Whether this person still owes the desk a second factor."""
    return {"owes_second_factor": getattr(request, "owes_second_factor", False)}
