"""The platform on one machine, with one command: `nox -s serve`, or `python -m platform_site.local`.

Starts a PostgreSQL of its own (or uses DATABASE_URL), migrates, seeds the demo, serves, works on background jobs and
sends webhooks, and stops everything it started when it is told to. What it keeps is in `.local/`, or in the folder that
PAYMENTS_LOCAL_DIR names.
"""

import argparse
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import psycopg

from django.core.exceptions import ImproperlyConfigured

from platform_site import env
from platform_site.local_demo import Demo, keep_demo, keep_secret_key
from platform_site.local_postgres import LocalPostgresError, remove_postgres, running_postgres

BASE_DIR = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
CONNECT_TIMEOUT_SECONDS = 5
READY_TIMEOUT_SECONDS = 60
POLL_SECONDS = 0.1
# What takes the sandbox days can be watched.
SANDBOX_DAY_SECONDS = "60"
# A little longer than gunicorn gives its workers.
STOP_TIMEOUT_SECONDS = 25
# What runs beside the server: who it is, and manage.py's command. Each writes a log of its own.
BACKGROUND = {"worker": ("procrastinate", "worker"), "sender": ("send_webhooks",)}


class CannotServe(Exception):
    """Something that the person at the terminal has to put right; the message is one line that says what."""


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop; return the exit status."""
    parser = argparse.ArgumentParser(prog="nox -s serve --", description="Start the platform on this machine.")
    parser.add_argument("--reset", action="store_true", help="delete the local data and begin anew")
    reset: bool = parser.parse_args(arguments).reset
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop_once)
    try:
        port = env.integer("PORT", default=8000, minimum=1, maximum=65535)
        folder = Path(env.text("PAYMENTS_LOCAL_DIR", default=str(BASE_DIR / ".local"))).resolve()
        _prepare(folder, port=port, reset=reset)
        with _database(folder) as database_url:
            _serve(folder, port=port, database_url=database_url)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0
    except (CannotServe, ImproperlyConfigured, LocalPostgresError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Cannot use {error.filename}: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


def _stop_once(number: int, frame: FrameType | None) -> None:
    """Unwind, and let no second Ctrl-C interrupt the unwinding."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _prepare(folder: Path, *, port: int, reset: bool) -> None:
    """Check what can be checked before anything is started, and delete the old data if that was asked."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CannotServe(
                f"Port {port} cannot be had ({error.strerror}): stop what listens there, or choose another one"
                f" with PORT={port + 1 if port < 65535 else 8000} nox -s serve."
            ) from error
    if reset and os.environ.get("DATABASE_URL"):
        raise CannotServe("--reset deletes only the embedded database: unset DATABASE_URL, or empty that one yourself.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "writable").touch()
        (folder / "writable").unlink()
        if reset:
            remove_postgres(folder / "postgres")
            shutil.rmtree(folder)
            folder.mkdir()
    except OSError as error:
        raise CannotServe(
            f"The folder {folder} cannot be written ({error.strerror}): make it writable, or name another one"
            " in PAYMENTS_LOCAL_DIR."
        ) from error


@contextmanager
def _database(folder: Path) -> Iterator[str]:
    """Yield the URL of a database that answers: the one in DATABASE_URL, or an embedded one."""
    started_at = time.monotonic()
    if url := os.environ.get("DATABASE_URL"):
        _report_database(url, started_at)
        yield url
        return
    with running_postgres(folder / "postgres") as url:
        _report_database(url, started_at)
        yield url


def _report_database(url: str, started_at: float) -> None:
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_SECONDS) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.Error as error:
        raise CannotServe(
            f"The database is out of reach ({' '.join(str(error).split())}): start it, or correct or unset"
            " DATABASE_URL."
        ) from error
    _report(f"PostgreSQL {version}", started_at)


def _serve(folder: Path, *, port: int, database_url: str) -> None:
    """Migrate, seed and serve, until gunicorn ends or we are interrupted."""
    demo = keep_demo(folder / "demo.env", url=f"http://{HOST}:{port}")
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "platform_site.settings",
        "PAYMENTS_ENVIRONMENT": "local",
        "PAYMENTS_PUBLIC_URL": demo.url,
        "PAYMENTS_SANDBOX_DAY_SECONDS": os.environ.get("PAYMENTS_SANDBOX_DAY_SECONDS", SANDBOX_DAY_SECONDS),
        "PAYMENTS_SECRET_KEY": keep_secret_key(folder / "secret_key"),
    }
    log = folder / "setup.log"
    _manage("migrate", done="Tables", log=log, environment=environment)
    # A seed that was interrupted is carried on by the next start, which does not wait for a minute to do so.
    seeding = demo.variables() | {"PAYMENTS_IDEMPOTENCY_LEASE_SECONDS": "1"}
    _manage("seed_demo", done="Demo data", log=log, environment=environment | seeding)
    started_at = time.monotonic()
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:platform_site.gunicorn_conf"]
    serving = {
        "GUNICORN_BIND": f"{HOST}:{port}",
        "GUNICORN_LOG_LEVEL": "warning",
        # One for each port: servers may share a folder, but not the figures.
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics" / str(port)),
    }
    with (
        _background(folder, environment) as background,
        _child(gunicorn, environment=environment | serving) as server,
    ):
        _wait_until_ready(server, port=port)
        _report("Server", started_at)
        print(_welcome(demo, folder), flush=True)
        while server.poll() is None:
            for name, process in background.items():
                if process.poll() is not None:
                    log = folder / f"{name}.log"
                    raise CannotServe(f"The {name} ended with status {process.returncode}; {log} says why.")
            time.sleep(POLL_SECONDS)
    raise CannotServe(f"gunicorn ended with status {server.returncode}; it says why above.")


@contextmanager
def _background(folder: Path, environment: Mapping[str, str]) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Yield what runs beside the server, by name, each with a log in the folder."""
    with ExitStack() as stack:
        started = {}
        for name, command in BACKGROUND.items():
            log = stack.enter_context(open(folder / f"{name}.log", "w", encoding="utf-8"))
            arguments = [sys.executable, str(BASE_DIR / "manage.py"), *command]
            started[name] = stack.enter_context(_child(arguments, environment=environment, output=log.fileno()))
        yield started


