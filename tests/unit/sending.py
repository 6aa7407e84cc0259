"""A webhook as the tests send it."""

from datetime import UTC, datetime

from payments.webhook_sender import Sent, send_webhook

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BODY = '{"id":"evt_1","name":"Bücher"}'.encode()


def send(url: str, **headers: str) -> Sent:
    """Send one, now, and return what came of it."""
    return send_webhook(url=url, body=BODY, headers={"content-type": "application/json"} | headers, now=NOW)
