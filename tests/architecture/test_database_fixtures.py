"""The fixtures of tests/conftest.py: a database of this worker's own, and real commits."""

from concurrent.futures import ThreadPoolExecutor

import psycopg

from django.db import connection


def test_committed_db_is_the_worker_s_own_database(committed_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (name,) = cursor.fetchone() or ("",)

    assert name.startswith("test_")


def test_fifty_threads_may_connect_at_once(committed_db: None) -> None:
    def backend(_: int) -> int:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (pid,) = cursor.fetchone() or (0,)
            return int(pid)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=50) as pool:
        assert len(list(pool.map(backend, range(50)))) == 50


def test_another_process_reaches_the_same_database(database_url: str) -> None:
    with psycopg.connect(database_url) as other:
        row = other.execute("SELECT current_database()").fetchone()

    assert row == (connection.settings_dict["NAME"],)
