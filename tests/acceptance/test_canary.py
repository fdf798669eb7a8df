"""What customers say and who they are lies nowhere in the clear, whatever door it came through.

Unlike strings go in at every door of a running desk. Then the databases, the data folder, Redis and the logs are searched
for them, in every usual encoding, compressed, and as an unsalted hash.
"""

import base64
import gzip
import hashlib
import io
import json
import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import redis
import requests

from tests.acceptance.canaries import CHINESE, LATIN, Canaries, encoded, files_under
from tests.acceptance.conftest import ON_SERVERS
from tests.acceptance.desk import Desk
from tests.acceptance.doors import Browser, links_in, pipe_mail, post_mail, raw_mail, upload
from tests.acceptance.figures import note
from tests.acceptance.listeners import MailServer, Receiver
from tests.patience import PATIENCE_SECONDS, wait_until

SHAPE = "PostgreSQL + Redis" if ON_SERVERS else "embedded"
RING = "master_key_ring.json"


# ---------------------------------------------------------------------------------------------------- the search itself


def disguises(text: str) -> Iterator[tuple[str, bytes]]:
    yield "gzip", gzip.compress(text.encode())
    yield "zlib in base64", base64.b64encode(b"xx" + zlib.compress(text.encode()))
    yield "zlib in hexadecimal", b"\\x" + zlib.compress(text.encode() * 3).hex().encode()
    yield (
        "base64 in lines",
        base64.encodebytes(b"some words in front of it, and then: " + text.encode() + b" and on" * 9),
    )
    yield "a mail's base64 of UTF-16", base64.encodebytes(text.encode("utf-16"))
    yield "JSON", json.dumps(text).encode()
    yield "JSON in JSON", json.dumps(json.dumps(text)).encode()
    for algorithm in ("md5", "sha1", "sha256"):
        digest = hashlib.new(algorithm, text.lower().encode()).digest()
        yield algorithm, b"\0\1\2" + digest + b"\3"
        yield f"{algorithm} in hexadecimal", b"key:" + digest.hex().encode()
        yield f"{algorithm} in base64", b'"' + base64.b64encode(digest) + b'"'


def test_the_search_finds_what_was_left_behind_in_any_form() -> None:
    """Else finding nothing would say nothing."""
    canaries = Canaries()
    text, phone = canaries.words("a text"), canaries.phone("a number")
    for mark in (LATIN, CHINESE, phone):
        for name, form in encoded(mark):
            assert canaries.search([("it", b"before " + form + b" after")]), name
    for shift in range(3):
        assert canaries.search([("it", base64.b64encode(b"." * shift + text.encode()))])
    for name, form in disguises(text):
        assert canaries.search([("it", form)]), name
    assert canaries.search([("it", hashlib.sha256(f"+86{phone}".encode()).digest())])
    assert not canaries.search([("it", b"nothing of the kind " * 100)])


# ---------------------------------------------------------------------------------------------------- through the doors


