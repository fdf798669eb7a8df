"""The second factor of those who lead, without which nothing opens; and when each session was last used."""

from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from servicedesk.accounts.second_factor import has_second_factor, needs_second_factor
from servicedesk.clock import now

# Signing in and out, setting the factor up, choosing a language, and what these pages are made of.
OPEN_PATHS = ("/accounts/", "/choices/", "/static/", "/healthz", "/readyz")
FOR_PROGRAMS = ("/api/", "/live/")
NOTED_EVERY_SECONDS = 300


class RequireSecondFactor:
    """Managers and administrators get as far as setting up a second factor, and no further without it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not user.is_authenticated or not needs_second_factor(user) or has_second_factor(request, user):
            return self.get_response(request)
        request.owes_second_factor = True  # type: ignore[attr-defined]
        if request.path.startswith(OPEN_PATHS):
            return self.get_response(request)
        return refuse(request) if request.path.startswith(FOR_PROGRAMS) else redirect("mfa_activate_totp")


def refuse(request: HttpRequest) -> HttpResponse:
    problem = {
        "type": "about:blank",
        "title": _("A second factor is needed"),
        "status": 403,
        "code": "second_factor_needed",
        "detail": _("Set up two-factor sign-in in the browser first."),
    }
    return JsonResponse(problem, status=403, content_type="application/problem+json")


class NoteActivity:
    """When and from where a session was last used, for the list of sessions. Not at every request: that is a write."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and settings.SESSION_COOKIE_NAME in request.COOKIES:
            moment = int(now().timestamp())
            if moment - request.session.get("noted_at", 0) >= NOTED_EVERY_SECONDS:
                request.session["noted_at"] = moment
                UserSession.objects.create_from_request(request)
        return self.get_response(request)
