"""Desks in processes of their own."""

import os

import psycopg2
import pytest

from tests.ports import worker_number
from tests.servicedesk.processes.desks import Desk, copy_of, prepare


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A migrated data folder with one agent and one key, made once a session."""
    folder = tmp_path_factory.mktemp("prepared") / "data"
    return folder, prepare(folder)


@pytest.fixture
def desk(prepared, tmp_path):
    template, facts = prepared
    made = Desk(copy_of(template, tmp_path / "data"), facts)
    yield made
    made.end()


@pytest.fixture
def postgresql():
    """Two empty databases of this test's own on the test server, as environment variables."""
    url = os.environ["TEST_DATABASE_URL"]
    server, _, name = url.rpartition("/")
    # Each worker of pytest-xdist has its own: one would drop the other's.
    name = f"{name}_{worker_number()}"
    names = {"DATABASE_URL": f"{name}_process", "KEYSTORE_URL": f"{name}_process_keys"}
    admin = psycopg2.connect(f"{server}/postgres")
    admin.autocommit = True

    def drop():
        with admin.cursor() as cursor:
            for database in names.values():
                cursor.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    drop()
    with admin.cursor() as cursor:
        for database in names.values():
            cursor.execute(f'CREATE DATABASE "{database}"')
    yield {variable: f"{server}/{database}" for variable, database in names.items()}
    drop()
    admin.close()
