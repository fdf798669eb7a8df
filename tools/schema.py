"""The OpenAPI document, docs/openapi.yaml, is committed: a change of the contract shows in a diff.

python tools/schema.py check    fail where the code says otherwise
python tools/schema.py write    write it anew
"""

import difflib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMITTED = ROOT / "docs" / "openapi.yaml"


def generate(target: Path) -> int:
    command = [sys.executable, "manage.py", "spectacular", "--validate", "--fail-on-warn", "--file", str(target)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def check() -> int:
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / COMMITTED.name
        if code := generate(fresh):
            return code
        told = COMMITTED.read_text(encoding="utf-8").splitlines() if COMMITTED.is_file() else []
        said = fresh.read_text(encoding="utf-8").splitlines()
    difference = list(difflib.unified_diff(told, said, "docs/openapi.yaml", "the code", lineterm=""))
    if difference:
        print("\n".join(difference[:60]))
        print("The committed schema differs from the code: `make schema` writes it anew.", file=sys.stderr)
    return 1 if difference else 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["check"], ["write"]):
        sys.exit(__doc__)
    sys.exit(check() if sys.argv[1] == "check" else generate(COMMITTED))
