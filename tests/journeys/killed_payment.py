"""A process that dies on demand; tests/journeys/test_killed.py starts it.

Each line it reads is an order: a request to the API, and the point at which the process that makes it kills itself.
The request is made by a child of its own, forked so that Django is loaded once for all orders. For each order it
writes one line: the signal that ended the child, or 0.
"""

import json
import os
import signal
import sys
from importlib import import_module
from typing import Any

import django
from django.test import Client


def obey(order: dict[str, Any]) -> None:
    """Make the request, and die on the way."""
    module_name, _, name = order["function"].rpartition(".")
    module = import_module(module_name)
    original = getattr(module, name)

    def deadly(*args: Any, **kwargs: Any) -> Any:
        if order["when"] == "after":
            original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(module, name, deadly)
    Client().post(
        order["path"],
        json.dumps(order["body"]),
        content_type="application/json",
        headers={"Authorization": f"Bearer {order['api_key']}", "Idempotency-Key": order["idempotency_key"]},
    )


def main() -> None:
    """Obey each order in a child of its own."""
    django.setup()
    import_module("platform_site.urls")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            obey(json.loads(line))
            os._exit(0)  # pylint: disable=protected-access
        _, status = os.waitpid(child, 0)
        print(max(0, -os.waitstatus_to_exitcode(status)), flush=True)


if __name__ == "__main__":
    main()
