"""What is committed must install anywhere and name every app."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = sorted(ROOT.glob("requirements*.txt"))


def pins(path):
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_lock_files_have_hashes_and_no_address(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://|file:|^\s*--(?!hash)", text, re.MULTILINE)
    assert len(pins(path)) == len(re.findall(r"^[a-z0-9][^\n]*\\\n    --hash=sha256:", text, re.MULTILINE))


def test_the_npm_lock_has_integrity_and_no_download_address():
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert [name for name, package in packages.items() if "resolved" in package or not package.get("integrity")] == []


def test_tests_run_against_the_versions_that_the_desk_runs_on():
    runtime = dict(pins(ROOT / "requirements.txt"))
    for path in (ROOT / "requirements-dev.txt", ROOT / "requirements-production.txt"):
        other = dict(pins(path))
        assert {name: other.get(name) for name in runtime} == runtime


def test_what_pyproject_declares_is_pinned():
    names = {re.match(r"[a-z0-9-]+", wanted).group() for wanted in PROJECT["project"]["dependencies"]}
    assert names <= {name for name, _ in pins(ROOT / "requirements.txt")}


def test_every_app_stands_on_a_floor():
    apps = {path.parent.name for path in ROOT.glob("*/apps.py")} | {"servicedesk"}
    linter = PROJECT["tool"]["importlinter"]
    floors = next(contract for contract in linter["contracts"] if contract["id"] == "floors")["layers"]
    circles = tomllib.loads((ROOT / "tools" / "circles.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    assert set(linter["root_packages"]) == set(circles["root_packages"]) == apps
    assert set(circles["contracts"][0]["ancestors"]) == apps | {f"{name}.**" for name in apps}
    assert {name.strip() for floor in floors for name in floor.split("|")} == apps


def test_a_reason_stands_beside_each_rule_that_is_off():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    ignored = text[text.index("\nignore = [") : text.index("\n]", text.index("\nignore = ["))]
    assert [line for line in ignored.splitlines()[2:] if "#" not in line] == []


def test_nothing_that_can_be_made_is_committed():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        return  # not a checkout, nothing can be committed
    made = re.compile(r"^(\.venv|node_modules|build|var|docker/secrets)/|\.(mo|pyc|sqlite3)$")
    assert [name for name in tracked.stdout.splitlines() if made.search(name)] == []
