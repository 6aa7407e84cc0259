"""A payment that is written and not yet committed."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread, current_thread
from typing import Any

import pytest

from django.db import connection

from payments.lifecycles import PaymentStatus
from payments.models import Payment
from payments.operations import payment_outcomes
from tests.shop import Shop

WAIT_SECONDS = 60


@contextmanager
def payment_before_its_commit(shop: Shop, monkeypatch: pytest.MonkeyPatch, amount: int) -> Iterator[None]:
    """Have another thread take a payment up to the commit that books it, and hold it there."""
    written, released = Event(), Event()
    real_move = payment_outcomes.move

    def move_and_wait(payment: Payment, status: PaymentStatus, **moment: Any) -> None:
        real_move(payment, status, **moment)
        if current_thread() is writer:
            written.set()
            assert released.wait(WAIT_SECONDS)

    def pay() -> None:
        try:
            shop.pay(amount=amount)
        finally:
            connection.close()

    monkeypatch.setattr(payment_outcomes, "move", move_and_wait)
    writer = Thread(target=pay)
    writer.start()
    assert written.wait(WAIT_SECONDS)
    try:
        yield
    finally:
        released.set()
        writer.join(WAIT_SECONDS)
