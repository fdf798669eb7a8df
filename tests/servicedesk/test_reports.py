"""What leaves the desk when an error is reported: received by a real HTTP server, as Sentry would."""

import gzip
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import sentry_sdk
import structlog
from django.core.checks.registry import registry
from django.core.exceptions import ImproperlyConfigured
from django.core.management import load_command_class
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from servicedesk import checks, reports

CANARY = "canary-dana@example.com"


def broken(request: HttpRequest, word: str) -> HttpResponse:
    local = f"{CANARY} {word} {request.body!r}"
    try:
        raise KeyError(local)
    except KeyError as error:
        error.add_note(local)
        raise ImproperlyConfigured(local) from error


class Addresses:
    urlpatterns = [path("broken/<str:word>/", broken)]
    handler500 = "servicedesk.rest.problems.server_error"


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(gzip.decompress(sent) if self.headers["Content-Encoding"] == "gzip" else sent)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        """Quiet."""


@pytest.fixture
def received():
    """Starts reporting to a server of the test's own; called, it gives the envelopes that arrived."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.received = []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        assert reports.start(f"http://key@127.0.0.1:{server.server_port}/1")

        def arrived() -> list[bytes]:
            sentry_sdk.flush(5)
            return server.received

        yield arrived
        sentry_sdk.get_client().close()
        sentry_sdk.init()
        server.shutdown()
        thread.join()


def event_in(envelope: bytes) -> dict:
    return json.loads(envelope.split(b"\n")[2])


def test_a_failed_request_is_reported_by_its_errors_places_and_route_alone(db, settings, received):
    settings.ROOT_URLCONF = Addresses
    client = Client(raise_request_exception=False, headers={"User-Agent": CANARY, "Authorization": CANARY})
    client.cookies["sessionid"] = CANARY
    address = f"/broken/{CANARY}/?q={CANARY}"
    answer = client.post(address, {"name": CANARY}, headers={"X-Request-ID": "request-of-the-test"})
    assert answer.status_code == 500
    (envelope,) = received()
    assert b"canary" not in envelope
    event = event_in(envelope)
    assert event["tags"] == {"request_id": "request-of-the-test", "route": "broken/<str:word>/"}
    errors = event["exception"]["values"]
    assert [error["type"] for error in errors] == ["KeyError", "ImproperlyConfigured"]
    assert errors[-1]["stacktrace"]["frames"][-1]["function"] == "broken"
    assert not {"request", "user", "extra", "breadcrumbs", "server_name", "modules"} & event.keys()


def test_a_failed_task_is_reported_without_its_arguments(received):
    try:
        raise ValueError(CANARY)
    except ValueError as error:
        structlog.get_logger("x").error("task.failed", task="tickets.close", exc_info=error, arguments=CANARY)
    (envelope,) = received()
    assert b"canary" not in envelope
    event = event_in(envelope)
    assert (event["message"], event["tags"]) == ("task.failed", {"task": "tickets.close"})
    assert event["exception"]["values"][0]["type"] == "ValueError"


def test_a_librarys_words_are_not_sent(received):
    logging.getLogger("some.library").error("cannot send to %s", CANARY)
    words = f"cannot send to {CANARY}"
    logging.getLogger("some.library").error(words)
    assert b"canary" not in b"".join(received())
    assert [event_in(envelope)["message"] for envelope in received()] == ["some.library"] * 2


def test_what_somebody_else_hands_to_the_sdk_is_stripped_as_well(received):
    with sentry_sdk.new_scope() as scope:
        scope.set_user({"email": CANARY})
        scope.set_extra("name", CANARY)
        scope.set_context("customer", {"name": CANARY})
        scope.set_tag("name", CANARY)
        scope.add_breadcrumb(message=CANARY)
        sentry_sdk.capture_message(CANARY)
        try:
            raise ValueError(CANARY)
        except ValueError as error:
            sentry_sdk.capture_exception(error)
    words, stripped = received()
    assert b"canary" not in words + stripped
    assert event_in(stripped)["exception"]["values"][0]["type"] == "ValueError"


def test_what_is_no_error_is_not_reported(received):
    structlog.get_logger("x").warning("something.odd", who=CANARY)
    logging.getLogger("some.library").warning(CANARY)
    assert received() == []


def test_without_an_address_or_the_library_nothing_is_started(monkeypatch):
    assert not reports.start("")
    monkeypatch.setattr(reports, "is_installed", lambda: False)
    assert not reports.start("https://key@sentry.example.com/1")


def test_an_address_without_the_library_is_a_warning_that_says_what_to_install(settings, monkeypatch):
    settings.SENTRY_DSN = "https://key@sentry.example.com/1"
    assert checks.check_errors_can_be_reported() == []
    monkeypatch.setattr(reports, "is_installed", lambda: False)
    (warning,) = checks.check_errors_can_be_reported()
    assert "requirements-production.txt" in warning.hint


def test_a_mailbox_that_nobody_polls_is_a_warning_that_says_how_mail_comes_in(settings):
    settings.IMAP_URL = ""
    assert checks.check_no_mailbox_is_waited_for() == []
    settings.IMAP_URL = "imaps://desk:password@mail.example.com"
    (warning,) = checks.check_no_mailbox_is_waited_for()
    assert "receive_email" in warning.hint
    assert "password" not in warning.msg + warning.hint


@pytest.mark.parametrize("command", ["run", "upgrade"])
def test_a_start_says_what_it_will_not_do(command):
    assert checks.PROMISES in load_command_class("servicedesk", command).requires_system_checks
    assert {checks.check_errors_can_be_reported, checks.check_no_mailbox_is_waited_for} == {
        check for check in registry.get_checks() if checks.PROMISES in check.tags
    }
