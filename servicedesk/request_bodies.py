"""How long a request's body is, before any of it is read."""

from django.http import HttpRequest


def content_length(request: HttpRequest) -> int:
    """In bytes, as the header says; 0 without one, and then Django reads nothing."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