class Visit:
    """Strings through every door of one desk."""

    def __init__(self, desk: Desk, mail: MailServer) -> None:
        self.desk, self.mail, self.canaries = desk, mail, Canaries()
        self.people = desk.run("people.py")
        self.agent, self.customer = Browser(desk), Browser(desk)

    def person(self, door: str) -> dict[str, str]:
        made = self.canaries
        return {
            "name": made.words(f"name, {door}"),
            "email": made.email(f"e-mail, {door}"),
            "phone": made.phone(f"phone, {door}"),
        }

    def words(self, door: str, what: str) -> str:
        return self.canaries.words(f"{what}, {door}")

    def file(self, door: str) -> tuple[str, bytes]:
        return f"{self.words(door, 'file name')}.txt", f"{self.words(door, 'file')}\n".encode() * 2000

    def rest(self) -> None:
        desk, person = self.desk, self.person("REST")
        subject, body = self.words("REST", "subject"), self.words("REST", "body")
        asked = {"subject": subject, "body": body, "customer": person}
        ticket = desk.post("tickets/", asked, Idempotency_Key="canary-0001")
        assert desk.post("tickets/", asked, Idempotency_Key="canary-0001")["id"] == ticket["id"]
        self.ticket = ticket
        name, content = self.file("REST")
        uploaded = upload(desk, ticket["id"], name, content)
        assert uploaded.status_code == 201, uploaded.text
        said = self.words("REST message", "body")
        message = {"body": said, "author": "customer", "attachments": [uploaded.json()["id"]]}
        desk.post(f"tickets/{ticket['id']}/messages/", message, Idempotency_Key="canary-0002")
        desk.post(f"tickets/{ticket['id']}/messages/", {"body": self.words("REST reply", "body")})
        desk.post(
            f"tickets/{ticket['id']}/messages/", {"body": self.words("REST note", "body"), "visibility": "internal"}
        )
        edited = self.words("REST", "edited subject")
        assert desk.ask("PATCH", f"tickets/{ticket['id']}/", {"subject": edited}).status_code == 200
        known = desk.post("customers/", self.person("REST customer"))
        again = self.person("REST correction")
        assert desk.ask("PATCH", f"customers/{known['id']}/", again).status_code == 200
        for method, path, found in (
            ("GET", f"tickets/?q={requests.utils.quote(said)}", ticket["id"]),
            ("GET", f"customers/?phone={person['phone']}", ticket["customer"]["id"]),
            ("GET", f"customers/?email={person['email']}", ticket["customer"]["id"]),
        ):
            answer = desk.ask(method, path)
            assert [row["id"] for row in answer.json()["results"]] == [found], (path, answer.text[:500])
        assert desk.post("search/", {"q": said})["results"][0]["id"] == ticket["id"]
        for field in ("phone", "email"):
            assert desk.post("customers/lookup/", {field: person[field]})["results"]
        reason = {"fields": ["name", "email", "phone"], "reason": self.words("REST", "reason of a reveal")}
        revealed = desk.post(f"customers/{ticket['customer']['id']}/reveal/", reason, Idempotency_Key="canary-0003")
        assert revealed["name"] == person["name"]
        assert (revealed["email"], revealed["phone"]) == (person["email"], f"+86{person['phone']}")
        self.said = said

    def mails(self) -> None:
        for door, take in (("raw mail", post_mail), ("receive_email", pipe_mail)):
            person = self.person(door)
            name, content = self.file(door)
            raw = raw_mail(
                person["name"],
                person["email"],
                self.words(door, "subject"),
                self.words(door, "body") + f"\n{person['phone']}",
                name,
                content.decode(),
            )
            answer = take(self.desk, raw)
            if isinstance(answer, bytes):
                assert b"ticket" in answer
                self.printed = answer
            else:
                assert answer.status_code == 201, answer.text
        broken = (
            f"From: {self.canaries.email('broken mail')}\nSubject: =?x-none?B?####?=\nContent-Type: multipart/mixed\n\n"
        )
        post_mail(self.desk, broken.encode() + self.words("broken mail", "body").encode("gb18030"))
        post_mail(self.desk, self.words("no mail at all", "body").encode())

    def web(self) -> None:
        person = self.person("web form")
        said = {"subject": self.words("web form", "subject"), "body": self.words("web form", "body")}
        asked = self.customer.send("/help/ask/", files={"attachments": self.file("web form")}, **person, **said)
        assert asked.status_code == 200, asked.text[:1000]
        assert "T-" in asked.text
        wait_until(lambda: bool(self.mail.to(person["email"])), "the acknowledgement")
        link = next(link for link in links_in(self.mail.to(person["email"])[0]) if "/follow/" in link)
        followed = self.customer.get(link)
        assert said["body"] in followed.text
        page = followed.url.removeprefix(self.desk.url)
        answer = self.words("answer by the link", "body")
        files = {"attachments": self.file("answer by the link")}
        assert answer in self.customer.send(page, files=files, body=answer).text
        wrong = {"email": self.words("web form", "wrong e-mail"), "phone": self.words("web form", "wrong phone")}
        again = self.customer.send("/help/ask/", body=self.words("web form", "refused body"), **wrong)
        assert again.status_code == 422

    def page(self) -> None:
        agent, number = self.agent, self.ticket["number"]
        self.agent.sign_in(self.canaries.email("mistaken sign-in"), self.canaries.word("mistaken password"))
        agent.sign_in(self.people["agent"], self.people["password"])
        page = f"/desk/tickets/{number}/"
        assert agent.get(page).status_code == 200
        self.reply = self.words("desk reply", "body")
        for path, data, files in (
            ("reply/", {"visibility": "public", "body": self.reply}, {"attachments": self.file("desk reply")}),
            ("reply/", {"visibility": "internal", "body": self.words("desk note", "body")}, None),
            ("reveal/", {"reason": "other", "note": self.words("desk", "note of a reveal")}, None),
            ("edit/", {"subject": self.words("desk", "subject"), "kind": "other", "priority": "high"}, None),
        ):
            answer = agent.send(page, page + path, files=files, **data)
            assert answer.status_code == 200, (path, answer.text[:500])
        assert number in agent.get("/desk/", params={"q": self.reply}).text
        assert number in agent.send("/desk/", "/desk/search/", q=self.reply).text

    def mistakes(self) -> None:
        """Refusals quote nobody."""
        desk, word = self.desk, self.canaries.word("a mistaken request")
        name = self.canaries.word("an unknown field")  # a refusal names the fields, as they were sent
        long = self.words("a mistaken request", "a subject too long") * 200
        customer = {"email": self.words("a mistaken request", "no e-mail")}
        for body in (
            {"subject": long, "body": long, "customer": self.person("a mistaken request")},
            {"subject": [word], "body": {name: word}, "customer": customer},
            {name: word, "subject": word, "body": word, "kind": word, "customer": {"phone": word, name: word}},
            {"subject": word, "body": word, "customer_id": word, "received_at": word},
            [word],
        ):
            answer = desk.ask("POST", "tickets/", body)
            assert answer.status_code in {400, 422}, answer.text
            assert word not in answer.text
            assert long not in answer.text
        headers = {"Authorization": f"Bearer {desk.made['key']}", "Content-Type": "application/json"}
        for data in (f'{{"subject": "{word}"', word, f'{{"body": "{word}\\ud800"}}', "\0" + word):
            answer = requests.post(
                f"{desk.url}/api/v1/tickets/", data=data.encode(), headers=headers, timeout=PATIENCE_SECONDS
            )
            assert answer.status_code in {400, 422}
            assert word not in answer.text
        file_name, content = self.file("a refused file")
        assert upload(desk, self.ticket["id"], file_name + ".exe", b"MZ\x90\0" + content).status_code == 422
        for path in (f"/{word}/", f"/api/v1/{word}/", f"/help/follow/{word}/", f"/help/tickets/{word}/?q={word}"):
            assert requests.get(desk.url + path, timeout=PATIENCE_SECONDS).status_code in {404, 410}, path
        for path in (f"tickets/?{word}={word}", f"tickets/?tag={word}", f"tickets/{word}/", f"customers/?email={word}"):
            assert desk.ask("GET", path).status_code < 500
        for secret in (word, f"sd_{word}_{word}"):
            bearer = {"Authorization": f"Bearer {secret}"}
            assert (
                requests.get(f"{desk.url}/api/v1/tickets/", headers=bearer, timeout=PATIENCE_SECONDS).status_code == 401
            )
        odd = {"X-Forwarded-For": word, "User-Agent": word, "Referer": f"{desk.url}/{word}", "Accept-Language": word}
        requests.get(f"{desk.url}/help/", headers=odd, timeout=PATIENCE_SECONDS)
        assert (
            requests.get(f"{desk.url}/help/", headers={"Host": f"{word}.example"}, timeout=PATIENCE_SECONDS).status_code
            == 400
        )
        assert self.agent.send("/desk/", "/choices/", next=f"//{word}.example/", theme="dark").status_code < 500

    def until_everything_left(self) -> None:
        """The reply waited ten seconds to be taken back; with its mail the desk has done what there was to do."""
        address = next(text for text, where in self.canaries.made.items() if where == "e-mail, REST")
        wait_until(lambda: any(self.reply in text_of(mail) for mail in self.mail.to(address)), "the reply's mail")
        time.sleep(0.5)


