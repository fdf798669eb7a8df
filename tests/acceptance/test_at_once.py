"""Many at once: one key, one ticket; many agents, each ticket for one of them; many writers, nobody turned away."""

import json
import subprocess
import time
from collections import Counter
from functools import partial

from tests.acceptance.conftest import ON_SERVERS, only_embedded
from tests.acceptance.desk import PYTHON, ROOT, SCRIPTS
from tests.acceptance.figures import note, size, spread
from tests.acceptance.load import at_once, ticket_body

SHAPE = "PostgreSQL + Redis" if ON_SERVERS else "embedded"


def test_64_posts_at_once_under_one_key_make_one_ticket(standing):
    with standing() as desk:
        body = {"subject": "Only once", "body": "只有一次", "customer": {"email": "dana@example.com"}}
        post = partial(desk.ask, "POST", "tickets/", body, Idempotency_Key="one-key-for-all")
        answers = at_once([post] * 64, 64)
        statuses = Counter(answer.status_code for answer in answers)
        # Those that met the first one at work are told to come again; then they get its answer.
        assert set(statuses) <= {201, 409}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"idempotency_under_way"}
        again = [post() for _ in range(3)]
        assert {answer.headers["Idempotent-Replayed"] for answer in again} == {"true"}
        made = {answer.content for answer in [*answers, *again] if answer.status_code == 201}
        assert len(made) == 1
        assert [ticket["id"] for ticket in desk.get("tickets/")["results"]] == [json.loads(made.pop())["id"]]
        other = desk.ask("POST", "tickets/", {**body, "subject": "Another"}, Idempotency_Key="one-key-for-all")
        assert other.status_code == 422
    note(f"64 posts under one key, {SHAPE}", statuses={str(status): n for status, n in statuses.items()})


def test_agents_who_pull_at_once_never_get_the_same_ticket_and_leave_none(standing):
    agents, tickets = 160, size(320, 1000)
    processes = 4 if ON_SERVERS else 1
    with standing(start=False) as desk:
        desk.run("pull.py", "fill", str(agents), str(tickets))
        began = time.monotonic()
        pulling = [
            subprocess.Popen(
                [PYTHON, str(SCRIPTS / "pull.py"), "pull", str(part), str(processes)],
                env=desk.environment,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            for part in range(processes)
        ]
        pulled = [json.loads(process.communicate(timeout=600)[0]) for process in pulling]
        took = time.monotonic() - began
    taken = Counter(ticket for one in pulled for ticket in one["taken"])
    assert [ticket for ticket, times in taken.items() if times > 1] == []
    assert len(taken) == tickets
    waits = spread([wait for one in pulled for wait in one["waits"]])
    got_some = sum(one["agents"] for one in pulled)
    note(
        f"{agents} agents pull {tickets} tickets, {SHAPE}",
        took_s=round(took, 1),
        ask_ms=waits,
        agents_with_some=got_some,
    )


@only_embedded
def test_sixteen_writers_at_once_are_all_served_by_sqlite(standing):
    rounds = size(8, 60)

    def work(writer: int) -> list[tuple[int, float]]:
        seen = []

        def ask(path: str, body: object) -> dict:
            began = time.monotonic()
            answer = desk.ask("POST", path, body)
            seen.append((answer.status_code, time.monotonic() - began))
            assert "locked" not in answer.text
            return answer.json()

        for number in range(rounds):
            ticket = ask("tickets/", ticket_body(f"{writer}-{number}"))["id"]
            ask(f"tickets/{ticket}/messages/", {"body": "马上处理", "visibility": "public", "author": "agent"})
            ask(f"tickets/{ticket}/solve/", {})
        return seen

    with standing() as desk:
        began = time.monotonic()
        answers = [one for seen in at_once([partial(work, writer) for writer in range(16)], 16) for one in seen]
        took = time.monotonic() - began
        assert "database is locked" not in desk.logs(tail=10_000_000)
    statuses = Counter(status for status, _seconds in answers)
    assert set(statuses) <= {200, 201}
    assert len(answers) == 16 * rounds * 3
    waits = spread([seconds for _status, seconds in answers])
    note("16 writers on SQLite", requests=len(answers), per_s=round(len(answers) / took), answer_ms=waits)