def _manage(command: str, *, done: str, log: Path, environment: Mapping[str, str]) -> None:
    """Run one of manage.py's commands; its output goes to the log, and its last line into the error."""
    started_at = time.monotonic()
    with open(log, "w", encoding="utf-8") as output:
        arguments = [sys.executable, str(BASE_DIR / "manage.py"), command]
        with _child(arguments, environment=environment, output=output.fileno()) as process:
            status = process.wait()
    if status:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), f"status {status}")
        raise CannotServe(f"manage.py {command} failed: {last} (the whole story: {log})")
    _report(done, started_at)


@contextmanager
def _child(
    arguments: Sequence[str], *, environment: Mapping[str, str], output: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a running process that is stopped at the end, if it has not ended by itself.

    It has a session of its own: Ctrl-C on the terminal reaches us alone, and we stop things in order.
    """
    with subprocess.Popen(  # nosec B603  # Our own programs.
        arguments, env=environment, cwd=BASE_DIR, stdout=output, stderr=output, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _wait_until_ready(server: subprocess.Popen[bytes], *, port: int) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    answer = "no answer"
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise CannotServe(f"gunicorn ended with status {server.returncode}; it says why above.")
        connection = http.client.HTTPConnection(HOST, port, timeout=CONNECT_TIMEOUT_SECONDS)
        try:
            connection.request("GET", "/health/ready")
            response = connection.getresponse()
            if response.status == http.client.OK:
                return
            answer = f"status {response.status}"
        except OSError:
            # Not listening yet.
            pass
        finally:
            connection.close()
        time.sleep(POLL_SECONDS)
    raise CannotServe(f"The server is not ready after {READY_TIMEOUT_SECONDS} s: /health/ready gave {answer}.")


def _report(what: str, started_at: float) -> None:
    print(f"{what} ready ({time.monotonic() - started_at:.1f} s)", flush=True)


def _welcome(demo: Demo, folder: Path) -> str:
    """Say where everything is, and how to take a first payment."""
    body = '{"amount": 1999, "currency": "EUR", "payment_method": "pm_card_visa"}'
    return f"""
  The payment platform is running. Ctrl-C stops it.

    API        {demo.url}/v1
    Docs       {demo.url}/docs
    Admin      {demo.url}/admin/
    User       {demo.admin_user}
    Password   {demo.admin_password}
    Key        {demo.api_key}

  Take a payment:

curl -sS {demo.url}/v1/payments -H "Authorization: Bearer {demo.api_key}" \
-H "Idempotency-Key: demo-$(date +%s%N)" -H "Content-Type: application/json" -d '{body}'

  The same for scripts: {os.path.relpath(folder / "demo.env")}
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