def text_of(mail: Any) -> str:
    body = mail.get_body(("plain",))
    return "" if body is None else str(body.get_content())


# ---------------------------------------------------------------------------------------------------- what they left


def dumped(desk: Desk) -> Iterator[tuple[str, bytes]]:
    """Every table, key and log line; everything in the data folder but the ring file, which no dump holds."""
    yield from files_under(desk.folder / "data", but=[RING])
    yield from files_under(desk.folder / "metrics")
    for log in desk.folder.glob("*.log"):
        yield log.name, log.read_bytes()
    yield "/metrics", requests.get(f"{desk.url}/metrics", timeout=PATIENCE_SECONDS).content
    if not ON_SERVERS:
        for path in (desk.folder / "data").glob("*.sqlite3"):
            with closing(sqlite3.connect(path)) as connection:
                yield f"dump of {path.name}", "\n".join(connection.iterdump()).encode()
        return
    yield "PostgreSQL's log", (desk.folder / "postgres" / "log").read_bytes()
    yield from files_under(desk.folder / "redis")
    yield from of_redis(desk.environment["REDIS_URL"])
    for name in ("DATABASE_URL", "KEYSTORE_URL"):
        yield from of_postgres(desk.environment[name])


def of_postgres(url: str) -> Iterator[tuple[str, bytes]]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            into = io.BytesIO()
            cursor.copy_expert(f"COPY {table} TO STDOUT", into)
            yield table, into.getvalue()
        cursor.execute("SELECT * FROM pg_stats")
        yield "pg_stats", repr(cursor.fetchall()).encode()


