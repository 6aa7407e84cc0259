"""How gunicorn serves the site, in every environment: `gunicorn --config python:platform_site.gunicorn_conf`."""

import os
import shutil
from collections.abc import MutableMapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker
from prometheus_client.multiprocess import mark_process_dead

from platform_site import env

# The settings below go by gunicorn's names.
# pylint: disable=invalid-name

PROBES = frozenset({"/health/live", "/health/ready", "/metrics"})


class AccessLogger(Logger):
    """One line a request, and none for probes that went well: they come every few seconds and say nothing."""

    def access(self, resp: Any, req: Any, environ: MutableMapping[str, Any], request_time: timedelta) -> None:
        """Log one request, unless it is such a probe."""
        if req.path in PROBES and str(resp.status).startswith("200"):
            return
        super().access(resp, req, environ, request_time)

    def atoms(self, resp: Any, req: Any, environ: MutableMapping[str, Any], request_time: timedelta) -> Any:
        """Take the path as it was sent: decoded, it could hold a line break and forge the next line."""
        return super().atoms(resp, req, environ, request_time) | {"U": req.path}


wsgi_app = "platform_site.wsgi:application"
bind = env.text("GUNICORN_BIND", default="127.0.0.1:8000")

# Threads, because a request spends most of its time waiting for the database or the processor.
worker_class = "gthread"
workers = env.integer("WEB_CONCURRENCY", default=2, minimum=1, maximum=64)
threads = env.integer("WEB_THREADS", default=8, minimum=1, maximum=64)
# Workers prove in this folder that they are alive; on a slow disk a healthy one would look dead.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # nosec B108  # Not written by name.

timeout = 30
graceful_timeout = 20
keepalive = 5
# More than the API takes, which says so in a problem document where gunicorn has a page in HTML.
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 8190
# Servers on one machine would fight over the one socket, and nothing here uses it.
control_socket_disable = True

accesslog = "-"
errorlog = "-"
loglevel = env.text("GUNICORN_LOG_LEVEL", default="info")
logger_class = AccessLogger
# Method, path without its query, status, time. A body or a header never reaches the log.
access_log_format = "%(t)s %(m)s %(U)s %(s)s %(M)s ms"


def on_starting(server: Arbiter) -> None:
    """Empty the folder in which the workers add up their metrics: the files are those of an earlier run."""
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir(parents=True)


def child_exit(server: Arbiter, worker: Worker) -> None:
    """Forget the gauges of a worker that is gone; its counters stay in the sum."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
