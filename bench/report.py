"""The table, and the same as JSON."""

import json
import os
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from bench.figures import Figure, Gap, Row, Target
from bench.servers import ROOT

# The order of the table.
NAMES: Final = (
    "ticket by REST", "(bare insert", "end to end", "queue fragment", "queue over REST", "ticket page", "search, rare",
    "search, 退款", "clocks due at once", "detection", "empty sweep", "events carried", "dashboard", "reply sent",
    "web worker", "embedded process, idle: memory", "embedded process, idle: of",
)  # fmt: skip
WIDTHS: Final = (41, 10, 10, 6, 13, 12, 15)
HEADS: Final = ("what", "ours", "yardstick", "ratio", "spread", "must", "go for")


def in_order(rows: Sequence[Row]) -> list[Row]:
    """The rows in the order of NAMES. RuntimeError where one is missing or unknown."""
    found = {name: [row for row in rows if row.name.startswith(name)] for name in NAMES}
    wrong = [name for name, named in found.items() if len(named) != 1]
    if wrong or len(rows) != len(NAMES):
        raise RuntimeError(f"rows missing, doubled or unknown: {wrong}")
    return [named[0] for named in found.values()]


def print_table(rows: Sequence[Row], tickets: int) -> None:
    load = os.getloadavg()[0]
    print(f"\n{tickets:,} tickets, {os.cpu_count()} cores, load average {load:.1f}; medians, spread over the rounds\n")
    print(f"{_line(HEADS)}  note")
    for row in rows:
        if isinstance(row, Gap):
            print(_padded(row.name, WIDTHS[0]), row.why)
        else:
            print(f"{_line(_cells(row))}  {row.note}".rstrip())


def write_json(rows: Sequence[Row], tickets: int) -> str:
    """Returns where it is."""
    target = ROOT / "var" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    found = {
        "tickets": tickets,
        "at": datetime.now(UTC).isoformat(),  # noqa: TID251  a note of when it was measured
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "rows": [row.as_json() for row in rows],
    }
    target.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return str(target)


def _cells(row: Figure) -> list[str]:
    is_ratio = row.yardstick is not None
    unit = "" if is_ratio else row.unit
    return [
        row.name,
        _number(row.ours, row.unit),
        "–" if row.yardstick is None else _number(row.yardstick, row.unit),
        _number(row.value, "") if is_ratio else "–",
        f"{_number(row.low, '')}–{_number(row.high, '')}",
        _target(row.target, row.target.must, unit, is_met=row.is_met),
        _target(row.target, row.target.go_for, unit, is_met=row.is_all_met),
    ]


def _target(target: Target, bound: float, unit: str, *, is_met: bool) -> str:
    sign = "≥" if target.at_least else "≤"
    return f"{sign} {bound:,g}{_unit(unit)} {'✓' if is_met else 'short'}"


def _number(value: float, unit: str) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 3
    return f"{value:,.{digits}f}{_unit(unit)}"


def _unit(unit: str) -> str:
    return unit if unit in {"", "%", "/s"} else f" {unit}"


def _line(cells: Sequence[str]) -> str:
    first, *others = zip(cells, WIDTHS, strict=True)
    return " ".join([_padded(*first), *(_padded(cell, width, right=True) for cell, width in others)])


def _padded(text: str, width: int, *, right: bool = False) -> str:
    """Chinese characters take two places."""
    missing = " " * (width - sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text))
    return missing + text if right else text + missing
