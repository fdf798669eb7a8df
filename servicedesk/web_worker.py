"""gunicorn's worker of the web process, with the desk's own words for what gunicorn refuses by itself."""

import json
from http import HTTPStatus
from typing import Any, Final

from gunicorn import util
from gunicorn.http.errors import (
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.workers.gthread import ThreadWorker

STATUSES: Final[dict[type[Exception], int]] = {
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
}


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A request that can't be handed to Django is answered with a problem; nothing of it is repeated or logged."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        # A header that the application could not send is a ParseException too, but our own fault.
        if isinstance(exc, ParseException) and not isinstance(exc, InvalidResponseHeader | InvalidResponseHeaderName):
            self.log.warning("Refused a request: %s", type(exc).__name__)
            util.write_nonblock(client, refusal(STATUSES.get(type(exc), HTTPStatus.BAD_REQUEST)))
        else:
            # Without the request, whose address gunicorn would log.
            super().handle_error(None, client, addr, exc)


def refusal(status: int) -> bytes:
    """The whole answer, as it goes over the wire; the connection ends with it."""
    from django.conf import settings
    from django.utils import translation

    from servicedesk.rest.problems import CONTENT_TYPE, UNREADABLE, phrase, problem

    # Nobody knows yet which language is wanted, and the thread may still speak the one before's.
    with translation.override(settings.LANGUAGE_CODE):
        body = json.dumps(problem(status, *UNREADABLE[status])).encode()
    head = f"HTTP/1.1 {status} {phrase(status)}\r\nConnection: close\r\nContent-Type: {CONTENT_TYPE}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
