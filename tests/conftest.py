"""The tests' environment and database.

The environment is set here, before Django's settings load, so that a plain `pytest tests/` needs nothing.
Fixtures that need models stand in tests/fixtures.py and in the folders below, which are read later.
"""

import os
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import settings
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pytest_django import DjangoDbBlocker

import django
from django.db import connection, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.test.utils import setup_databases, teardown_databases

from tests.postgres import PLACEHOLDER_URL, database_server

os.environ["PAYMENTS_ENVIRONMENT"] = "test"
os.environ["DJANGO_SETTINGS_MODULE"] = "platform_site.settings"
os.environ.setdefault("DATABASE_URL", PLACEHOLDER_URL)
# Tests send as much as they like; those about the limit set it.
os.environ["PAYMENTS_RATE_LIMIT_PER_SECOND"] = os.environ["PAYMENTS_RATE_LIMIT_BURST"] = "100000"
# pytest-django looked for the settings before this file was read, and would leave Django half set up.
django.setup()

pytest_plugins = ["tests.fixtures", "tests.stripe_server.fixtures"]

# Fixtures whose rows stay: for the module, or until the next test that commits begins with a new database.
COMMITTING = ("committed_books", "committed_db")

# The same examples in every run, on however busy a machine; `--hypothesis-profile=long` looks for new ones.
settings.register_profile("quick", derandomize=True, deadline=None)
settings.register_profile("long", max_examples=2000, deadline=None)
settings.load_profile("quick")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that commit last: those that are rolled back find a database with nothing in it.

    pytest-xdist hands tests out in this order, so it holds in every worker.
    """
    items.sort(key=lambda item: [fixture in getattr(item, "fixturenames", ()) for fixture in reversed(COMMITTING)])


@pytest.fixture(scope="session")
def _server() -> Iterator[None]:
    """Point Django at the server, which is started only when a test asks for a database."""
    with database_server() as url:
        parts = conninfo_to_dict(url)
        connection.settings_dict |= {
            "HOST": parts.get("host", ""),
            "USER": parts.get("user", ""),
            "NAME": parts.get("dbname", ""),
        }
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(_server: None, django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Have the server before pytest-xdist's workers derive the names of their databases."""


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: DjangoDbBlocker,
    django_db_keepdb: bool,
) -> Iterator[None]:
    """Make this worker's database.

    pytest-django's own fixture makes one only if a test carries its mark, and `committed_db` does not: such a
    test, run alone, would write to the database that is not the test's.
    """
    with django_db_blocker.unblock():
        databases = setup_databases(verbosity=0, interactive=False, keepdb=django_db_keepdb)
    yield
    if not django_db_keepdb:
        with django_db_blocker.unblock():
            teardown_databases(databases, verbosity=0)


@pytest.fixture(scope="session")
def empty_tables(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> list[str]:
    """Return the tables that the migrations left empty; whoever commits asks for this before."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        return [table for table in tables if not has_rows(cursor, table)]


def has_rows(cursor: CursorWrapper, table: str) -> bool:
    """Tell whether there is a row in the table."""
    cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(table)))
    return bool(cursor.fetchone() == (True,))


@pytest.fixture
def committed_db(empty_tables: list[str], django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let the test commit, from any number of threads and processes, in a database as the migrations left it.

    The journal refuses DELETE and TRUNCATE, so what earlier tests left is taken away with all triggers off, at the
    start: it can still be looked at after a test that failed. A thread closes its own connection.
    """
    with django_db_blocker.unblock():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table in empty_tables:
                cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        yield
        connections.close_all()


@pytest.fixture
def database_url(committed_db: None) -> str:
    """Return the URL of this worker's test database, for a process that the test starts."""
    settings = connection.settings_dict
    host, port = quote(settings["HOST"], safe=""), settings["PORT"] or "5432"
    user, password = quote(settings["USER"], safe=""), quote(settings["PASSWORD"], safe="")
    return f"postgresql://{user}:{password}@/{settings['NAME']}?host={host}&port={port}"
