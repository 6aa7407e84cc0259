"""A real gunicorn with two workers: what they measure is added up, and what only a real server sends is refused."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor

from payments.models import Payment
from tests.journeys.conftest import Server
from tests.shop import Shop

PAYMENTS_MAX = 400
BATCH = 8


def headers_of(shop: Shop) -> dict[str, str]:
    """Return the headers of a payment."""
    return {
        "Authorization": f"Bearer {shop.key}",
        "Idempotency-Key": shop.fresh_key(),
        "Content-Type": "application/json",
    }


def test_metrics_are_the_sum_over_all_workers(server: Server, shop: Shop) -> None:
    body = json.dumps({"amount": 1999, "currency": "EUR", "payment_method": "pm_card_visa"})
    statuses: list[int] = []

    with ThreadPoolExecutor(BATCH) as pool:
        while server.workers_that_called_a_processor() < 2 and len(statuses) < PAYMENTS_MAX:
            answers = pool.map(lambda _: server.request("POST", "/v1/payments", body, headers_of(shop)), range(BATCH))
            statuses += [status for status, _ in answers]

    assert set(statuses) == {201}
    assert server.workers_that_called_a_processor() == 2
    assert Payment.objects.filter(merchant_id=shop.merchant.id).count() == len(statuses)
    for _ in range(4):
        assert server.total("payments_processor_calls_total") == len(statuses)
        assert server.total("payments_processor_call_seconds_count") == len(statuses)
        assert server.total("django_http_responses_total_by_status_total") >= len(statuses)


def test_chunked_and_huge_bodies_are_refused(server: Server, shop: Shop) -> None:
    path = f"/v1/payments/{shop.authorize()['id']}/capture"
    chunks = iter([b'{"amount"', b": 5}"])
    huge = b'{"amount": 5, "padding": "%s"}' % (b"x" * 10_000_000)

    chunked_status, chunked = server.request(
        "POST", path, chunks, headers_of(shop) | {"Transfer-Encoding": "chunked"}, chunked=True
    )
    huge_status = answer_to_huge_body(server, path, huge, headers_of(shop))

    assert (chunked_status, json.loads(chunked)["code"]) == (411, "length_required")
    assert huge_status == 413
    assert shop.get(path.removesuffix("/capture")).json()["amount_captured"] == 0


def test_a_long_address_is_refused_in_words_that_programs_read(server: Server, shop: Shop) -> None:
    status, body = server.request("GET", f"/v1/events?{'a' * 4500}", headers=headers_of(shop))

    assert (status, json.loads(body)["code"]) == (414, "address_too_long")


def answer_to_huge_body(server: Server, path: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a body, part of which the server may refuse to read, and return the status of its answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.putrequest("POST", path)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            connection.putheader(name, value)
        connection.endheaders(body[:100_000])
        return connection.getresponse().status
    finally:
        connection.close()
