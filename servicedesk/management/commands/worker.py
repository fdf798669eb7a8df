"""`manage.py worker`: carries out background tasks until it is told to stop."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from servicedesk.worker import DEFAULT_CONCURRENCY, QUEUES, Worker, leave_at_once


class Command(BaseCommand):
    help = "Carry out background tasks: deadlines, events, mail, webhooks. Several may run, on several machines."
    requires_system_checks = ()
    stop_seconds = 8.0

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--queues", default=",".join(QUEUES), help="sweep, celery or both (the default)")
        parser.add_argument("--concurrency", type=int, default=DEFAULT_CONCURRENCY, help="tasks at once, sweeps apart")

    def handle(self, *args: Any, queues: str, concurrency: int, **options: Any) -> None:
        wanted = [queue.strip() for queue in queues.split(",") if queue.strip()]
        if not wanted or not set(wanted) <= set(QUEUES):
            raise CommandError(f"--queues takes {' and '.join(QUEUES)}, separated by a comma.")
        if concurrency < 1:
            raise CommandError("--concurrency must be at least 1.")
        told_to_stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: told_to_stop.set())
        worker = Worker(wanted, concurrency=concurrency)
        worker.start()
        self.stderr.write("Worker: started.")
        told_to_stop.wait()
        if worker.stop(self.stop_seconds):
            self.stderr.write("Worker: stopped.")
            return
        # What still runs is found again by a sweep; waiting longer would only end in a kill.
        leave_at_once()
