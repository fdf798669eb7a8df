"""`manage.py run`: the whole desk in one process."""

import http.client
import json
import signal
import socket
import stat
import time
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS, slowness
from tests.ports import free_port
from tests.servicedesk.processes.desks import command, on_files_of_its_own

pytestmark = [pytest.mark.slow, on_files_of_its_own]


def test_it_becomes_ready_serves_and_stops_cleanly(desk):
    process = desk.run()
    desk.wait_until_ready(process)
    assert desk.get("/accounts/login/")[0] == 200
    assert process.stop(signal.SIGTERM) < 6 * slowness()
    assert process.popen.returncode == 0
    assert "Traceback" not in process.said()
    assert process.said().rstrip().endswith("Stopped.")


def test_ctrl_c_stops_it_as_well(desk):
    process = desk.run()
    assert process.stop(signal.SIGINT) < 6 * slowness()
    assert process.popen.returncode == 0


def test_open_streams_and_idle_connections_do_not_hold_up_the_stop(desk):
    process = desk.run()
    idle = http.client.HTTPConnection("127.0.0.1", desk.port)
    idle.request("GET", "/healthz")
    idle.getresponse().read()
    assert desk.get("/live/")[0] == 401
    stream = http.client.HTTPConnection("127.0.0.1", desk.port)
    stream.request("GET", "/live/", headers={"Cookie": f"sessionid={desk.facts['session']}"})
    answer = stream.getresponse()
    assert answer.status == 200
    assert process.stop() < 6 * slowness()
    assert process.popen.returncode == 0
    answer.close()
    stream.close()
    idle.close()


def test_what_was_answered_is_there_after_kill_and_goes_on(desk):
    process = desk.run()
    tickets = [desk.post_ticket(number) for number in range(20)]
    process.kill()
    again = desk.run()
    desk.wait_until_ready(again)
    for ticket in tickets:
        status, body = desk.get(f"/api/v1/tickets/{ticket['id']}/", Authorization=f"Bearer {desk.facts['key']}")
        assert status == 200
        assert {clock["metric"] for clock in json.loads(body)["clocks"]} >= {"first_response", "resolution"}
    count = "from servicedesk.models import UnsequencedEvent as U; print(U.objects.count())"
    desk.wait_for(lambda: desk.ask(count) == "0", again)


def test_everything_it_makes_is_for_its_owner_alone(desk):
    process = desk.run()
    desk.post_ticket()
    process.stop()
    assert stat.S_IMODE(desk.folder.stat().st_mode) == 0o700
    for path in desk.folder.rglob("*"):
        if not path.name.endswith(".log"):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_taken_port_is_one_readable_line(desk):
    with socket.socket() as other:
        other.bind(("127.0.0.1", desk.port))
        other.listen()
        done = command(desk.folder, "run", PORT=str(desk.port))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"port {desk.port}" in done.stderr


def test_a_second_desk_on_the_same_data_is_refused(desk):
    desk.run()
    done = command(desk.folder, "run", PORT=str(free_port()))
    assert done.returncode == 1
    assert "already runs" in done.stderr


def test_without_demo_data_and_terminal_it_says_how_to_make_an_administrator(tmp_path, desk):
    desk.folder = tmp_path / "fresh"
    desk.folder.mkdir()
    process = desk.run()
    assert "createsuperuser" in process.said()
    assert not (desk.folder / "demo.json").exists()


def test_an_upload_that_breaks_off_keeps_nothing(desk):
    desk.run()
    with socket.create_connection(("127.0.0.1", desk.port)) as sender:
        sender.sendall(
            b"POST /api/v1/inbound/email/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: message/rfc822\r\n"
            b"Content-Length: 1000\r\nAuthorization: Bearer " + desk.facts["key"].encode() + b"\r\n\r\n"
            b"From: dana@example.com\r\nTo: support@shop.example\r\nSubject: Half\r\n\r\nOnly the beginning"
        )
        time.sleep(0.3)
    time.sleep(1)
    assert desk.ask("from tickets.models import Ticket; print(Ticket.objects.count())") == "0"
    assert desk.get("/healthz")[0] == 200


def test_more_files_than_the_desk_takes_are_refused_and_not_waited_for(desk):
    desk.run()
    size = 2_500 * 1_048_576
    head = (
        f"POST /help/ask/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    with socket.create_connection(("127.0.0.1", desk.port), PATIENCE_SECONDS) as sender:
        # The answer comes before the files: who still sends them may find the connection closed, and not read it.
        sender.sendall(head.encode())
        assert sender.recv(64).startswith(b"HTTP/1.1 413 ")


def test_no_log_line_holds_a_query_string_or_a_path(desk):
    process = desk.run()
    desk.get("/help/nowhere/canary-path/?q=canary-query")
    desk.get("/desk/?q=canary-query")
    process.stop()
    assert "canary" not in process.said()
    assert '"route"' in process.said()


def test_metrics_are_for_this_machine_and_who_has_the_token(desk):
    desk.variables["METRICS_TOKEN"] = "a long enough token"
    desk.run()
    status, body = desk.get("/metrics")
    assert status == 200
    assert b"desk_backlog" in body
    through_a_proxy = {"X-Forwarded-For": "198.51.100.7"}
    assert desk.request("GET", "/metrics", headers=through_a_proxy)[0] == 404
    with_token = {**through_a_proxy, "Authorization": "Bearer a long enough token"}
    assert desk.request("GET", "/metrics", headers=with_token)[0] == 200


def test_the_memory_and_processor_it_takes_while_idle(desk):
    process = desk.run()
    desk.wait_until_ready(process)
    time.sleep(2)
    of_process = Path(f"/proc/{process.popen.pid}")

    def used() -> float:
        fields = (of_process / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    before = used()
    began = time.monotonic()
    time.sleep(6)
    share = (used() - before) / (time.monotonic() - began)
    status = (of_process / "status").read_text().splitlines()
    resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024
    # The figures of performance.md are measured by the bench on a quiet machine; this catches a runaway.
    assert resident < 200
    assert share < 0.15 * slowness()
