"""Errors as RFC 9457 problems, for everything under /api/.

A problem names fields and codes, never values: problems are logged by proxies and clients.
"""

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.response import Response

from servicedesk.errors import DomainError, FieldError, Invalid, TooMany, type_text
from servicedesk.pages import errors

logger = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/problem+json"
API_PREFIX: Final = "/api/"

# Texts of validators that would repeat what was sent are replaced by these.
SAFE_TEXTS: Final[Mapping[str, type_text]] = {
    "invalid_choice": _("This is not one of the values allowed."),
    "does_not_exist": _("There is no such object."),
    "not_a_list": _("A list is expected."),
    "not_a_dict": _("An object is expected."),
    "incorrect_type": _("This has the wrong type."),
}
NOT_VALID: Final = _("This value is not valid.")

# What doesn't get as far as a view, whoever notices it: code and text by status.
UNREADABLE: Final[Mapping[int, tuple[str, type_text]]] = {
    400: ("malformed", _("The request was not understood.")),
    414: ("address_too_long", _("The address is too long; a search can be sent by POST.")),
    431: ("headers_too_large", _("The headers are larger than this desk takes.")),
}
# RFC 9110's names; those of http.HTTPStatus changed with Python 3.13.
PHRASES: Final[Mapping[int, str]] = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}

# DRF's and Django's own exceptions: status, code and a text of ours.
TRANSPORT: Final[tuple[tuple[type[Exception], int, str, type_text], ...]] = (
    (exceptions.ParseError, 400, "malformed", _("The body could not be read as what it says it is.")),
    (exceptions.NotAuthenticated, 401, "unauthenticated", _("Send a key as “Authorization: Bearer …” or sign in.")),
    (exceptions.MethodNotAllowed, 405, "method_not_allowed", _("This address does not take that method.")),
    (exceptions.NotAcceptable, 406, "not_acceptable", _("Answers are JSON; the Accept header excludes it.")),
    (exceptions.UnsupportedMediaType, 415, "unsupported_media_type", _("This content type is not taken here.")),
    (exceptions.NotFound, 404, "not_found", _("There is nothing here that you may see.")),
    (Http404, 404, "not_found", _("There is nothing here that you may see.")),
    (PermissionDenied, 403, "not_allowed", _("You may not do this.")),
    (RequestDataTooBig, 413, "too_large", _("The body is larger than this address takes.")),
    (SuspiciousOperation, 400, *UNREADABLE[400]),
    (UnreadablePostError, 400, "malformed", _("The body broke off.")),
)


def answer_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler. None lets an unforeseen error rise, to be logged and answered by `server_error`."""
    body = describe(error)
    if body is None:
        return None
    return Response(body, status=body["status"], headers=_headers(error), content_type=CONTENT_TYPE)


def describe(error: Exception) -> dict[str, Any] | None:
    """The problem that an exception stands for; None when it is nobody's plan."""
    if isinstance(error, DomainError):
        fields = error.errors if isinstance(error, Invalid) else ()
        return problem(error.status, error.code, error.detail, title=error.title, fields=fields)
    if isinstance(error, exceptions.ValidationError):
        return _invalid(list(_from_drf(error.detail)))
    if isinstance(error, DjangoValidationError):
        return _invalid(list(_from_django(error)))
    for kind, status, code, text in TRANSPORT:
        if isinstance(error, kind):
            return problem(status, code, text)
    if isinstance(error, exceptions.APIException):
        # AuthenticationFailed, PermissionDenied, Throttled: raised by our own classes with texts of ours.
        word = error.get_codes()
        return problem(error.status_code, word if isinstance(word, str) else "refused", str(error.detail))
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("The database did not answer a request", exc_info=error)
        return problem(503, "unavailable", _("The desk cannot reach its database right now; try again shortly."))
    return None


def problem(
    status: int, code: str, detail: type_text, *, title: type_text | None = None, fields: tuple[FieldError, ...] = ()
) -> dict[str, Any]:
    """The members of a problem document; `errors` only where fields are named."""
    body: dict[str, Any] = {
        "type": f"urn:problem-type:{code}",
        "title": str(title or phrase(status)),
        "status": status,
        "detail": str(detail),
        "code": code,
    }
    if fields:
        body["errors"] = [{"field": e.field, "code": e.code, "detail": str(e.detail)} for e in fields]
    return body


def phrase(status: int) -> str:
    """The status in words, the same on every version of Python."""
    return PHRASES.get(status) or HTTPStatus(status).phrase


def _invalid(fields: list[FieldError]) -> dict[str, Any]:
    return problem(422, Invalid.code, Invalid.title, title=Invalid.title, fields=tuple(fields))


def _headers(error: Exception) -> dict[str, str]:
    headers: dict[str, str] = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    wait = error.retry_after if isinstance(error, TooMany) else getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, round(wait)))
    elif isinstance(error, OperationalError | InterfaceError):
        headers["Retry-After"] = "1"
    return headers


def _from_drf(detail: Any, path: str = "") -> Iterator[FieldError]:
    """The leaves of DRF's nested details, with dotted paths; the body as a whole is the empty path."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            own = "" if name == "non_field_errors" else str(name)
            yield from _from_drf(inner, f"{path}.{own}" if path and own else path or own)
    elif isinstance(detail, list | tuple):
        for position, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            if nested and not inner:
                continue
            yield from _from_drf(inner, f"{path}.{position}" if nested and path else path)
    else:
        code = getattr(detail, "code", "invalid")
        yield FieldError(path, code, SAFE_TEXTS.get(code, str(detail)))


def _from_django(error: DjangoValidationError) -> Iterator[FieldError]:
    by_field = error.error_dict if hasattr(error, "error_dict") else {"": error.error_list}
    for field, found in by_field.items():
        for one in found:
            params = one.params or {}
            text = NOT_VALID if "value" in params else (one.message % params if params else one.message)
            yield FieldError("" if field == "__all__" else field, one.code or "invalid", str(text))


# ---------------------------------------------------------------------------------- outside Django REST framework
# The handlers of the whole desk: problems under /api/, pages elsewhere.


def answer(status: int, code: str, detail: type_text) -> HttpResponse:
    return JsonResponse(problem(status, code, detail), status=status, content_type=CONTENT_TYPE)


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(API_PREFIX)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not is_api(request):
        return errors.bad_request(request, exception)
    body = describe(exception) or problem(400, *UNREADABLE[400])
    return JsonResponse(body, status=body["status"], content_type=CONTENT_TYPE)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not is_api(request):
        return errors.forbidden(request, exception)
    return answer(403, "not_allowed", _("You may not do this."))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not is_api(request):
        return errors.not_found(request, exception)
    return answer(404, "not_found", _("There is nothing here that you may see."))


def server_error(request: HttpRequest) -> HttpResponse:
    if not is_api(request):
        return errors.server_error(request)
    return answer(500, "internal", _("The desk failed at this. It has been logged; nothing was half done."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if not is_api(request):
        return errors.csrf_failure(request, reason)
    return answer(403, "csrf", _("The session needs a valid CSRF token."))
