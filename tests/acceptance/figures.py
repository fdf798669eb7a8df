"""What was measured, for the terminal and for the closing note."""

import json
import os
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

FULL: Final = os.environ.get("ACCEPTANCE") == "full"
FILE: Final = Path(__file__).resolve().parents[2] / "build" / "acceptance.jsonl"


def size(normal: int, full: int) -> int:
    """How many: enough to show it in every run, or as many as the issue asks for (ACCEPTANCE=full)."""
    return full if FULL else normal


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many per cent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Milliseconds."""
    return {
        "n": len(values),
        "p50": round(1000 * percentile(values, 50)),
        "p99": round(1000 * percentile(values, 99)),
        "max": round(1000 * max(values)),
    }


def note(what: str, **figures: Any) -> None:
    """One line on the terminal (pytest -s, or when the test fails) and in build/acceptance.jsonl."""
    line = {"what": what, **figures, "load": round(os.getloadavg()[0], 1), "at": time.strftime("%H:%M:%S")}
    text = json.dumps(line, ensure_ascii=False)
    FILE.parent.mkdir(exist_ok=True)
    with FILE.open("a", encoding="utf-8") as file:
        file.write(text + "\n")
    os.write(1, f"\n{text}\n".encode())
