"""What drives real processes is tried twice, everything else once; the first failure is shown."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.second_try import TESTS, drives_processes

FAILS_ONCE = """
from pathlib import Path

def test_it():
    was_here = Path(__file__).with_suffix(".once")
    print("seen by the first try")
    assert was_here.exists() or was_here.touch()
"""


@pytest.mark.parametrize(
    ("place", "twice"),
    [("acceptance/test_kill.py", True), ("browser/test_shell.py", True), ("clocks/test_calendars.py", False)],
)
def test_it_is_for_what_drives_processes(place: str, twice: bool) -> None:
    assert (TESTS / place).is_file()
    assert drives_processes(TESTS / place) is twice


def test_a_second_try_passes_and_the_first_failure_is_printed(tmp_path: Path) -> None:
    done = run(tmp_path, FAILS_ONCE, "tmp")
    assert done.returncode == 0, done.stdout
    assert "failed at the first try" in done.stdout
    assert "seen by the first try" in done.stdout
    assert "1 passed, 1 rerun" in done.stdout


def test_what_fails_twice_fails(tmp_path: Path) -> None:
    assert run(tmp_path, "def test_it():\n    assert False\n", "tmp").returncode == 1


def test_other_tests_are_tried_once(tmp_path: Path) -> None:
    assert run(tmp_path, FAILS_ONCE, "elsewhere").returncode == 1


def run(folder: Path, text: str, place: str) -> "subprocess.CompletedProcess[str]":
    """A pytest of its own over this one test, as if `place` were where processes are driven."""
    (folder / "tmp").mkdir()
    (folder / "tmp" / "test_one.py").write_text(text, encoding="utf-8")
    (folder / "conftest.py").write_text(
        f"from pathlib import Path\nfrom tests import second_try\n"
        f"second_try.TESTS, second_try.REAL_PROCESSES = Path({str(folder)!r}), ({place!r},)\n",
        encoding="utf-8",
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:django",
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.second_try",
    ]
    return subprocess.run(
        [*command, "--rootdir", str(folder), "-c", "/dev/null", str(folder)],
        cwd=TESTS.parent,
        env={"PYTHONPATH": str(TESTS.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
