"""Structured logs with the request's id and without personal data.

A line says what happened by code, id, number and time. It never holds a query string, a body, a path (signed links are
paths: the route's pattern stands in its place) or an exception's message (which may quote a customer; its type and the
places in the code remain). With DEBUG on, messages of exceptions are shown.
"""

import logging
import logging.config
import re
import sys
import time
import traceback
from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager
from typing import Any, Final

import structlog
from django.http import HttpRequest, HttpResponseBase

from servicedesk.ids import new_id
from servicedesk.reports import report_errors
from servicedesk.request_ids import caused_by, request_id

__all__ = ["RequestMiddleware", "begin", "configure", "end", "request_id"]

HEADER: Final = "X-Request-ID"
# What a client may call its request: no separator of ours, no address (an @), and nothing that could be a telephone
# number, which is seven digits or more with at most one sign between them. A UUID is none, whatever its digits.
_HARMLESS_ID: Final = re.compile(r"(?!.*\d(?:[._-]?\d){6})[A-Za-z0-9._-]{1,64}")
_UUID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
# Asked every few seconds by machines, or fetched by the dozen with each page: measured, not logged.
_UNLOGGED_ROUTES: Final = frozenset({"healthz", "readyz", "metrics"})
_QUIET: Final = {
    # A line for each task received and done; failures are logged by servicedesk.celery, without arguments.
    "celery.app.trace": "CRITICAL",
    "celery.worker.strategy": "WARNING",
    "celery.worker.request": "WARNING",
    "celery.worker.consumer": "ERROR",
    "celery.beat": "WARNING",
    "kombu": "ERROR",
    # Their lines would hold paths and query strings; RequestMiddleware writes one without.
    "uvicorn.access": "CRITICAL",
    "gunicorn.access": "CRITICAL",
    "django.server": "CRITICAL",
    "uvicorn.error": "WARNING",
    "asyncio": "WARNING",
    "urllib3": "WARNING",
}

EventDict = MutableMapping[str, Any]
log = structlog.get_logger(__name__)


# ------------------------------------------------------------------------------------------------- configuration


def configure(options: dict[str, str]) -> None:
    """Set up logging: {"format": "console" | "json", "level": …}. Django calls it with settings.LOGGING."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        report_errors,
        describe_exception,
    ]
    if options["format"] == "json":
        renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [structlog.stdlib.add_logger_name, *shared],
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"pathless": {"()": WithoutPaths}},
            "formatters": {"desk": formatter},
            "handlers": {"desk": {"class": "logging.StreamHandler", "formatter": "desk", "filters": ["pathless"]}},
            "root": {"handlers": ["desk"], "level": options["level"]},
            "loggers": {name: {"level": level} for name, level in _QUIET.items()},
        }
    )


class WithoutPaths(logging.Filter):
    """Django's own lines about a request end in its path; the status and the route say as much as a log may."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if request is not None:
            if route_of(request) == "readyz" and getattr(record, "status_code", None) == 503:
                # An answer and no failure: a desk that starts, or is taken down, says so every few seconds.
                return False
            vars(record).update(route=route_of(request))
            record.msg, record.args = "%s: %s", (getattr(record, "status_code", "refused"), route_of(request))
        return True


def describe_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace exc_info by the traceback without the exceptions' messages."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = wordless_traceback(error)
    return event


def wordless_traceback(error: BaseException) -> str:
    """Types and places of an exception and its causes. Our own errors' messages stay: they hold no personal data."""
    from django.conf import settings

    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        lines = traceback.format_list(traceback.extract_tb(current.__traceback__))
        ours = type(current).__module__.startswith("servicedesk.")
        words = f": {current}" if ours or settings.DEBUG else ""
        name = f"{type(current).__module__}.{type(current).__qualname__}"
        parts.append("".join(["Traceback (most recent call last):\n", *lines, name, words]))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n\n… after:\n\n".join(parts)


# ------------------------------------------------------------------------------------- the request or task under way


def begin(identifier: str, **facts: str) -> AbstractContextManager[None]:
    """From now on every line and event of this thread names that request or task; hand the result to `end`."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=identifier, **facts)
    cause = caused_by(identifier)
    cause.__enter__()
    return cause


def end(cause: AbstractContextManager[None]) -> None:
    """The request or task is over."""
    cause.__exit__(None, None, None)
    structlog.contextvars.clear_contextvars()


def route_of(request: HttpRequest) -> str:
    """The pattern that the request's path matched; it names what was asked for without holding any of it."""
    match = getattr(request, "resolver_match", None)
    return match.route if match is not None else "unmatched"


def given_id(request: HttpRequest) -> str:
    """The client's or the proxy's own id of this request; empty where it gave none that is fit for logs and events."""
    given = request.headers.get(HEADER, "")
    return given if _UUID.fullmatch(given) or _HARMLESS_ID.fullmatch(given) else ""


class RequestMiddleware:
    """Gives each request an id, one line in the log and one observation in the metrics."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        identifier = given_id(request) or new_id().hex
        began = time.perf_counter()
        cause = begin(identifier)
        try:
            response = self.get_response(request)
            response.headers[HEADER] = identifier
            _note(request, response, time.perf_counter() - began)
        finally:
            end(cause)
        return response


def _note(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    from servicedesk import metrics

    route = route_of(request)
    # Methods are free text that the client writes; a label must not be.
    method = request.method if request.method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} else "other"
    metrics.REQUEST_SECONDS.labels(method, route, response.status_code).observe(seconds)
    if route not in _UNLOGGED_ROUTES:
        log.info("request", method=method, route=route, status=response.status_code, ms=round(seconds * 1000, 1))
