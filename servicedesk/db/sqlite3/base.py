"""SQLite as the embedded desk needs it: durable, patient, and fair to every writer.

- A transaction queues at the file's turnstile before BEGIN IMMEDIATE and leaves at commit, rollback or close. Single
  writing statements outside a transaction queue as well. Reading never waits: that is what the write-ahead log is for.
- Another process (a management command beside the running desk) knows nothing of the turnstile; there SQLite's own
  busy timeout decides.
- `synchronous=FULL`: what was answered with 2xx survives a power cut. `secure_delete`: erased means overwritten.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from servicedesk.db.sqlite3.turnstile import Turnstile, turnstile_of

DEFAULT_TIMEOUT_SECONDS = 20.0
# Opening the first connections at the same time would race for the change to write-ahead logging, which SQLite
# refuses at once instead of waiting.
_opening = threading.Lock()
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLAC", "CREATE", "ALTER ", "DROP T", "DROP I", "VACUUM")
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",
    "PRAGMA temp_store = MEMORY",
    # A burst of writes must not leave a huge log behind on the disk.
    "PRAGMA journal_size_limit = 67108864",
)


class DatabaseWrapper(base.DatabaseWrapper):
    """See the module's docstring."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turnstile: Turnstile | None = None
        self._has_turn = False
        self._patience = DEFAULT_TIMEOUT_SECONDS

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        self.transaction_mode: str = self.transaction_mode or "IMMEDIATE"
        self._patience = float(params.setdefault("timeout", DEFAULT_TIMEOUT_SECONDS))
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        if not self.is_in_memory_db():
            _make_private(Path(self.settings_dict["NAME"]))
        with _opening:
            connection: sqlite3.Connection = super().get_new_connection(conn_params)
            if not self.is_in_memory_db():
                self._turnstile = turnstile_of(self.settings_dict["NAME"])
                if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    connection.execute("PRAGMA journal_mode = WAL")
            for pragma in _PRAGMAS:
                connection.execute(pragma)
        return connection

    def create_cursor(self, name: str | None = None) -> "PatientCursor":
        cursor: PatientCursor = self.connection.cursor(factory=PatientCursor)
        cursor.wrapper = self
        return cursor

    def _start_transaction_under_autocommit(self) -> None:
        self._enter()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # not in the stubs
        except BaseException:
            self._leave()
            raise

    def _commit(self) -> None:
        # A failed commit leaves the transaction open: Django rolls it back next, and the turn ends there.
        super()._commit()  # type: ignore[misc]  # not in the stubs
        self._leave()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]  # not in the stubs
        finally:
            self._leave()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]  # not in the stubs
        finally:
            self._leave()

    @contextlib.contextmanager
    def turn_for(self, query: str) -> Iterator[None]:
        """Queue for one writing statement outside a transaction; inside one, the transaction has the turn already."""
        if self._has_turn or self._turnstile is None or not query[:6].upper().startswith(_WRITES):
            yield
            return
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def _enter(self) -> None:
        if self._has_turn or self._turnstile is None:
            return
        if not self._turnstile.enter(self._patience):
            raise OperationalError("database is locked: no turn to write within the timeout")
        self._has_turn = True

    def _leave(self) -> None:
        if self._has_turn and self._turnstile is not None:
            self._has_turn = False
            self._turnstile.leave()


def _make_private(path: Path) -> None:
    """A new file is its owner's alone, whatever the umask; SQLite gives its log the same mode."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


class PatientCursor(base.SQLiteCursorWrapper):
    """A cursor whose single writing statements wait their turn."""

    wrapper: DatabaseWrapper

    def execute(self, query: str, params: Any = None) -> Any:
        with self.wrapper.turn_for(query):
            return super().execute(query, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        with self.wrapper.turn_for(query):
            return super().executemany(query, param_list)
