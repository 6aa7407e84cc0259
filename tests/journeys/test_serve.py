"""The one command: `python -m platform_site.local` serves, keeps what it made, and stops what it started."""

import json
import os
import shlex
import signal
import socket
import stat
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from platform_site.local_postgres import running_postgres

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "platform_site.local"]


@pytest.fixture
def port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


def environment(folder: Path, port: int | str, **more: str) -> dict[str, str]:
    """Return the environment of a developer who has set nothing but the port."""
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return inherited | {"PAYMENTS_LOCAL_DIR": str(folder), "PORT": str(port)} | more


@contextmanager
def serving(folder: Path, port: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command; whatever happens, tell it to stop at the end."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment(folder, port),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def read_until(process: subprocess.Popen[str], beginning: str) -> str:
    """Return the next line that begins so; pytest's time limit is the deadline."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        if line.startswith(beginning):
            return line
        seen.append(line)
    raise AssertionError("".join(seen))


def stop(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> None:
    """Send the signal, and see the command end well."""
    process.send_signal(number)
    rest, _ = process.communicate()
    assert process.returncode == 0, rest
    assert "Stopped." in rest
    assert "Traceback" not in rest, rest


def demo(folder: Path) -> dict[str, str]:
    """Read demo.env."""
    lines = (folder / "demo.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", maxsplit=1) for line in lines)


def take_payment(curl: str) -> tuple[int, dict[str, Any]]:
    """Send what the printed curl line sends."""
    _, _, url, *options = shlex.split(curl)
    values = dict(zip(options[1::2], options[::2], strict=True))
    body = next(value for value, option in values.items() if option == "-d")
    headers = dict(value.split(": ", maxsplit=1) for value, option in values.items() if option == "-H")
    # The shell would put the time here.
    headers["Idempotency-Key"] = str(uuid.uuid4())
    with urlopen(Request(url, data=body.encode(), headers=headers)) as response:
        return response.status, json.load(response)


def assert_nothing_runs(folder: Path, port: int) -> None:
    """Nobody listens, and the database has been shut down."""
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert not (folder / "postgres" / "postmaster.pid").exists()


@pytest.mark.timeout(180)
def test_serve_takes_a_payment_stops_and_finds_its_data_again(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, port) as process:
        status, payment = take_payment(read_until(process, "curl "))
        answers = run_the_curls_of_the_readme(tmp_path)
        stop(process)
    first = demo(tmp_path)

    assert status == 201
    assert (payment["status"], payment["amount"]) == ("succeeded", 1999)
    assert [answer["object"] for answer in answers] == ["payment", "payment", "payment", "balance", "list"]
    assert [answer["status"] for answer in answers[:3]] == ["succeeded", "requires_capture", "canceled"]
    assert [entry["kind"] for entry in answers[4]["data"]] == [
        "payment_canceled",
        "payment_captured",
        "payment_authorized",
    ]
    assert first["PAYMENTS_URL"] == f"http://127.0.0.1:{port}"
    assert stat.S_IMODE((tmp_path / "demo.env").stat().st_mode) == 0o600
    assert_nothing_runs(tmp_path, port)

    with serving(tmp_path, port) as process:
        status, _ = take_payment(read_until(process, "curl "))
        seen_before = requests_counted(port)
        for _ in range(20):
            with urlopen(f"http://127.0.0.1:{port}/health/ready") as response:
                assert response.status == 200
        seen_after = requests_counted(port)
        stop(process, signal.SIGTERM)

    assert status == 201
    assert demo(tmp_path) == first
    # Whichever workers answered; the second reading counts itself.
    assert seen_after - seen_before == 21
    assert_nothing_runs(tmp_path, port)


def run_the_curls_of_the_readme(folder: Path) -> list[dict[str, Any]]:
    """Run "The API in five curls" as it stands in the README, and return what it prints."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.partition("## The API in five curls")[2].split("```")[1]
    script = block.replace(".local/demo.env", shlex.quote(str(folder / "demo.env")))
    ran = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def requests_counted(port: int) -> float:
    """Return how many requests all workers together have seen."""
    name = "django_http_requests_before_middlewares_total "
    with urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        lines = response.read().decode().splitlines()
    return next(float(line.removeprefix(name)) for line in lines if line.startswith(name))


def test_reset_begins_anew(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, port) as process:
        read_until(process, "Tables ready")
        stop(process)
    old_key = demo(tmp_path)["PAYMENTS_API_KEY"]
    (tmp_path / "postgres" / "of-the-first").touch()

    with serving(tmp_path, port, "--reset") as process:
        read_until(process, "Tables ready")
        stop(process)

    assert demo(tmp_path)["PAYMENTS_API_KEY"] != old_key
    assert not (tmp_path / "postgres" / "of-the-first").exists()


@pytest.mark.parametrize(
    ("phase", "number"),
    [("PostgreSQL", signal.SIGINT), ("PostgreSQL", signal.SIGHUP), ("Tables", signal.SIGTERM)],
)
def test_it_stops_at_once_in_any_phase(tmp_path: Path, port: int, phase: str, number: signal.Signals) -> None:
    with serving(tmp_path, port) as process:
        read_until(process, phase)
        stop(process, number)

    assert_nothing_runs(tmp_path, port)


def test_a_reset_waits_for_those_who_use_the_data(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, port) as process:
        read_until(process, "PostgreSQL")
        status, said = run(environment(tmp_path, port), "--reset")
        stop(process)

    assert status == 1
    assert "is in use: stop what uses it first." in said


def run(variables: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run the command where it cannot start; return its status and what it said."""
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=ROOT, env=variables, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = run(environment(tmp_path, port))

    assert status == 1
    assert said.startswith(f"Port {port} cannot be had (Address already in use): ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", ["http", "0", "65536"])
def test_an_impossible_port_is_one_line(tmp_path: Path, value: str) -> None:
    status, said = run(environment(tmp_path, value))

    assert status == 1
    assert said.startswith("PORT is ")


@pytest.mark.parametrize("below", ["", "below"])
def test_an_unwritable_folder_is_one_line(tmp_path: Path, port: int, below: str) -> None:
    # Root may write everywhere, but not into a file.
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / below

    status, said = run(environment(folder, port))

    assert status == 1
    assert said.startswith(f"The folder {folder} cannot be written")


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:1/none", "nonsense"])
def test_a_database_out_of_reach_is_one_line(tmp_path: Path, port: int, url: str) -> None:
    status, said = run(environment(tmp_path, port, DATABASE_URL=url))

    assert status == 1
    assert said.startswith("The database is out of reach ")


def test_a_command_that_fails_is_one_line_and_a_log(tmp_path: Path, port: int) -> None:
    with running_postgres(tmp_path / "theirs") as url:
        read_only = f"{url}&options=-c%20default_transaction_read_only%3Don"
        status, said = run(environment(tmp_path / "local", port, DATABASE_URL=read_only))

    assert status == 1
    assert said.startswith("manage.py migrate failed: ")
    assert "Traceback" in (tmp_path / "local" / "setup.log").read_text(encoding="utf-8")


def test_a_database_of_ones_own_is_never_reset(tmp_path: Path, port: int) -> None:
    status, said = run(environment(tmp_path, port, DATABASE_URL="postgresql://127.0.0.1/mine"), "--reset")

    assert status == 1
    assert said.startswith("--reset deletes only the embedded database")
