"""The worker's process: who gets its interpreter and when, and what it can do."""

import sys
from collections.abc import Iterator

import pytest
from celery.loaders import base

from servicedesk import celery_settings
from servicedesk.celery import make_app
from servicedesk.nudges import TASKS
from servicedesk.worker import Worker


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def test_a_busy_thread_hands_the_interpreter_on_within_a_millisecond() -> None:
    """A sweep talks to the database a dozen times, and after each talk waits for its turn behind busy reactions."""
    worker = Worker(queues=())
    worker.start()
    try:
        assert sys.getswitchinterval() <= 0.001
    finally:
        assert worker.stop(1)


def test_a_worker_knows_every_task_though_another_thread_is_loading_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a desk may start that is ready and never carries an event: the worker had begun without that task."""
    monkeypatch.setattr(base, "_RACE_PROTECTION", True)  # as while another application's discovery is under way
    application = make_app("beside", current=False)
    application.loader.import_default_modules()
    scheduled = {entry["task"] for entry in celery_settings.beat_schedule.values()} | set(TASKS.values())
    assert {task.rpartition(".")[0] for task in scheduled} <= application.loader.task_modules
