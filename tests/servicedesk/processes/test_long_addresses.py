"""An address that is too long, on the real servers: one answer, whichever of them or of the desk's parts gives it."""

import http.client
import json
import socket
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.servicedesk.processes.desks import on_files_of_its_own

pytestmark = [pytest.mark.slow, on_files_of_its_own]

LIST = "/api/v1/tickets/?q="
CANARY = "canary-query"


@pytest.fixture(params=["embedded", "gunicorn"])
def process(request, desk):
    if request.param == "embedded":
        return desk.run()
    gunicorn = [str(Path(sys.executable).parent / "gunicorn"), "--config", "docker/gunicorn.conf.py"]
    web = desk.start(*gunicorn, "--bind", f"127.0.0.1:{desk.port}", "servicedesk.wsgi:application")
    desk.wait_for(lambda: desk.get("/healthz")[0] == 200, web)
    return web


def sent(desk, request: bytes) -> tuple[int, str | None, bytes]:
    """Status, content type and body of the answer to these bytes; a server that never answers times out."""
    with socket.create_connection(("127.0.0.1", desk.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        with http.client.HTTPResponse(connection) as answer:
            answer.begin()
            return answer.status, answer.headers["Content-Type"], answer.read()


def asked(desk, address: str, headers: str = "") -> tuple[int, str | None, bytes]:
    lines = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}\r\n"
    return sent(desk, lines.encode())


@pytest.mark.parametrize("size", [6_000, 9_000, 100_000])
def test_an_address_that_is_too_long_is_a_problem_of_its_own(desk, process, size):
    status, content_type, body = asked(desk, LIST + CANARY + "x" * size)
    assert (status, content_type) == (414, "application/problem+json")
    problem = json.loads(body)
    assert (problem["status"], problem["code"], problem["title"]) == (414, "address_too_long", "URI Too Long")
    assert CANARY.encode() not in body
    assert desk.get("/healthz")[0] == 200
    assert CANARY not in process.said()


def test_an_address_within_the_bound_reaches_its_view(desk, process):
    key = f"Authorization: Bearer {desk.facts['key']}\r\n"
    assert asked(desk, LIST + "x" * 150, key)[0] == 200
    assert asked(desk, LIST + "x" * 3_900, key)[0] == 422


def test_what_is_no_request_at_all_is_refused_without_being_logged(desk, process):
    status, _type, body = sent(desk, f"{CANARY}\r\n\r\n".encode())
    assert status == 400
    assert CANARY.encode() not in body
    assert CANARY not in process.said()
