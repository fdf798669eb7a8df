"""`make run` as a shell or a service manager handles it: its own environment reaches the desk, and it stops cleanly."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]

FAKE_DESK = """#!{python}
import os, signal, sys, time

def stop(number, frame):
    time.sleep(0.3)  # a clean stop takes its time: make has to wait for it
    print("stopped by", signal.Signals(number).name, flush=True)
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
print("up", *sys.argv[1:], os.environ["PORT"], os.environ["DEMO"], flush=True)
time.sleep(60)
"""


@pytest.fixture
def checkout(tmp_path):
    """A folder where everything is built already and the desk is a script that tells what happens to it."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(FAKE_DESK.format(python=sys.executable), encoding="utf-8")
    python.chmod(0o755)
    wanted = (
        "requirements.txt requirements-frontend.txt package-lock.json tools/frontend.py tools/translations.py "
        "servicedesk/assets.py servicedesk/storage.py .venv/.runtime node_modules/.complete build/stamps/translations "
        "build/stamps/static"
    )
    for order, name in enumerate(wanted.split()):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (order, order))
    return tmp_path


def start(folder):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    process = subprocess.Popen(
        ["make", "run", "DEMO=0"],
        cwd=folder,
        env=environment | {"PORT": "8123"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "up manage.py run 8123 0\n"
    return process


def test_a_terminated_make_takes_the_desk_along_and_waits_for_it(checkout):
    process = start(checkout)
    os.kill(process.pid, signal.SIGTERM)
    told, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert "stopped by SIGTERM" in told
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_ctrl_c_in_the_terminal_stops_the_desk_once(checkout):
    process = start(checkout)
    os.killpg(process.pid, signal.SIGINT)
    told, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert told.count("stopped by SIGINT") == 1
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_second_start_does_nothing_again(checkout):
    result = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "run"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    assert result.stdout == ".venv/bin/python manage.py run\n"
