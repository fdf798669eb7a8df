"""What a process takes of the machine, read from /proc."""

import os
from collections.abc import Callable
from pathlib import Path

MIB = 2**20
Read = Callable[[int], float]


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def resident(pid: int) -> float:
    """MiB resident (RSS)."""
    return _from_rollup(pid, "Rss")


def proportional(pid: int) -> float:
    """MiB with shared pages divided among those who share them (PSS)."""
    return _from_rollup(pid, "Pss")


def processor_seconds(pid: int) -> float:
    """Seconds of processor time used so far, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _from_rollup(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024 / MIB
