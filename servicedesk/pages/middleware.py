"""What every page needs to know about its reader, and what becomes of refusals."""

import zoneinfo
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from servicedesk.actor import Actor
from servicedesk.errors import DomainError
from servicedesk.pages.errors import refusal
from servicedesk.pages.requests import StaffRequest

Next = Callable[[HttpRequest], HttpResponse]
ZONES: Final = zoneinfo.available_timezones()


class LanguageMiddleware:
    """A guest's language: the choice kept in this browser, then the browser's own list, then the desk's."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        speak(request, translation.get_language_from_request(request))
        response = self.get_response(request)
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", translation.get_language() or settings.LANGUAGE_CODE)
        return response


class PersonMiddleware:
    """A signed-in person's own language and time zone, and `request.actor` as which the views let them act."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: StaffRequest) -> HttpResponse:
        user = request.user
        if not user.is_authenticated:
            return self.get_response(request)
        request.actor = Actor.staff(user)
        if user.language in dict(settings.LANGUAGES):
            speak(request, user.language)
        if user.time_zone not in ZONES:
            return self.get_response(request)
        with timezone.override(zoneinfo.ZoneInfo(user.time_zone)):
            return self.get_response(request)


class RefusalMiddleware:
    """A DomainError that no view had a better place for becomes a page (or, for htmx, a message) with its status."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, DomainError) and not request.path.startswith("/api/"):
            return refusal(request, exception)
        return None


def speak(request: HttpRequest, language: str) -> None:
    translation.activate(language)
    request.LANGUAGE_CODE = language
