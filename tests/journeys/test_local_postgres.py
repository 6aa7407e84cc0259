"""The embedded PostgreSQL: shared by whoever needs it, stopped by whoever leaves last."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from platform_site.local_postgres import LocalPostgresError, remove_postgres, running_postgres

OPTIONS = {"fsync": "off", "work_mem": "5MB"}
USE_UNTIL_KILLED = """
import sys, pathlib
from platform_site.local_postgres import running_postgres
with running_postgres(pathlib.Path(sys.argv[1])):
    print("running", flush=True)
    sys.stdin.read()
"""


def ask(url: str, question: str) -> object:
    """Return the one value that answers the question."""
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    return row[0] if row else None


def is_running(folder: Path) -> bool:
    return (folder / "postmaster.pid").exists()


def test_the_last_to_leave_stops_it_and_the_data_stays(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"

    with running_postgres(folder, options=OPTIONS) as url:
        with running_postgres(folder) as same_url:
            assert same_url == url
            with psycopg.connect(url) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        assert is_running(folder)
    assert not is_running(folder)

    with running_postgres(folder, options=OPTIONS) as url:
        assert ask(url, "SELECT number FROM kept") == 7
        assert ask(url, "SHOW work_mem") == "5MB"


def test_it_is_taken_over_from_a_process_that_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    with subprocess.Popen(
        [sys.executable, "-c", USE_UNTIL_KILLED, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.kill()
    assert is_running(folder)

    with running_postgres(folder) as url:
        assert ask(url, "SELECT 1") == 1

    assert not is_running(folder)


def test_an_interrupted_beginning_is_begun_again(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    (tmp_path / "postgres.unfinished").mkdir()
    (tmp_path / "postgres.unfinished" / "PG_VERSION").touch()

    with running_postgres(folder, options=OPTIONS) as url:
        assert ask(url, "SELECT 1") == 1


def test_a_path_too_long_for_a_socket_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30) / "postgres"

    with running_postgres(folder, options=OPTIONS) as url:
        assert str(tmp_path) not in url
        assert ask(url, "SELECT 1") == 1


def test_it_is_removed_once_nobody_uses_it(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    with running_postgres(folder, options=OPTIONS):
        with pytest.raises(LocalPostgresError, match="is in use"):
            remove_postgres(folder)

    remove_postgres(folder)
    remove_postgres(folder)

    assert not folder.exists()


def test_data_that_are_none_are_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()

    with pytest.raises(LocalPostgresError, match=r"^pg_ctl failed on .*not a database cluster directory"):
        with running_postgres(tmp_path / "postgres"):
            pass


def test_without_the_wheel_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(LocalPostgresError, match="set DATABASE_URL, or install"):
        with running_postgres(tmp_path / "postgres"):
            pass
