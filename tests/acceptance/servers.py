"""PostgreSQL and Redis of a test's own, so that it may kill them. Started and killed by process id."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg2
import pytest
import redis

from tests.patience import PATIENCE_SECONDS, wait_until
from tests.ports import free_port


def postgres_programs() -> Path:
    """Where initdb and postgres are; Debian keeps them off PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    if found:
        return found[-1].parent
    if on_path := shutil.which("initdb"):
        return Path(on_path).parent
    pytest.skip("PostgreSQL's server is not installed")


class Postgres:
    """A cluster of its own, durable as in production (fsync on)."""

    def __init__(self, folder: Path) -> None:
        """In this folder: a new cluster, or the one that lies there."""
        self._programs = postgres_programs()
        self._folder, self._data, self.port = folder, folder / "data", free_port()
        self._process: subprocess.Popen[bytes] | None = None
        if self._data.exists():
            return
        folder.mkdir(parents=True)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        initdb = ["initdb", "--pgdata", str(self._data), "--username", "postgres", "--auth", "trust", "--no-sync"]
        subprocess.run(
            self._as_postgres([*initdb, "--encoding", "UTF8", "--locale", "C.UTF-8"]),
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def url(self, database: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = [f"port={self.port}", "listen_addresses=127.0.0.1", "max_connections=300", "shared_buffers=64MB"]
        options.append(f"unix_socket_directories={self._folder}")
        command = ["postgres", "-D", str(self._data), *[part for option in options for part in ("-c", option)]]
        until = time.monotonic() + PATIENCE_SECONDS
        # A server that was killed leaves its shared memory to children that need a moment to notice.
        while not self._comes_up(command):
            assert time.monotonic() < until, (self._folder / "log").read_text(encoding="utf-8", errors="replace")[
                -2000:
            ]
            time.sleep(0.2)

    def _comes_up(self, command: list[str]) -> bool:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._as_postgres(command), stdout=log, stderr=log, cwd=self._folder)
        while self._process.poll() is None:
            if self._answers():
                return True
            time.sleep(0.1)
        return False

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url("postgres"), connect_timeout=10).close()
        except psycopg2.OperationalError:
            return False
        return True

    def create(self, *databases: str) -> None:
        connection = psycopg2.connect(self.url("postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            for name in databases:
                cursor.execute(f'CREATE DATABASE "{name}"')
        connection.close()

    def kill(self) -> None:
        """SIGKILL to the server's first process; its children see that it is gone and end."""
        os.kill(self._pid(), signal.SIGKILL)
        self._reap()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._pid(), signal.SIGINT)
            self._reap()

    def _pid(self) -> int:
        return int((self._data / "postmaster.pid").read_text(encoding="ascii").splitlines()[0])

    def _reap(self) -> None:
        assert self._process is not None
        self._process.wait(PATIENCE_SECONDS)

    def _as_postgres(self, command: list[str]) -> list[str]:
        """PostgreSQL refuses to run as root."""
        whole = [str(self._programs / command[0]), *command[1:]]
        if os.geteuid() != 0:
            return whole
        # setpriv replaces itself with the program: what we wait for and kill is the server, not a wrapper.
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--", *whole]


class RedisServer:
    """A broker of its own that writes everything down."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("redis-server") is None:
            pytest.skip("Redis' server is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/9"

    def start(self) -> None:
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*command, "--appendonly", "yes", "--save", ""], stdout=log, stderr=log)
        wait_until(self._answers, "Redis answers")

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(PATIENCE_SECONDS)
