"""The API is what its OpenAPI document says, whoever asks: every operation, with requests that fit and that don't.

SCHEMATHESIS_EXAMPLES is how many invented requests, fitting or not, each operation gets from each asker (2).
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.acceptance.conftest import ON_SERVERS
from tests.acceptance.desk import Desk, embedded, production
from tests.acceptance.figures import note
from tests.acceptance.listeners import mail_server, webhook_receiver
from tests.acceptance.operations import CSRF, LEADERS, ONES_OWN, VALID, Furnished, Valid
from tests.patience import PATIENCE_SECONDS

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "2"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("message/rfc822")
def as_raw_mail(_context: Any, mail: Any) -> dict[str, Any]:
    return {"data": mail if isinstance(mail, bytes) else str(mail).encode()}


schemathesis.openapi.media_type("message/rfc822", strategies.binary(max_size=2000))


class Asker:
    """Somebody who asks the API, and what they were answered."""

    def __init__(self, name: str, desk: Desk, *, key: str = "", session: str = "") -> None:
        self.name, self.desk = name, desk
        self.connection = requests.Session()
        if key:
            self.connection.headers["Authorization"] = f"Bearer {key}"
        else:
            self.connection.cookies.update({"sessionid": session, "csrftoken": CSRF})
            self.connection.headers["X-CSRFToken"] = CSRF
        self.answers: dict[str, Counter[int]] = defaultdict(Counter)

    def ask(self, case: Any) -> int:
        """Sends the request; raises when the answer isn't one that the document allows."""
        case.headers.pop("Authorization", None)
        case.cookies = {}
        response = case.call_and_validate(
            self.desk.url, session=self.connection, checks=CHECKS, timeout=PATIENCE_SECONDS
        )
        self.answers[case.operation.definition.raw["operationId"]][response.status_code] += 1
        return int(response.status_code)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with mail_server() as mail, (production if ON_SERVERS else embedded)(mail=mail.url) as one:
        yield one


@pytest.fixture(scope="module")
def people(desk: Desk) -> Any:
    return desk.run("people.py")


@pytest.fixture(scope="module")
def askers(desk: Desk, people: Any) -> list[Asker]:
    return [
        Asker("an agent's session", desk, session=people["agent_session"]),
        Asker("a manager's session", desk, session=people["manager_session"]),
        Asker("a key with two scopes", desk, key=people["scoped_key"]),
        Asker("a key with every scope", desk, key=desk.made["key"]),
    ]


@pytest.fixture(scope="module")
def operations(desk: Desk) -> dict[str, Any]:
    schema = schemathesis.openapi.from_url(f"{desk.url}/api/schema/?format=json")
    found = [one.ok() for one in schema.get_all_operations()]
    return {one.definition.raw["operationId"]: one for one in found}


@pytest.fixture(scope="module")
def on(desk: Desk, people: Any) -> Iterator[Furnished]:
    with webhook_receiver() as receiver:
        yield Furnished(desk, people, receiver)


@pytest.fixture(scope="module")
def known() -> dict[str, dict[str, str]]:
    """Rows for the invented requests, by operation."""
    return {}


@contextmanager
def noted(wrong: list[str], where: str) -> Iterator[None]:
    """Go on after a failure, so that one run shows all of them."""
    try:
        yield
    except (AssertionError, BaseExceptionGroup) as error:
        causes = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
        wrong.append(f"{where}: {error}"[:1500] + "".join(f"\n{cause}"[:800] for cause in causes))


def request_of(operation: Any, valid: Valid) -> Any:
    given: dict[str, Any] = {"path_parameters": dict(valid.path), "query": dict(valid.query), "headers": {}}
    if operation.method.upper() in {"POST", "PATCH", "PUT"}:
        media = next(iter(operation.definition.raw["requestBody"]["content"])) if valid.body is not None else None
        given |= {"body": valid.body, "media_type": media}
    return operation.Case(**given)


def test_every_operation_answers_each_asker_as_the_document_says_and_somebody_with_2xx(
    on: Furnished, askers: list[Asker], operations: dict[str, Any]
) -> None:
    assert VALID.keys() == operations.keys()
    wrong: list[str] = []
    for name, operation in operations.items():
        for asker in askers:
            with noted(wrong, f"{name}, {asker.name}"):
                status = asker.ask(request_of(operation, VALID[name](on)))
                agent, manager, *_, whole_key = askers
                able = agent if name.startswith(ONES_OWN) else manager if name.startswith(LEADERS) else whole_key
                expected = {200, 201, 204} if asker is able else {200, 201, 204, 403, 404}
                assert status in expected, status
    assert not wrong, "\n\n".join(wrong)
    tally = {asker.name: sum(any(s < 300 for s in one) for one in asker.answers.values()) for asker in askers}
    note("schema, operations reached with 2xx", of=len(operations), **tally)


@pytest.mark.parametrize("number", range(4))
def test_no_invented_request_is_answered_otherwise_than_the_document_says(
    number: int, on: Furnished, known: dict[str, dict[str, str]], askers: list[Asker], operations: dict[str, Any]
) -> None:
    asker = askers[number]
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    for name, operation in operations.items():
        if name not in known or operation.method.upper() == "DELETE":
            known[name] = VALID[name](on).path
        there = known[name]
        kinds = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

        @given(case=strategies.one_of(kinds))
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: Any) -> None:
            # About rows that are there: else most would end at 404.
            if there:  # noqa: B023
                case.path_parameters = dict(there)  # noqa: B023
            statuses[asker.ask(case)] += 1

        with noted(wrong, name):
            ask()
    note(f"schema, invented requests, {asker.name}", requests=statuses.total(), statuses=dict(statuses))
    assert not wrong, "\n\n".join(wrong)
    assert not [status for status in statuses if status >= 500]
