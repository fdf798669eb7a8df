"""Figures for Prometheus. Labels are route names, task names and codes: never a path, an address or a person."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from prometheus_client.core import REGISTRY, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_FAST: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUEST_SECONDS = Histogram(
    "desk_request_seconds", "Time to answer a request", ["method", "route", "status"], buckets=_FAST
)
TASK_SECONDS = Histogram("desk_task_seconds", "Time a background task took", ["task", "state"], buckets=_FAST)
NUDGES_LOST = Counter("desk_nudges_lost_total", "Wake-up messages that the broker did not take; sweeps found the work")
LIVE_STREAMS = Gauge("desk_live_streams", "Open live streams", multiprocess_mode="livesum")
LIVE_MESSAGES = Counter("desk_live_messages_total", "Messages written to live streams")


class Backlog(Collector):
    """What waits in the database, counted when asked: the same whichever process answers."""

    def collect(self) -> Iterable[Metric]:
        from servicedesk.heartbeat import ages, backlog, lags

        waiting = GaugeMetricFamily("desk_backlog", "Rows waiting to be worked on", labels=["of"])
        for name, count in backlog().items():
            waiting.add_metric([name], count)
        yield waiting
        late = GaugeMetricFamily("desk_lag_seconds", "Seconds by which the oldest due row is late", labels=["of"])
        for name, seconds in lags().items():
            late.add_metric([name], seconds)
        yield late
        seen = GaugeMetricFamily("desk_heartbeat_age_seconds", "Seconds since a process said it is well", labels=["of"])
        for name, age in ages().items():
            seen.add_metric([name], age)
        yield seen


def exposition() -> bytes:
    """All figures in Prometheus' text format; those of every process where they share PROMETHEUS_MULTIPROC_DIR."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.MultiProcessCollector(registry)
        own = generate_latest(registry)
    else:
        own = generate_latest(REGISTRY)
    extra = CollectorRegistry()
    extra.register(Backlog())
    return own + generate_latest(extra)


def forget_process(pid: int) -> None:
    """Drop a dead process's gauges from the shared directory (gunicorn's `child_exit` hook)."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder and Path(folder).is_dir():
        multiprocess.mark_process_dead(pid)
