"""Empties the databases after a test that committed.

Django's own way truncates every table and then writes the content types and permissions anew: on PostgreSQL that takes
longer than most of the tests. Here rows are deleted where there are any, and what migrating writes stays.
"""

import time
from typing import Any, Final

from django.db import IntegrityError, connections, transaction

from customers import keys
from customers.keystore.router import KEYSTORE

# Written by migrating, the same for every test.
KEPT: Final = {"django_migrations", "django_content_type", "auth_permission"}
TRIES: Final = 40
PAUSE_SECONDS: Final = 0.25


def empty_databases(case: Any) -> None:
    """In the place of TransactionTestCase._fixture_teardown."""
    for alias in case._databases_names(include_mirrors=False):
        empty(alias)
        if alias == KEYSTORE:
            # As after migrating: no key that was made ahead outlives its row.
            keys.stock.clear()


def empty(alias: str) -> None:
    """A browser that has just left may still have something saved (a draft, on leaving): then once more."""
    for _ in range(TRIES):
        try:
            return delete_everything(alias)
        except IntegrityError:
            time.sleep(PAUSE_SECONDS)
    return delete_everything(alias)


def delete_everything(alias: str) -> None:
    connection = connections[alias]
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    names = {name: connection.ops.quote_name(name) for name in tables if name not in KEPT}
    found = " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {quoted})" for name, quoted in names.items()
    )
    # Foreign keys are looked at when the transaction ends: then both sides are gone.
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        cursor.execute(found)
        for (name,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {names[name]}")
