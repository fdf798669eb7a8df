"""Text is compressed by the embedded desk itself; files and tagged answers are left as they are."""

import gzip
from collections.abc import Callable

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory

from servicedesk.models import User
from servicedesk.pages.compression import CompressionMiddleware
from tests.make import Make

MIDDLEWARE = "servicedesk.pages.compression.CompressionMiddleware"
TEXT = "The strap broke after two days. " * 50


def passed(response: HttpResponseBase, accepted: str = "gzip, br") -> HttpResponseBase:
    """The response after the middleware, for a browser that accepts these encodings."""
    request = RequestFactory().get("/", headers={"Accept-Encoding": accepted})
    get_response: Callable[[HttpRequest], HttpResponseBase] = lambda _request: response  # noqa: E731
    return CompressionMiddleware(get_response)(request)  # type: ignore[return-value]


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json", "application/problem+json"])
def test_text_is_compressed_for_who_accepts_it(kind: str) -> None:
    response = passed(HttpResponse(TEXT, content_type=kind))
    assert isinstance(response, HttpResponse)
    assert response["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in response["Vary"]
    assert gzip.decompress(response.content).decode() == TEXT


def test_who_accepts_no_compression_gets_none() -> None:
    assert not passed(HttpResponse(TEXT), accepted="identity").has_header("Content-Encoding")


def test_the_same_answer_has_another_length_each_time() -> None:
    lengths = {len(passed(HttpResponse(TEXT)).content) for _ in range(40)}
    assert len(lengths) > 5


@pytest.mark.parametrize(
    "response",
    [
        HttpResponse(TEXT, content_type="image/png"),
        StreamingHttpResponse([TEXT.encode()], content_type="text/plain"),
        HttpResponse(TEXT, content_type="application/json", headers={"ETag": '"v7"'}),
    ],
    ids=["an image", "a stream", "a row with its version"],
)
def test_files_streams_and_tagged_rows_stay_as_they_are(response: HttpResponseBase) -> None:
    after = passed(response)
    assert not after.has_header("Content-Encoding")
    assert after.get("ETag", '"v7"') == '"v7"'


def test_only_the_embedded_desk_compresses_by_itself() -> None:
    assert (MIDDLEWARE in settings.MIDDLEWARE) == settings.EMBEDDED


def test_a_swap_of_fifty_rows_is_small(client: Client, make: Make, alice: User) -> None:
    for n in range(50):
        make.ticket(subject=f"收到两天就断了，怎么办？ {n * 7919 % 1000}")
    client.force_login(alice)
    response = client.get("/desk/rows/?view=all", headers={"HX-Request": "true"})
    assert response.content.count(b'class="q-row"') == 50
    after = passed(response)
    assert len(after.content) <= 15 * 1024
