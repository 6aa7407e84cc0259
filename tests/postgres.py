"""The tests' database: the one in DATABASE_URL, or an embedded PostgreSQL that all workers share."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platform_site.local_postgres import running_postgres

# Makes the settings load where no database is given; nothing ever connects to it.
PLACEHOLDER_URL = "postgresql://embedded"
FOLDER = Path(__file__).resolve().parent.parent / ".local" / "test-postgres"
# What makes a commit durable is of no use to data that is thrown away; threads need many connections.
OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}


@contextmanager
def database_server() -> Iterator[str]:
    """Yield the URL of the server on which the test databases are made."""
    url = os.environ["DATABASE_URL"]
    if url != PLACEHOLDER_URL:
        yield url
        return
    with running_postgres(FOLDER, options=OPTIONS) as embedded_url:
        yield embedded_url
