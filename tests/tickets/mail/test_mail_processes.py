"""Mail through a real desk: in by REST and by the command, out by SMTP, with the process killed in between."""

import random
import subprocess
import sys
from collections import Counter
from email import message_from_bytes

import pytest
from aiosmtpd.controller import Controller

from tests.patience import PATIENCE_SECONDS, slowness
from tests.ports import free_port
from tests.servicedesk.processes.desks import ROOT, Desk, copy_of, environment, on_files_of_its_own, prepare

pytestmark = [pytest.mark.slow, on_files_of_its_own]


class Inbox:
    """Keeps who got which Message-ID."""

    def __init__(self) -> None:
        self.received: list[tuple[str, str]] = []

    async def handle_DATA(self, server, session, envelope) -> str:
        mail = message_from_bytes(envelope.content)
        self.received.append((envelope.rcpt_tos[0], mail["Message-ID"]))
        return "250 OK"


@pytest.fixture
def inbox():
    port = free_port()
    handler = Inbox()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, f"smtp://127.0.0.1:{port}"
    controller.stop()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared") / "data"
    return folder, prepare(folder)


@pytest.fixture
def desk(inbox, prepared, tmp_path):
    template, facts = prepared
    made = Desk(copy_of(template, tmp_path / "data"), facts, {"EMAIL_URL": inbox[1]})
    yield made
    made.end()


def a_mail(number: int) -> bytes:
    return (
        f"From: Dana <c{number}@example.com>\r\nTo: support@desk.localhost\r\nMessage-ID: <{number}@example.com>\r\n"
        f"Subject: Question {number}\r\n\r\nWhere is it?\r\n"
    ).encode()


def post(desk: Desk, number: int) -> int:
    headers = {"Authorization": f"Bearer {desk.facts['key']}", "Content-Type": "message/rfc822"}
    return desk.request("POST", "/api/v1/inbound/email/", a_mail(number), headers)[0]


def test_mail_comes_in_by_both_doors_and_is_acknowledged_within_seconds(desk, inbox):
    process = desk.run()
    desk.wait_until_ready(process)
    assert post(desk, 1) == 201
    piped = subprocess.run(
        [sys.executable, "manage.py", "receive_email"],
        cwd=ROOT, env=environment(desk.folder, **desk.variables), input=a_mail(2), capture_output=True, check=False,
        timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert (piped.returncode, piped.stdout[:9]) == (0, b"ticket T-")
    desk.wait_for(lambda: len(inbox[0].received) == 2, process)
    assert sorted(to for to, _message_id in inbox[0].received) == ["c1@example.com", "c2@example.com"]


def test_every_mail_answered_201_is_acknowledged_though_the_desk_is_killed_again_and_again(desk, inbox):
    accepted = 0
    for round_ in range(2):
        # Chosen before the first post: of the twenty that follow, as many may have left by the last answer.
        wanted = len(inbox[0].received) + random.randint(0, 8)
        process = desk.run()
        accepted += [post(desk, number) for number in range(round_ * 20, round_ * 20 + 20)].count(201)
        desk.wait_for(lambda wanted=wanted: len(inbox[0].received) >= wanted, process)
        process.kill()
    assert accepted == 40
    process = desk.run()
    desk.wait_for(lambda: len({to for to, _message_id in inbox[0].received}) == accepted, process)
    # Sent twice only where it died between the server's 250 and its own commit, and then recognisable as the same.
    assert {number for _to, number in Counter(set(inbox[0].received)).items()} == {1}
    assert (
        len({to for to, _id in inbox[0].received}) == len({message_id for _to, message_id in inbox[0].received}) == 40
    )
    assert len(inbox[0].received) <= 44  # two senders, two kills
    assert process.stop() < 10 * slowness()


def test_the_mail_server_is_asked_to_try_again_while_the_database_is_away(tmp_path):
    away = environment(tmp_path, DATABASE_URL="postgres://postgres@127.0.0.1:1/nowhere")
    piped = subprocess.run(
        [sys.executable, "manage.py", "receive_email"],
        cwd=ROOT, env=away, input=a_mail(1), capture_output=True, check=False, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert piped.returncode == 75
    assert b"c1@example.com" not in piped.stdout + piped.stderr
