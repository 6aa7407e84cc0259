"""Health: is the process alive, may it have traffic, and what is it."""

from functools import cache
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse

from payments import __version__


def live(request: HttpRequest) -> JsonResponse:
    """Say that the process answers. It asks nothing else, so that a database outage restarts nobody."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """Say whether this process may have traffic: 200, or 503 with the check that failed."""
    checks = _checks()
    healthy = _healthy(checks)
    return JsonResponse(
        {"status": "ok" if healthy else "unavailable", "checks": checks}, status=200 if healthy else 503
    )


def summary(request: HttpRequest) -> JsonResponse:
    """Return everything at once, for people and dashboards; 503 where the process is not ready."""
    checks = _checks()
    healthy = _healthy(checks)
    document = {
        "status": "ok" if healthy else "unavailable",
        "version": __version__,
        "environment": settings.ENVIRONMENT,
        "checks": checks,
    }
    return JsonResponse(document, status=200 if healthy else 503)


def _healthy(checks: dict[str, dict[str, Any]]) -> bool:
    return all(check["status"] == "ok" for check in checks.values())


def _checks() -> dict[str, dict[str, Any]]:
    started = perf_counter()
    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
    except DatabaseError:
        # The reason stays in the log: health pages are open, and driver messages name hosts and users.
        return {"database": {"status": "unreachable"}}
    milliseconds = round(1000 * (perf_counter() - started), 1)
    missing = sorted(f"{app}.{name}" for app, name in _expected_migrations() - applied)
    return {
        "database": {"status": "ok", "milliseconds": milliseconds},
        "migrations": {"status": "ok"} if not missing else {"status": "behind", "missing": missing},
    }


@cache
def _expected_migrations() -> frozenset[tuple[str, str]]:
    """Return the migrations that this release brings; they do not change while the process lives."""
    loader = MigrationLoader(None)
    return frozenset(loader.graph.leaf_nodes())
