"""The web process: threads with a database connection each, no access log (the desk's own log has no query strings)."""

import os

bind = "0.0.0.0:8000"
worker_class = "servicedesk.web_worker.Worker"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8
timeout = 60
graceful_timeout = 20
keepalive = 75  # longer than the proxy keeps a connection open, so that it never meets a closed one
max_requests = 20_000
max_requests_jitter = 2_000
accesslog = None
errorlog = "-"
# A door for gunicornc that nobody uses; its file would lie in a home directory that the container has no right to.
control_socket_disable = True
# Heartbeat files on a disk can block a worker; memory cannot.
worker_tmp_dir = "/dev/shm"  # noqa: S108
# Twice what the desk takes (settings.ADDRESS_MAX_BYTES): up to here the answer is the desk's, above it the worker's.
limit_request_line = 8190
# The proxy is the only one who reaches this port.
forwarded_allow_ips = "*"


def post_worker_init(_worker: object) -> None:
    """What was loaded stays: looking it over again and again for garbage is work for nothing."""
    import gc

    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def child_exit(_server: object, worker: object) -> None:
    """Counters of a worker that is gone are kept; its gauges are not."""
    from servicedesk.metrics import forget_process

    forget_process(worker.pid)  # type: ignore[attr-defined]
