"""What a person sees when something did not work: what happened, that nothing was lost, and what to do.

The one place where a browser's refusals are worded; the API words its own as problem+json.
"""

from typing import Any, Final, NamedTuple

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.csrf import csrf_failure as plain_csrf_failure

from servicedesk.errors import DomainError, NotAllowed, TooMany
from servicedesk.request_ids import request_id

Text = str | Promise


class Words(NamedTuple):
    """Headline, what it means and what to do, and an icon."""

    title: Text
    detail: Text
    icon: str


WORDS: Final[dict[int, Words]] = {
    400: Words(
        _("This request could not be read"), _("Nothing was changed. Go back and try once more."), "file-unknown"
    ),
    403: Words(
        _("You may not do this"),
        _("Nothing was changed. If you need it for your work, ask a manager to give you the right role."),
        "lock",
    ),
    404: Words(
        _("There is nothing here"),
        _("The address may be mistyped, or it belongs to a shop you don't work for."),
        "map-search",
    ),
    405: Words(_("This page can't be used in that way"), _("Nothing was changed. Open it from its own page."), "ban"),
    409: Words(_("Not possible right now"), _("Nothing was changed."), "arrows-exchange"),
    412: Words(
        _("It was changed in the meantime"),
        _("Nothing of it was overwritten. Look at the newest state, then try again."),
        "refresh-alert",
    ),
    413: Words(
        _("That is too large"),
        _("Nothing was kept. Send smaller files, or several messages: 25 MB each at most."),
        "file-alert",
    ),
    414: Words(
        _("This address is too long"),
        _("Nothing was changed. Search for fewer words at once."),
        "link-off",
    ),
    422: Words(_("Some values are not valid"), _("Nothing was changed. Go back and correct them."), "forms"),
    429: Words(
        _("Too many requests"),
        _("Nothing was changed. Wait a minute, then try again."),
        "hourglass",
    ),
    503: Words(_("Not available right now"), _("Nothing was changed. Try again in a moment."), "plug-connected-x"),
    500: Words(
        _("Something broke on our side"),
        _("It was recorded. What had been saved before is safe; try again in a moment."),
        "plug-connected-x",
    ),
}
NOT_THEIRS = Words(
    _("There is nothing here"),
    _("The address may be mistyped. A question you asked opens with the link that we sent you by e-mail."),
    "map-search",
)
STALE_PAGE = Words(
    _("This page was open for too long"),
    _("For your safety nothing was sent. Go back, reload the page and send it again; copy your text first."),
    "clock-exclamation",
)


def error_page(request: HttpRequest, status: int, words: Words | None = None, detail: Text = "") -> HttpResponse:
    """The page for a status; for htmx the same words as a message that is put on top of the page."""
    words = words or words_for(request, status)
    context = {"status": status, "words": words, "detail": detail or words.detail, "reference": request_id()}
    template = "errors/message.html" if request.headers.get("HX-Request") else "errors/error.html"
    response = render(request, template, context, status=status)
    if request.headers.get("HX-Request"):
        response["HX-Retarget"] = "#toasts"
        response["HX-Reswap"] = "beforeend"
    return response


def words_for(request: HttpRequest, status: int) -> Words:
    """Customers are told of links, not of shops and roles."""
    if status == 404 and request.path.startswith("/help/"):
        return NOT_THEIRS
    return WORDS.get(status, WORDS[500 if status >= 500 else 400])


def refusal(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The page of a domain error: its own words under the status's headline."""
    # Which permission is missing is for programs; people are told whom to ask.
    is_plain = error.detail == error.title or isinstance(error, NotAllowed)
    response = error_page(request, error.status, detail="" if is_plain else error.detail)
    if isinstance(error, TooMany):
        response["Retry-After"] = str(error.retry_after)
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, 404)


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, 429)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if request.path.startswith("/api/"):
        return plain_csrf_failure(request, reason)
    return error_page(request, 403, STALE_PAGE)


def server_error(request: HttpRequest) -> HttpResponse:
    """No request context, no database: whatever broke must not break this page too."""
    words = WORDS[500]
    context: dict[str, Any] = {"status": 500, "words": words, "detail": words.detail, "reference": request_id()}
    return HttpResponse(render_to_string("errors/error.html", context), status=500)
