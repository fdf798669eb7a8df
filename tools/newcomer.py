"""What a newcomer meets: from a clone and `make run` to the first ticket, stopped, and started again.

Clones the committed state into an empty folder with an empty HOME, so nothing that happens to lie around here helps.
Prints how long each step took and fails where a promise of the README is not kept. Standard library only.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIRST_START_SECONDS = 300
SECOND_START_SECONDS = 5.0
STOP_SECONDS = 10.0
NOT_IN_A_CLONE = (".venv", "node_modules", "build", "var", ".*_cache", "__pycache__", "*.mo")


class Desk:
    """One `make run` in its own process group, as a terminal would start it."""

    def __init__(self, folder: Path, home: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder.parent / "make-run.log"
        kept = ("PATH", "LANG", "SSL_CERT_FILE", "PIP_FIND_LINKS", "PIP_CERT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        self.started = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["make", "run", f"PORT={port}"],
                cwd=folder,
                env=environment | {"HOME": str(home)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self, limit: float) -> float:
        """Seconds from `make run` to a 200 on /readyz."""
        while time.monotonic() - self.started < limit:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:  # noqa: S310  our own address
                    if answer.status == 200:
                        return time.monotonic() - self.started
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.05)
        sys.exit(f"Not ready after {time.monotonic() - self.started:.0f} s:\n{self.log.read_text()[-4000:]}")

    def ask(self, path: str, key: str = "", body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(self.url + path)  # noqa: S310  our own address
        if key:
            request.add_header("Authorization", f"Bearer {key}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  our own address
            content = answer.read()
            return json.loads(content) if "json" in answer.headers["Content-Type"] else content.decode()

    def stop(self, number: signal.Signals, *, whole_group: bool) -> float:
        """Seconds from the signal to the end of every process of the group."""
        began = time.monotonic()
        if whole_group:
            os.killpg(self.process.pid, number)
        else:
            os.kill(self.process.pid, number)
        try:
            self.process.wait(limit := STOP_SECONDS * slowness())
        except subprocess.TimeoutExpired:
            self.kill()
            sys.exit(f"Still running {limit:.0f} s after {number.name}:\n{self.log.read_text()[-4000:]}")
        taken = time.monotonic() - began
        if self.is_anything_left():
            self.kill()
            sys.exit(f"make ended after {number.name}, but left processes behind.")
        return taken

    def is_anything_left(self) -> bool:
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        if self.is_anything_left():
            os.killpg(self.process.pid, signal.SIGKILL)


def clone(target: Path) -> None:
    if (ROOT / ".git").exists():
        subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(target)], check=True)
    else:
        shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*NOT_IN_A_CLONE))


def free_port() -> int:
    """One below those that the system gives to others: it is still free when, minutes later, the desk starts."""
    for port in range(8_100 + os.getpid() % 3_000, 12_000):
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port
    sys.exit("No port is free.")


def slowness() -> float:
    """How many times longer than on a quiet machine with two cores a piece of work takes just now; at least 1."""
    began, total = time.perf_counter(), 0
    for number in range(3_000_000):
        total += number % 7
    return max(1.0, (time.perf_counter() - began) / 0.12)


def expect(is_so: object, promise: str) -> None:
    if not is_so:
        sys.exit(f"Broken promise: {promise}")


def first_ticket(desk: Desk, key: str) -> dict[str, Any]:
    body = {"subject": "Strap broke", "body": "After two days.", "customer": {"name": "Wang", "email": "w@example.com"}}
    ticket: dict[str, Any] = desk.ask("/api/v1/tickets/", key, body)
    seconds = {
        clock["metric"]: (
            datetime.fromisoformat(clock["due_at"]) - datetime.fromisoformat(clock["started_at"])
        ).total_seconds()
        for clock in ticket["clocks"]
    }
    expect(
        seconds == {"first_response": 600, "resolution": 86_400}, f"two clocks, due in 600 and 86400 s, not {seconds}"
    )
    return ticket


def standing(ticket: dict[str, Any]) -> list[dict[str, Any]]:
    """Its clocks without what runs on by itself."""
    return [{name: value for name, value in clock.items() if name != "used_seconds"} for clock in ticket["clocks"]]


def main() -> int:
    scratch = Path(tempfile.mkdtemp(prefix="newcomer-"))
    folder, home = scratch / "desk", scratch / "home"
    home.mkdir()
    clone(folder)
    port = free_port()
    desk = Desk(folder, home, port)
    try:
        first = desk.wait_until_ready(FIRST_START_SECONDS * slowness())
        print(f"make run, from nothing to ready     {first:6.1f} s", flush=True)
        demo_file = folder / "var" / "demo.json"
        demo = json.loads(demo_file.read_text(encoding="utf-8"))
        expect(stat.S_IMODE(demo_file.stat().st_mode) == 0o600, "var/demo.json can be read by its owner only")
        ticket = first_ticket(desk, demo["api_key"])
        print(f"first ticket: {ticket['number']}, due in exactly 600 s and 86400 s")
        for page in ("/accounts/login/", "/help/", "/help/ask/", "/api/docs/"):
            expect("<html" in desk.ask(page), f"{page} is a page")
        print(f"stopped by SIGTERM to make          {desk.stop(signal.SIGTERM, whole_group=False):6.1f} s")

        desk = Desk(folder, home, port)
        again = desk.wait_until_ready(SECOND_START_SECONDS + 60)
        print(f"make run, second start              {again:6.1f} s")
        limit = SECOND_START_SECONDS * slowness()
        expect(again <= limit, f"a second start takes at most {limit:.0f} s")
        kept = desk.ask(f"/api/v1/tickets/{ticket['id']}/", demo["api_key"])
        expect(standing(kept) == standing(ticket), "the ticket and its clocks are there after a restart")
        print(f"stopped by Ctrl-C                   {desk.stop(signal.SIGINT, whole_group=True):6.1f} s")
    finally:
        desk.kill()
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
