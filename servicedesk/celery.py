"""The Celery application: what runs in the background, and how often it is looked after.

A message is only a nudge: the row in the database is the work, so a lost, doubled or late message costs nothing.
Every task can run twice and at the same time as itself; beat triggers only such sweeps, and two beats do no harm.
The settings are in `servicedesk/celery_settings.py`, read when first needed: Django's settings import this package.
"""

import os
import time
from typing import Any

import structlog
from celery import Celery, Task, signals
from celery.states import SUCCESS

# Celery's own Django support needs the name before the application is made.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "servicedesk.settings")

SETTINGS = "servicedesk.celery_settings"
# Tasks whose good end shows that a part of the desk is well.
SIGNS_OF_LIFE = {"servicedesk.tasks.sweep_bookings": "sweep", "servicedesk.heartbeat.beat_heart": "worker"}


def make_app(name: str, *, current: bool = True) -> Celery:
    """An application with the desk's settings and tasks.

    A process that runs two workers needs two: which queues a worker consumes from is kept on its application.
    """
    made = Celery(name, set_as_current=current)
    made.config_from_object(SETTINGS)
    return made


app = make_app("servicedesk")


@signals.setup_logging.connect
def _leave_logging_to_django(**_: Any) -> None:
    """Having a receiver here stops Celery from configuring logging itself."""


@signals.task_prerun.connect
def _open_task(task_id: str, task: Task[Any, Any], **_: Any) -> None:
    from servicedesk import logs

    # Celery's request takes any attribute and lives as long as this run of the task.
    vars(task.request).update(desk_cause=logs.begin(task_id, task=task.name), desk_began=time.perf_counter())


@signals.task_postrun.connect
def _close_task(task: Task[Any, Any], state: str | None = None, **_: Any) -> None:
    from servicedesk import heartbeat, logs, metrics

    began = getattr(task.request, "desk_began", None)
    if began is not None:
        metrics.TASK_SECONDS.labels(task.name, state or "UNKNOWN").observe(time.perf_counter() - began)
    if state == SUCCESS and task.name in SIGNS_OF_LIFE:
        heartbeat.note(SIGNS_OF_LIFE[task.name])
    if (cause := getattr(task.request, "desk_cause", None)) is not None:
        logs.end(cause)


@signals.task_failure.connect
def _log_failure(sender: Task[Any, Any], exception: BaseException, **_: Any) -> None:
    """One line with the traceback. Arguments are left out: they are ids at best, and a slip would put text here."""
    from django.db import InterfaceError, OperationalError

    log = structlog.get_logger("servicedesk.tasks")
    if isinstance(exception, InterfaceError | OperationalError):
        # Each sweep fails while the database is away: a line each second says enough.
        log.warning("task.database_is_away", task=sender.name, error=type(exception).__name__)
    else:
        log.error("task.failed", task=sender.name, exc_info=exception)
