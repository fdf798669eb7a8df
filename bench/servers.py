"""What the benchmark starts for itself: databases of its own, and the desk's processes as production starts them."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg2
import redis

ROOT: Final = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS: Final = 60.0
FEW: Final = "_few"
KEYS: Final = "_keys"
# Nothing else: what is set around the benchmark may not lead these processes to other data.
INHERITED: Final = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run keeps its things: a folder, databases whose names begin alike, a Redis database."""

    folder: Path
    server: str
    redis: str

    @property
    def database(self) -> str:
        return urlsplit(self.server).path.strip("/")

    def environment(self, suffix: str = "") -> dict[str, str]:
        """What a process of the desk is told; `suffix` names another of the run's databases."""
        return inherited() | {
            "DJANGO_SETTINGS_MODULE": "servicedesk.settings",
            "DATABASE_URL": self.server + suffix,
            "KEYSTORE_URL": self.server + KEYS,
            "REDIS_URL": self.redis,
            "DATA_DIR": str(self.folder),
            "MASTER_KEY_FILE": str(self.folder / "ring" / "master_key_ring.json"),
            "LOG_LEVEL": "ERROR",
            "ALLOWED_HOSTS": "127.0.0.1,testserver",
        }

    def sql(self, statement: str, database: str = "postgres") -> None:
        """One statement outside any transaction."""
        parts = urlsplit(self.server)
        connection = psycopg2.connect(
            host=parts.hostname, port=parts.port or 5432, user=parts.username, password=parts.password, dbname=database
        )
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    def drop(self) -> None:
        for suffix in ("", FEW, KEYS):
            self.sql(f'DROP DATABASE IF EXISTS "{self.database}{suffix}" WITH (FORCE)')
        client = redis.Redis.from_url(self.redis)
        client.flushdb()
        client.close()


@contextlib.contextmanager
def own_place() -> Iterator[Place]:
    """Empty databases and a folder, gone again at the end, however it ends. What an earlier run left is dropped."""
    place = Place(
        Path(tempfile.mkdtemp(prefix="desk-bench-")),
        os.environ.get("BENCH_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/desk_bench"),
        os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/15"),
    )
    try:
        place.drop()
        for suffix in ("", KEYS):
            place.sql(f'CREATE DATABASE "{place.database}{suffix}"')
        yield place
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        place.drop()
        shutil.rmtree(place.folder, ignore_errors=True)


# ------------------------------------------------------------------------------------------------------- processes


@dataclass(frozen=True, slots=True)
class Server:
    """A process and the port it answers on (0 for one that has none)."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int = 0

    def wait_for(self, is_ready: Callable[[], bool]) -> None:
        """Until it is ready. RuntimeError with its last words when it ended, TimeoutError when it takes too long."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if is_ready():
                    return
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.log.name} ended: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)
        raise TimeoutError(f"{self.log.name} was not ready in time: {self.log.read_text()[-2000:]}")

    def answers(self, path: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        finally:
            connection.close()


@contextlib.contextmanager
def running(name: str, folder: Path, environment: Mapping[str, str], *command: str, port: int = 0) -> Iterator[Server]:
    """A Python process, stopped at the end."""
    log = folder / f"{name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=dict(environment), stdin=subprocess.DEVNULL,
            stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield Server(process, log, port)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def gunicorn(place: Place, name: str, path: str, *command: str, **environment: str) -> Iterator[Server]:
    """Web workers under the shipped configuration, ready to answer `path`."""
    port = free_port()
    metrics = place.folder / f"{name}-metrics"
    metrics.mkdir(exist_ok=True)
    told = place.environment() | {"PROMETHEUS_MULTIPROC_DIR": str(metrics), "WEB_CONCURRENCY": "2"} | environment
    shipped = ("-m", "gunicorn", "-c", "docker/gunicorn.conf.py", "-b", f"127.0.0.1:{port}")
    with running(name, place.folder, told, *shipped, *command, port=port) as server:
        server.wait_for(lambda: server.answers(path))
        yield server


def desk(place: Place, suffix: str = "") -> contextlib.AbstractContextManager[Server]:
    """The desk's web process, on the database with this suffix."""
    return gunicorn(
        place, f"web{suffix}", "/healthz", "servicedesk.wsgi:application", DATABASE_URL=place.server + suffix
    )


def bare(place: Place) -> contextlib.AbstractContextManager[Server]:
    """The yardsticks' web process: Django and DRF with nothing else in the way, gunicorn's own worker included."""
    return gunicorn(
        place, "bare", "/bare/page/", "-k", "gthread", "bench.yardsticks.wsgi:application",
        DJANGO_SETTINGS_MODULE="bench.yardsticks.settings",
    )  # fmt: skip


@contextlib.contextmanager
def live(place: Place) -> Iterator[Server]:
    """The process of the live streams."""
    port = free_port()
    command = ("-m", "uvicorn", "servicedesk.live.app:application", "--host", "127.0.0.1", "--port", str(port))
    quiet = ("--no-access-log", "--lifespan=on", "--timeout-graceful-shutdown=5")
    with running("live", place.folder, place.environment(), *command, *quiet, port=port) as server:
        server.wait_for(lambda: server.answers("/healthz"))
        yield server


@contextlib.contextmanager
def worker_and_beat(place: Place) -> Iterator[None]:
    """The worker and the beat, whose first sign of life has come."""
    told = place.environment()
    beat = ("-m", "celery", "--app", "servicedesk", "beat", "--loglevel", "WARNING", "--pidfile=")
    with running("worker", place.folder, told, "manage.py", "worker") as worker:
        worker.wait_for(lambda: b"started" in worker.log.read_bytes())
        with running("beat", place.folder, told, *beat):
            yield


def inherited() -> dict[str, str]:
    """What any process needs of this one's environment."""
    return {name: value for name in INHERITED if (value := os.environ.get(name))}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
