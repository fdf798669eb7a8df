"""Text answers compressed, where no proxy does it: the embedded desk."""

from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

TEXTS: Final = ("text/", "application/json", "application/problem+json")


class CompressionMiddleware(GZipMiddleware):
    """Pages, fragments and JSON, with Django's random padding: lengths then tell nothing of a secret (BREACH).

    Files are streamed and stay as they are. So does an answer with an ETag: If-Match sends the tag back, and that of a
    compressed answer would be another one.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or response.has_header("ETag"):
            return response
        if not response.headers.get("Content-Type", "").startswith(TEXTS):
            return response
        return super().process_response(request, response)
