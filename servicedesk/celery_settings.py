"""Celery's settings, in Celery's own names; loaded by `servicedesk.celery` when first needed."""

from typing import Any

from django.conf import settings
from kombu import Queue

_MINUTE = 60

broker_url: str = settings.REDIS_URL or "memory://"
if not settings.REDIS_URL:
    # One process: a put wakes the consumer, which otherwise would look ten times a second.
    broker_transport = "servicedesk.memory_broker:Transport"
broker_connection_retry_on_startup = True
broker_connection_max_retries: int | None = None
broker_pool_limit = 4
broker_transport_options: dict[str, Any] = (
    {
        # Longer than any task; what a killed worker had taken comes back after this, the sweeps found it long before.
        "visibility_timeout": 10 * _MINUTE,
        "unacked_restore_interval": 30,
        "unacked_restore_throttle": 1,
        "socket_keepalive": True,
        # A publisher inside a web request must not hang on a broker that stopped answering.
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
        "retry_on_timeout": False,
        "health_check_interval": 10,
    }
    if settings.REDIS_URL
    else {}
)

# Where all tasks are. Celery's discovery is not for a process with two workers: while one worker's is under way, the
# other's finds nothing and says nothing, and a worker refuses for good the tasks that it did not know as it started.
imports = (
    "servicedesk.heartbeat",
    "servicedesk.housekeeping",
    "servicedesk.mail.tasks",
    "servicedesk.tasks",
    "servicedesk.webhooks.tasks",
)
task_queues = (Queue("celery"), Queue("sweep"))
task_default_queue = "celery"
task_routes = {"servicedesk.tasks.sweep_bookings": {"queue": "sweep"}}
task_acks_late = True
task_reject_on_worker_lost = True
task_ignore_result = True
task_store_errors_even_if_ignored = False
result_backend = None
task_serializer = "json"
accept_content = ["json"]
task_track_started = False
worker_prefetch_multiplier = 1
worker_hijack_root_logger = False
worker_redirect_stdouts = False
worker_enable_remote_control = False
worker_send_task_events = False
worker_cancel_long_running_tasks_on_connection_loss = False
enable_utc = True
timezone = "UTC"

# Each entry finds in the database what a lost message left behind; it expires before two more of its kind wait.
beat_scheduler = "servicedesk.beat:MemoryScheduler"
beat_max_loop_interval = 1
# Within one process no nudge is lost; carrying then only has to look after what failed and is tried again.
_CARRY_EVERY = 1.0 if settings.REDIS_URL else 3.0
beat_schedule: dict[str, dict[str, Any]] = {
    "sweep": {"task": "servicedesk.tasks.sweep_bookings", "schedule": 1.0, "options": {"expires": 1}},
    "carry": {"task": "servicedesk.tasks.carry_events", "schedule": _CARRY_EVERY, "options": {"expires": 1}},
    "webhooks": {"task": "servicedesk.webhooks.tasks.send_webhooks", "schedule": 2.0, "options": {"expires": 2}},
    "mail": {"task": "servicedesk.mail.tasks.send_mail", "schedule": 5.0, "options": {"expires": 5}},
    "heartbeat": {"task": "servicedesk.heartbeat.beat_heart", "schedule": 3.0, "options": {"expires": 3}},
    # Asked often, done hourly: an embedded desk that is restarted every day must get its turn as well.
    "housekeeping": {
        "task": "servicedesk.housekeeping.keep_house_hourly",
        "schedule": 5.0 * _MINUTE,
        "options": {"expires": 60},
    },
}
