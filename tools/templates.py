"""Templates look alike everywhere: djade for the tags, djhtml for the indentation.

python tools/templates.py check     fail where a template is formatted otherwise
python tools/templates.py format    format them all
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
FORMATTERS = (
    ([str(BIN / "djade"), "--target-version", "5.2"], "--check"),
    ([str(BIN / "djhtml"), "--tabwidth", "2"], "--check"),
)


def templates() -> list[str]:
    folders = [ROOT / "templates", *ROOT.glob("*/templates")]
    return sorted(str(path.relative_to(ROOT)) for folder in folders for path in folder.rglob("*.html"))


def main(arguments: list[str]) -> int:
    if arguments not in (["check"], ["format"]):
        sys.exit(__doc__)
    files = templates()
    failed = False
    for command, check_flag in FORMATTERS:
        flags = [check_flag] if arguments == ["check"] else []
        result = subprocess.run([*command, *flags, *files], cwd=ROOT, capture_output=True, text=True, check=False)
        if flags and result.returncode:
            failed = True
            print((result.stdout + result.stderr).strip())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
