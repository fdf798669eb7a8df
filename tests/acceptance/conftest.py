"""Tests from outside: real processes, real HTTP, by the contract. They never touch a database of pytest's.

`make test` runs them small; ACCEPTANCE=full in the sizes that the issue asks for. On the embedded default the embedded
shape is tried, with TEST_DATABASE_URL the production shape, on servers that the tests start for themselves.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import pytest

from tests.acceptance.desk import Desk, embedded, production
from tests.acceptance.listeners import MailServer, Receiver, mail_server, webhook_receiver

ON_SERVERS = bool(os.environ.get("TEST_DATABASE_URL"))
Standing = AbstractContextManager[Desk]

only_embedded = pytest.mark.skipif(ON_SERVERS, reason="only on SQLite: the embedded shape")
only_production = pytest.mark.skipif(not ON_SERVERS, reason="only on PostgreSQL: the production shape")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as one:
        yield one


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as one:
        yield one


@pytest.fixture
def standing(mail: MailServer) -> Callable[..., Standing]:
    """A desk in the shape that this run tries."""
    return partial(production if ON_SERVERS else embedded, mail=mail.url)