def of_redis(url: str) -> Iterator[tuple[str, bytes]]:
    server = url.rpartition("/")[0]
    for number in range(16):
        with closing(redis.Redis.from_url(f"{server}/{number}")) as client:
            for key in client.scan_iter(count=1000):
                yield "a key in Redis", key
                read = {
                    b"string": lambda key: [client.get(key)],
                    b"list": lambda key: client.lrange(key, 0, -1),
                    b"hash": lambda key: [part for pair in client.hgetall(key).items() for part in pair],
                    b"set": client.smembers,
                    b"zset": lambda key: client.zrange(key, 0, -1),
                    b"stream": lambda key: [repr(client.xrange(key)).encode()],
                }[client.type(key)]
                for value in read(key):
                    yield f"the value of {key!r} in Redis", value or b""


def test_nothing_that_came_through_any_door_lies_anywhere_in_the_clear(
    standing: Any, mail: MailServer, receiver: Receiver
) -> None:
    with standing() as desk:
        receiver.secret = desk.post("webhooks/", {"url": receiver.url, "kinds": ["*"]})["secret"]
        visit = Visit(desk, mail)
        for door in (visit.rest, visit.mails, visit.web, visit.page, visit.mistakes, visit.until_everything_left):
            door()
        conversation = desk.ask("GET", f"tickets/{visit.ticket['id']}/messages/").text
        assert visit.said in conversation
        assert visit.reply in conversation
        pieces = [*dumped(desk), ("what receive_email printed", visit.printed)]
        pieces += [(f"webhook {hook.kind}", hook.body + repr(hook.headers).encode()) for hook in receiver.hooks]
        assert receiver.hooks
        searched = {name for name, _piece in pieces}
        assert any("media" in name for name in searched)
        assert any(visit.ticket["number"].removeprefix("T-").encode() in piece for _name, piece in pieces)
        found = visit.canaries.search(pieces)
        size = sum(len(piece) for _name, piece in pieces)
        note(f"canaries, {SHAPE}", strings=len(visit.canaries.made), pieces=len(pieces), bytes=size, found=len(found))
        assert not found, "\n".join(found[:60])


