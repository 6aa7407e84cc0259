"""Threads that truly collide."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Barrier
from typing import TypeVar

from django.db import connection, connections

from tests.shop import Shop, new_client

T = TypeVar("T")


def in_own_thread(action: Callable[[], T]) -> T:
    """Run in a thread that closes its database connection afterwards."""
    try:
        return action()
    finally:
        connections.close_all()


def at_once(actions: Sequence[Callable[[], T]]) -> list[T]:
    """Run each action in a thread of its own, all let go at the same moment, and return what they returned."""
    barrier = Barrier(len(actions), timeout=60)

    def start(action: Callable[[], T]) -> T:
        # A thread that had to connect first would come too late.
        connection.ensure_connection()
        barrier.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        futures = [pool.submit(in_own_thread, partial(start, action)) for action in actions]
        return [future.result(timeout=60) for future in futures]


def clone(shop: Shop) -> Shop:
    """Return the same shop with a client of its own, for another thread."""
    return replace(shop, client=new_client())
