"""Pages of no chapter: the way in, and the choice of language and look."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from servicedesk.accounts.actions import choose_language, choose_theme
from servicedesk.actions.presence import set_presence
from servicedesk.actor import Actor
from servicedesk.pages.forms import ChoiceForm

YEAR = 365 * 24 * 3600


def home(request: HttpRequest) -> HttpResponse:
    """Staff to the desk, everybody else to the help pages."""
    return redirect("desk:queue" if request.user.is_authenticated else "help:start")


def safe_next(request: HttpRequest, wanted: str, otherwise: str = "/") -> str:
    """`wanted` if it leads to this very site, else `otherwise`."""
    own = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if own else otherwise


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keeps the choice: with the person where somebody is signed in, and always in this browser."""
    form = ChoiceForm(request.POST)
    if not form.is_valid():
        return HttpResponseRedirect("/", status=303)
    response = HttpResponseRedirect(safe_next(request, form.cleaned_data["next"]), status=303)
    language, theme = form.cleaned_data["language"], form.cleaned_data["theme"]
    if language:
        if request.user.is_authenticated:
            choose_language(request.user, language)
        remember(response, settings.LANGUAGE_COOKIE_NAME, language)
    if theme:
        if request.user.is_authenticated:
            choose_theme(request.user, theme)
        remember(response, "theme", theme)
    presence = form.cleaned_data["presence"]
    if presence and request.user.is_authenticated:
        set_presence(request.user, presence, by=Actor.staff(request.user))
    return response


def remember(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=YEAR, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
