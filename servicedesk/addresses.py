"""How long an address may be, in every shape of the desk.

The servers in front (gunicorn, h11) have bounds of their own, above this one: what they let through is refused here, by
the same words everywhere.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from servicedesk.pages import errors
from servicedesk.rest import problems


class AddressLengthMiddleware:
    """414 for an address (path and query string, percent-encoded) above ADDRESS_MAX_BYTES."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if len(request.get_full_path()) <= settings.ADDRESS_MAX_BYTES:
            return self.get_response(request)
        if problems.is_api(request):
            return problems.answer(414, *problems.UNREADABLE[414])
        return errors.error_page(request, 414)
