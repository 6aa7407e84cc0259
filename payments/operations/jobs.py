"""Background jobs, deferred in the transaction of the work they belong to.

A job is a row in the same database: it is there if, and only if, the work is committed. What a job does stands in
`payments.tasks`; here it is known by name, because operations do not know what lies above them.
"""

from datetime import datetime

from procrastinate.contrib.django import app


def defer(name: str, *, at: datetime, **arguments: str | int) -> None:
    """Have a worker run the task `name`, at `at` or soon after."""
    app.configure_task(name, schedule_at=at).defer(**arguments)