# ---------------------------------------------------------------------------------------------------- swapped by SQL


def swap(desk: Desk, table: str, column: str, one: str, other: str) -> None:
    """The two rows' values change places, as somebody with the database in hand could do it."""
    if ON_SERVERS:
        with closing(psycopg2.connect(desk.environment["DATABASE_URL"])) as connection, connection.cursor() as cursor:
            # Alone with the table: the desk's own worker locks rows in another order.
            cursor.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
            _swap(cursor, table, column, one, other, "%s")
            connection.commit()
        return
    with closing(sqlite3.connect(desk.folder / "data" / "desk.sqlite3", timeout=PATIENCE_SECONDS)) as file:
        _swap(file.cursor(), table, column, one.replace("-", ""), other.replace("-", ""), "?")
        file.commit()


def _swap(cursor: Any, table: str, column: str, one: str, other: str, mark: str) -> None:
    values = []
    for pk in (one, other):
        cursor.execute(f"SELECT {column} FROM {table} WHERE id = {mark}", [pk])
        values.append(cursor.fetchone()[0])
    for pk, value in zip((other, one), values, strict=True):
        cursor.execute(f"UPDATE {table} SET {column} = {mark} WHERE id = {mark}", [value, pk])
        assert cursor.rowcount == 1


def test_ciphertexts_that_changed_places_are_never_shown_as_somebody_elses(standing: Any) -> None:
    with standing() as desk:
        people = desk.run("people.py")
        agent = Browser(desk)
        agent.sign_in(people["agent"], people["password"])
        canaries = Canaries()
        texts: dict[str, list[str]] = {}

        def ask() -> dict[str, Any]:
            said = [canaries.words(what) for what in ("subject", "body", "name")]
            ticket = desk.post("tickets/", {"subject": said[0], "body": said[1], "customer": {"name": said[2]}})
            texts[ticket["id"]] = said
            return dict(ticket)

        for table, column, path in (
            ("tickets_message", "body", "tickets/{}/messages/"),
            ("tickets_ticket", "subject", "tickets/{}/"),
            ("customers_customer", "name", "tickets/{}/"),
        ):
            one, other = ask(), ask()
            rows = {
                "tickets_message": lambda ticket: desk.get(f"tickets/{ticket['id']}/messages/")["results"][0]["id"],
                "tickets_ticket": lambda ticket: ticket["id"],
                "customers_customer": lambda ticket: ticket["customer"]["id"],
            }[table]
            assert agent.get(f"/desk/tickets/{one['number']}/").status_code == 200
            swap(desk, table, column, rows(one), rows(other))
            for ticket, stranger in ((one, other), (other, one)):
                foreign = texts[stranger["id"]]
                answer = desk.ask("GET", path.format(ticket["id"]))
                page = agent.get(f"/desk/tickets/{ticket['number']}/")
                for shown in (answer, page):
                    assert shown.status_code == 500, (table, shown.status_code, shown.text[:300])
                    assert not [text for text in foreign if text in shown.text]
                assert answer.json()["code"] == "error" or answer.headers["Content-Type"].startswith(
                    "application/problem"
                )
        for listing in ("tickets/", "search/"):
            answer = (
                desk.ask("GET", listing)
                if listing == "tickets/"
                else desk.ask("POST", listing, {"q": texts[one["id"]][1]})
            )
            assert answer.status_code == 500, listing
        assert "VaultError" in desk.logs(200_000)
