"""How gunicorn is told to serve."""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config

from platform_site import gunicorn_conf

# The hooks are given gunicorn's own objects, of which they need next to nothing.
SERVER: Any = SimpleNamespace()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[str, str], str]:
    """Return a function that logs a request for a path and a status, and returns the line, if there is one."""
    caplog.set_level(logging.INFO, "gunicorn.access")
    config = Config()
    config.set("accesslog", "-")
    config.set("access_log_format", gunicorn_conf.access_log_format)
    logger = gunicorn_conf.AccessLogger(config)

    def write(path: str, status: str) -> str:
        response = SimpleNamespace(status=status, sent=2, headers=[])
        request = SimpleNamespace(path=path, headers=[("AUTHORIZATION", "Bearer sk_test_secret")])
        environ = {
            "REQUEST_METHOD": "GET",
            "RAW_URI": f"{path}?q=secret",
            "PATH_INFO": path.replace("%0A", "\n"),
            "QUERY_STRING": "q=secret",
            "SERVER_PROTOCOL": "HTTP/1.1",
        }
        logger.access(response, request, environ, timedelta(milliseconds=12))
        return caplog.messages.pop() if caplog.messages else ""

    return write


def test_a_request_is_logged_with_method_path_status_and_time_alone(log: Callable[[str, str], str]) -> None:
    line = log("/v1/payments", "201 Created")

    assert line.endswith("] GET /v1/payments 201 12 ms")
    assert "secret" not in line


def test_a_line_break_in_a_path_forges_no_line(log: Callable[[str, str], str]) -> None:
    assert log("/v1/%0AGET", "404 Not Found").endswith("] GET /v1/%0AGET 404 12 ms")


def test_probes_are_logged_only_when_they_fail(log: Callable[[str, str], str]) -> None:
    assert log("/health/ready", "200 OK") == ""
    assert "/health/ready 503" in log("/health/ready", "503 Service Unavailable")


def test_the_figures_of_an_earlier_run_are_wiped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "counter_1.db").touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))

    gunicorn_conf.on_starting(SERVER)

    assert not list(folder.iterdir())


def test_a_dead_worker_leaves_its_counters_and_takes_its_gauges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for name in ("counter_7.db", "gauge_liveall_7.db", "gauge_liveall_8.db"):
        (tmp_path / name).touch()

    gunicorn_conf.child_exit(SERVER, SimpleNamespace(pid=7))  # type: ignore[arg-type]

    assert {path.name for path in tmp_path.iterdir()} == {"counter_7.db", "gauge_liveall_8.db"}


def test_without_a_folder_there_are_no_figures_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)

    gunicorn_conf.on_starting(SERVER)
    gunicorn_conf.child_exit(SERVER, SimpleNamespace(pid=7))  # type: ignore[arg-type]
