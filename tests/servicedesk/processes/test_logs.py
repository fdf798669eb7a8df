"""What a log line may hold."""

import io
import json
import logging

import pytest
import structlog
from django.conf import settings
from django.core.cache import cache
from django.test import RequestFactory
from django.urls import resolve

from servicedesk import logs
from servicedesk.errors import NotFound
from servicedesk.models import Event
from servicedesk.request_ids import request_id


@pytest.fixture
def lines():
    """Logs as JSON, and what was written."""
    logs.configure({"format": "json", "level": "INFO"})
    handler = logging.getLogger().handlers[0]
    written = io.StringIO()
    handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logs.configure(settings.LOGGING)


def test_an_exceptions_message_is_not_kept_and_its_place_is(lines):
    try:
        raise ValueError("dana@example.com")
    except ValueError:
        structlog.get_logger("x").exception("it.failed")
    (line,) = lines()
    assert line["event"] == "it.failed"
    assert "dana@example.com" not in json.dumps({k: v for k, v in line.items() if k != "exception"})
    assert line["exception"].endswith("ValueError")
    assert "test_logs.py" in line["exception"]


def test_causes_are_told_without_their_messages_too(lines):
    try:
        try:
            raise KeyError("13800138000")
        except KeyError as error:
            raise RuntimeError("secret") from error
    except RuntimeError:
        logging.getLogger("some.library").exception("failed")
    (line,) = lines()
    assert line["exception"].count("Traceback") == 2
    assert line["exception"].rstrip().endswith("KeyError")


def test_our_own_refusals_keep_their_words(lines):
    try:
        raise NotFound
    except NotFound:
        structlog.get_logger("x").exception("refused")
    assert "NotFound: " in lines()[0]["exception"]


def test_djangos_line_about_a_request_holds_no_path(lines):
    request = RequestFactory().get("/help/tickets/signed-link/?q=words")
    logging.getLogger("django.request").warning(
        "%s: %s", "Not Found", request.path, extra={"request": request, "status_code": 404}
    )
    assert lines()[0]["event"] == "404: unmatched"


@pytest.mark.parametrize(
    ("path", "status", "is_logged"), [("/readyz", 503, False), ("/readyz", 500, True), ("/desk/", 503, True)]
)
def test_a_desk_that_is_not_ready_yet_is_no_error(lines, path, status, is_logged):
    request = RequestFactory().get(path)
    request.resolver_match = resolve(path)
    logging.getLogger("django.request").error("no", extra={"request": request, "status_code": status})
    assert bool(lines()) is is_logged


def test_lines_carry_the_id_of_their_request(lines):
    cause = logs.begin("a-request-id")
    structlog.get_logger("x").info("something")
    assert request_id() == "a-request-id"
    logs.end(cause)
    structlog.get_logger("x").info("later")
    first, second = lines()
    assert first["request_id"] == "a-request-id"
    assert "request_id" not in second
    assert request_id() == ""


class TestRequests:
    @pytest.mark.parametrize(
        "given",
        [
            "",
            "has spaces in it",
            "new\nline-and-more",
            "ends-in-one\n",
            "x" * 65,
            "ünïcödé-id",
            "dana.weiss@example.com",
            "13800138000",
            "138-0013-8000",
            "tel.138.0013.8000",
            "call-13800138000-back",
            "+8613800138000",
            "\u0661\u0663\u0668\u0660\u0660\u0661\u0663\u0668",
            '{"json": "injected"}',
        ],
    )
    def test_an_id_that_could_do_harm_reaches_neither_logs_nor_events(self, client, make, lines, given):
        cache.clear()
        question = {"email": "dana@example.com", "subject": "Strap", "body": "What can you do?"}
        answer = client.post("/help/ask/", question, headers={"X-Request-ID": given})
        own = answer.headers["X-Request-ID"]
        assert (answer.status_code, own != given, len(own)) == (303, True, 32)
        assert {line["request_id"] for line in lines() if line["event"] == "request"} == {own}
        assert set(Event.objects.values_list("request_id", flat=True)) == {own}

    @pytest.mark.parametrize(
        "given", ["a", "proxy-1234.abcd", "x" * 64, "550e8400-e29b-41d4-a716-446655440000", "4" * 32]
    )
    def test_a_good_id_is_kept(self, client, given):
        answer = client.get("/healthz", headers={"X-Request-ID": given})
        assert answer.headers["X-Request-ID"] == given
