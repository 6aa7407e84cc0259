"""/health, /health/live, /health/ready and /metrics of one process."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from payments import __version__
from tests.shop import Shop

PAGES = ["/health", "/health/ready"]


@pytest.fixture
def client(shop: Shop) -> Client:
    """Return a client without a key: health is open."""
    return shop.client


@contextmanager
def no_database() -> Iterator[None]:
    """Refuse every statement."""

    def refuse(*_: object) -> None:
        raise OperationalError("connection to db-7.internal failed")

    with connection.execute_wrapper(refuse):
        yield


def test_everything_is_well(client: Client) -> None:
    document = client.get("/health").json()

    assert (document["status"], document["version"], document["environment"]) == ("ok", __version__, "test")
    assert document["checks"]["database"]["status"] == "ok"
    assert document["checks"]["migrations"] == {"status": "ok"}


def test_process_that_is_well_may_have_traffic(client: Client) -> None:
    response = client.get("/health/ready")

    assert (response.status_code, response.json()["status"]) == (200, "ok")


@pytest.mark.parametrize("path", PAGES)
def test_without_the_database_there_is_no_traffic(client: Client, path: str) -> None:
    with no_database():
        response = client.get(path)

    assert response.status_code == 503
    assert response.json()["status"] == "unavailable"
    assert response.json()["checks"] == {"database": {"status": "unreachable"}}
    assert "db-7" not in response.content.decode()


def newest_migration() -> str:
    """Return the name of the app's last migration."""
    return str(MigrationLoader(None).graph.leaf_nodes("payments")[0][1])


@pytest.mark.parametrize("path", PAGES)
def test_behind_the_migrations_there_is_no_traffic(client: Client, path: str) -> None:
    MigrationRecorder(connection).record_unapplied("payments", newest_migration())

    response = client.get(path)

    assert response.status_code == 503
    assert response.json()["checks"]["migrations"]["status"] == "behind"
    assert any(name.startswith("payments.") for name in response.json()["checks"]["migrations"]["missing"])


def test_process_lives_without_a_database_and_asks_nothing_of_it(client: Client) -> None:
    with no_database():
        response = client.get("/health/live")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def measured(client: Client, series: str) -> float:
    """Return the sum of a series over its labels."""
    lines = client.get("/metrics").content.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if re.match(rf"{series}[ {{]", line))


def test_requests_are_measured(client: Client, shop: Shop) -> None:
    series = "django_http_requests_total_by_view_transport_method_total"
    before = measured(client, series)

    shop.get("/v1/payments")

    # The reading before counts itself after it has read.
    assert measured(client, series) == before + 2


def test_calls_to_the_processor_are_measured(client: Client, shop: Shop) -> None:
    calls, timed = "payments_processor_calls_total", "payments_processor_call_seconds_count"
    before = measured(client, calls), measured(client, timed)

    shop.post(f"/v1/payments/{shop.authorize()['id']}/capture")
    shop.pay(payment_method="pm_card_lost")

    assert (measured(client, calls), measured(client, timed)) == (before[0] + 3, before[1] + 3)
    page = client.get("/metrics").content.decode()
    labels = 'connector="sandbox",decline_code="lost_card",kind="authorize",status="declined"'
    assert f"payments_processor_calls_total{{{labels}}}" in page
