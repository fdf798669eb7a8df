"""Real desks in real processes: a data folder prepared once, and copied for each desk that a test starts."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
# What they do is the same whatever database the tests are on: none of its settings reaches them (`environment`).
on_files_of_its_own = pytest.mark.skipif(
    bool(os.environ.get("TEST_DATABASE_URL")), reason="only on SQLite: a desk on files of its own"
)
PREPARE = """
import json, sys, django
django.setup()
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.conf import settings
from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM
from servicedesk.keyring import ring
from servicedesk.models import User
from servicedesk.permissions import SCOPE_PERMISSIONS
from servicedesk.upgrading import upgrade
upgrade(lambda line: None)
ring()
user = User.objects.create_user("alice@desk.example", "correct horse battery", name="Alice")
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
key = issue_api_key(integration="tests", scopes=list(SCOPE_PERMISSIONS), by=SYSTEM, rate_per_minute=100_000)
print(json.dumps({"key": key.fresh_secret, "session": session.session_key, "user": str(user.pk)}))
"""


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """The environment of a desk on this folder, with nothing inherited that could lead it elsewhere."""
    ours = {
        "DATABASE_URL",
        "KEYSTORE_URL",
        "REDIS_URL",
        "MASTER_KEY_FILE",
        "SECRET_KEY",
        "SITE_URL",
        "DEBUG",
        "EMAIL_URL",
    }
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "servicedesk.settings",
        "DATA_DIR": str(folder),
        "DEMO": "0",
        "LOG_FORMAT": "json",
        "PYTHONUNBUFFERED": "1",
        **variables,
    }


def command(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py …` to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT, env=environment(folder, **variables), capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS,
    )  # fmt: skip


def prepare(folder: Path, **variables: str) -> dict[str, str]:
    """Make the databases in this folder, one agent with a session, and a key; returns what is needed to use them."""
    folder.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(
        [sys.executable, "-c", PREPARE],
        cwd=ROOT, env=environment(folder, **variables), capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    return json.loads(made.stdout.splitlines()[-1])


@dataclass
class Process:
    """One process of a desk."""

    popen: subprocess.Popen[str]
    log: Path

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send the signal; returns the seconds until the process was gone."""
        began = time.monotonic()
        self.popen.send_signal(number)
        self.popen.wait(PATIENCE_SECONDS)
        return time.monotonic() - began

    def kill(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(PATIENCE_SECONDS)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")


@dataclass
class Desk:
    """A data folder and what runs on it."""

    folder: Path
    facts: dict[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    processes: list[Process] = field(default_factory=list)

    def start(self, *words: str, **variables: str) -> Process:
        """Start one process in the background."""
        log = self.folder / f"process{len(self.processes)}.log"
        with log.open("w") as file:
            popen = subprocess.Popen(
                list(words), cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                env=environment(self.folder, **{"PORT": str(self.port), **self.variables, **variables}),
            )  # fmt: skip
        self.processes.append(Process(popen, log))
        return self.processes[-1]

    def run(self) -> Process:
        """`manage.py run`, until it answers."""
        process = self.start(sys.executable, "manage.py", "run")
        self.wait_for(lambda: self.get("/healthz")[0] == 200, process)
        return process

    def wait_for(self, condition, process: Process | None = None, patience: float = PATIENCE_SECONDS) -> float:
        """Until it is true; returns the seconds it took. Fails at once when the process has ended."""
        began = time.monotonic()
        while time.monotonic() - began < patience:
            try:
                if condition():
                    return time.monotonic() - began
            except (OSError, http.client.HTTPException):
                pass
            if process is not None and process.popen.poll() is not None:
                raise AssertionError(f"ended with {process.popen.returncode}: {process.said()[-3000:]}")
            time.sleep(0.05)
        raise AssertionError(f"not within {patience} s: {process.said()[-3000:] if process else condition}")

    def wait_until_ready(self, process: Process | None = None) -> float:
        return self.wait_for(lambda: self.get("/readyz")[0] == 200, process)

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        return self.request("GET", path, headers=headers)

    def request(self, method: str, path: str, body: bytes | None = None, headers=None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def post_ticket(self, number: int = 0) -> dict:
        """A ticket over REST; fails unless it is answered 201."""
        words = {
            "subject": f"Concern {number}",
            "body": "Where is my parcel?",
            "customer": {"email": f"c{number}@example.com"},
        }
        headers = {"Authorization": f"Bearer {self.facts['key']}", "Content-Type": "application/json"}
        status, body = self.request("POST", "/api/v1/tickets/", json.dumps(words).encode(), headers)
        assert status == 201, (status, body)
        return json.loads(body)

    def ask(self, code: str) -> str:
        """Run a few lines in a process of their own on this desk's data; returns what they print."""
        script = f"import django; django.setup()\n{code}"
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT, env=environment(self.folder, **self.variables), capture_output=True, text=True, check=False,
            timeout=PATIENCE_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def end(self) -> None:
        for process in self.processes:
            process.kill()


def copy_of(template: Path, folder: Path) -> Path:
    return Path(shutil.copytree(template, folder))
