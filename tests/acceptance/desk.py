"""A desk to try from outside: real processes on a data folder and free ports of its own.

    with embedded(mail=…) as desk: …          one process on SQLite
    with production(mail=…) as desk: …        PostgreSQL, Redis, web, worker, beat

Each process is the leader of a group of its own, so that a kill takes its children along, and nobody else's.
"""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import requests

from tests.acceptance.servers import Postgres, RedisServer
from tests.patience import PATIENCE_SECONDS, wait_until
from tests.ports import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = sys.executable
BIN: Final = Path(PYTHON).parent
SCRIPTS: Final = ROOT / "tests" / "acceptance" / "scripts"
KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


class Desk:
    """Its processes by name, its address, and the people and the key that `furnish.py` made."""

    def __init__(self, folder: Path, **environment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {
            "DATA_DIR": str(folder / "data"),
            "PORT": str(self.port),
            "DEMO": "0",
            "SITE_URL": self.url,
            "DJANGO_SETTINGS_MODULE": "servicedesk.settings",
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        self.commands: dict[str, Sequence[str]] = {}
        self.servers: dict[str, Any] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._local = threading.local()
        self.made: dict[str, str] = {}

    # ------------------------------------------------------------------------------------------ processes

    def start(self, *names: str) -> None:
        for name in names or tuple(self.commands):
            if name in self.servers:
                self.servers[name].start()
                continue
            with (self.folder / f"{name}.log").open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    self.commands[name], env=self.environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
                )

    def kill(self, name: str) -> None:
        """SIGKILL to the process and its children."""
        if name in self.servers:
            self.servers[name].kill()
            return
        process = self._processes[name]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)

    def stop(self, *names: str) -> None:
        """SIGTERM, and wait for a clean end."""
        asked = [self._processes[name] for name in names or tuple(self._processes) if name in self._processes]
        for process in asked:
            if process.poll() is None:
                process.terminate()
        for process in asked:
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise

    def wait_ready(self, seconds: float = PATIENCE_SECONDS) -> None:
        wait_until(self._is_ready, f"{self.url}/readyz answers 200\n{self.logs()}", seconds, every=0.1)

    def _is_ready(self) -> bool:
        for name, process in self._processes.items():
            assert process.poll() in {None, -signal.SIGKILL, 0}, f"{name} ended by itself\n{self.logs()}"
        try:
            return requests.get(f"{self.url}/readyz", timeout=10).status_code == 200
        except requests.RequestException:
            return False

    def logs(self, tail: int = 3000) -> str:
        """The ends of the processes' logs, for a failure's message."""
        files = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {file.name}\n{file.read_text(errors='replace')[-tail:]}" for file in files)

    def threads(self) -> str:
        """What the processes' threads are at, where the machine lets one look."""
        looks = []
        for name, process in self._processes.items():
            if process.poll() is None:
                command = [str(BIN / "py-spy"), "dump", "--nonblocking", "--pid", str(process.pid)]
                done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
                looks.append(f"--- threads of {name}\n{done.stdout}{done.stderr}")
        return "\n".join(looks)

    def run(self, script: str, *arguments: str) -> Any:
        """Run one of the scripts beside this file as a process of the desk; what it prints as JSON is returned."""
        command = [PYTHON, str(SCRIPTS / script), *arguments]
        done = subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    def serve_at(self, offset: int) -> None:
        """The web alone, without any background work, on a clock that is so many seconds off; stop("past") ends it."""
        self.commands["past"] = [PYTHON, str(SCRIPTS / "serve_at.py"), str(offset)]
        self.start("past")
        wait_until(self.is_up, f"{self.url} answers\n{self.logs()}", every=0.1)

    def is_up(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=10).status_code == 200
        except requests.RequestException:
            return False

    # ------------------------------------------------------------------------------------------ REST

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """One request with the desk's key; each thread keeps a connection of its own."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.headers["Authorization"] = f"Bearer {self.made['key']}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = path if path.startswith("http") else f"{self.url}/api/v1/{path}"
        answer: requests.Response = self._local.session.request(
            method, url, json=body, headers=named, timeout=PATIENCE_SECONDS
        )
        return answer

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, (answer.status_code, answer.text[:500])
        return answer.json()

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        answer = self.ask("POST", path, body, **headers)
        assert answer.status_code in {200, 201}, (answer.status_code, answer.text[:500])
        return answer.json()

    def events(self) -> list[dict[str, Any]]:
        """The whole feed."""
        found: list[dict[str, Any]] = []
        page = self.get("events/?limit=100")
        while True:
            found += page["results"]
            if page["next"] is None or not page["results"]:
                return found
            page = self.get(page["next"])


@contextmanager
def _standing(desk: Desk) -> Iterator[Desk]:
    try:
        yield desk
    except BaseException:
        # For the report: a failure that happens once in a while is understood from these or not at all.
        sys.stdout.write(f"{desk.logs(tail=20_000)}\n{desk.threads()}\n")
        raise
    finally:
        for process in desk._processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(PATIENCE_SECONDS)
        for server in desk.servers.values():
            server.stop()


@contextmanager
def embedded(*, mail: str = "", start: bool = True) -> Iterator[Desk]:
    """What `make run` starts."""
    template, folder = furnished_embedded(), scratch()
    with _standing(Desk(folder, **({"EMAIL_URL": mail} if mail else {}))) as desk:
        _copy(template.folder / "data", folder / "data")
        desk.made = template.made
        desk.commands = {"desk": [PYTHON, "manage.py", "run"]}
        if start:
            desk.start()
            desk.wait_ready()
        yield desk


@contextmanager
def production(*, mail: str = "", workers: int = 1, beats: int = 1, start: bool = True) -> Iterator[Desk]:
    """The processes of docker-compose.yml with servers of their own."""
    template, folder = furnished_production(), scratch()
    _copy(template.folder, folder)
    with _on_servers(folder, **({"EMAIL_URL": mail} if mail else {})) as desk:
        desk.made = template.made
        gunicorn = [str(BIN / "gunicorn"), "--config", "docker/gunicorn.conf.py", "--bind", f"127.0.0.1:{desk.port}"]
        beat = [str(BIN / "celery"), "--app", "servicedesk", "beat", "--loglevel", "WARNING", "--pidfile="]
        desk.commands = {
            "web": [*gunicorn, "servicedesk.wsgi:application"],
            **{name: [PYTHON, "manage.py", "worker"] for name in _names("worker", workers)},
            **dict.fromkeys(_names("beat", beats), beat),
        }
        if start:
            desk.start()
            desk.wait_ready()
        yield desk


@contextmanager
def _on_servers(folder: Path, **environment: str) -> Iterator[Desk]:
    """A desk whose PostgreSQL and Redis run."""
    postgres, broker = Postgres(folder / "postgres"), RedisServer(folder / "redis")
    (folder / "metrics").mkdir(exist_ok=True)
    addresses = {
        "DATABASE_URL": postgres.url("desk"),
        "KEYSTORE_URL": postgres.url("desk_keys"),
        "REDIS_URL": broker.url,
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
    }
    with _standing(Desk(folder, **addresses, **environment)) as desk:
        desk.servers = {"postgres": postgres, "redis": broker}
        desk.start("postgres", "redis")
        yield desk


def _names(name: str, number: int) -> list[str]:
    return [name, *[f"{name}{n}" for n in range(2, number + 1)]]


# ---------------------------------------------------------------------------------------------- made once, then copied


@cache
def furnished_embedded() -> Desk:
    """A migrated desk with its people and key, not running."""
    desk = Desk(scratch())
    desk.made = desk.run("furnish.py")
    return desk


@cache
def furnished_production() -> Desk:
    with _on_servers(scratch()) as desk:
        desk.servers["postgres"].create("desk", "desk_keys")
        desk.made = desk.run("furnish.py")
    return desk


def scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="desk-acceptance-"))
    folder.chmod(0o755)  # PostgreSQL's own user has to get through
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _copy(source: Path, target: Path) -> None:
    """With owners and modes, which PostgreSQL looks at."""
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "--archive", f"{source}/.", str(target)], check=True)
