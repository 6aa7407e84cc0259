"""One signed POST, and what came of it as a value."""

import codecs
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, ProtocolError, SSLError
from urllib3.exceptions import TimeoutError as Timeout

from payments.webhook_sender.addresses import Address, UnsafeAddress, read_address
from payments.webhook_sender.connections import Attempt, Unreachable, attempt, pool_for

TIMEOUT_SECONDS: Final = 15.0
# Of an answer so much is kept; so much is read, so that the connection can be used again; of more it is closed.
KEPT_BYTES: Final = 4 * 1024
READ_BYTES_MAX: Final = 64 * 1024
RETRY_AFTER_MAX: Final = timedelta(hours=24)
_USER_AGENT: Final = "payment-platform-webhooks/1"
_SECONDS: Final = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one attempt.

    `status` is the answer's HTTP status, None where none came; `body` the answer's first 4 KiB as text. `error` says
    in words for people why there was no answer, and is None where there was one, whichever. `retry_after` is how long
    the receiver asks us to wait, at most 24 hours.
    """

    status: int | None
    body: str
    error: str | None
    duration_ms: int
    retry_after: timedelta | None


def send_webhook(*, url: str, body: bytes, headers: Mapping[str, str], now: datetime) -> Sent:
    """Send one POST, and wait 15 seconds at most for everything: DNS, connection, TLS and the last byte of an answer.

    Nothing that the other side or the network does is raised. A redirect is not followed: it is an answer like any
    other. The body is sent as it is; `now` is what a date in Retry-After is relative to.
    """
    started = time.monotonic()
    status, text, error, retry_after = None, "", None, None
    with attempt(seconds=TIMEOUT_SECONDS) as one:
        try:
            response = _post(read_address(url), body, headers, one)
            status = response.status
            text = _as_text(_read(response))
            retry_after = parse_retry_after(response.headers.get("Retry-After"), now=now)
        except (UnsafeAddress, Unreachable) as refusal:
            error = str(refusal)
        except (HTTPError, OSError) as failure:
            error = _in_words(failure)
    return Sent(status, text, error, round((time.monotonic() - started) * 1000), retry_after)


def parse_retry_after(text: str | None, *, now: datetime) -> timedelta | None:
    """Return how long a Retry-After asks to wait, from 0 to 24 hours; None where there is none that can be read."""
    if text is None:
        return None
    if _SECONDS.fullmatch(text.strip()):
        return min(timedelta(seconds=int(text)), RETRY_AFTER_MAX)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    # An HTTP date is in GMT, also where it says -0000.
    wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(0)), RETRY_AFTER_MAX)


def _post(address: Address, body: bytes, headers: Mapping[str, str], one: Attempt) -> BaseHTTPResponse:
    """Send over a connection that is kept alive, or a new one where the receiver has closed all of those meanwhile."""
    while True:
        try:
            return pool_for(address).urlopen(
                "POST",
                address.path,
                body=body,
                headers={"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", **headers},
                timeout=one.seconds_left(),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except (ProtocolError, SSLError) as error:
            # A receiver may close a connection just when we use it again. That is no failure of its own: each turn
            # leaves one of those kept connections fewer, and a new one is opened at last.
            if one.connected or not _is_hang_up(error):
                raise


def _is_hang_up(error: HTTPError) -> bool:
    return isinstance(error.args[-1], ConnectionError | ssl.SSLEOFError | ssl.SSLZeroReturnError)


def _read(response: BaseHTTPResponse) -> bytes:
    """Return the answer's beginning. An answer that breaks off, or never ends, is one all the same: it has a status."""
    kept = b""
    count = 0
    try:
        while chunk := response.read1(READ_BYTES_MAX):
            count += len(chunk)
            kept += chunk[: KEPT_BYTES - len(kept)]
            if count > READ_BYTES_MAX:
                response.close()
                break
    except (HTTPError, OSError):
        response.close()
    finally:
        response.release_conn()
    return kept


def _as_text(raw: bytes) -> str:
    """Return the bytes as UTF-8, without a character that is cut off at the end and without NUL, which no text has."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(raw).replace("\0", "")


def _in_words(failure: HTTPError | OSError) -> str:
    cause = failure.args[-1] if failure.args else None
    match failure, cause:
        case (Timeout() | TimeoutError()), _:
            return f"No answer came within {TIMEOUT_SECONDS:g} seconds."
        case SSLError(), ssl.SSLCertVerificationError():
            return f"The server's certificate was refused: {cause.verify_message}."
        case SSLError(), _:
            return f"TLS failed: {cause}."
        case ProtocolError(), ConnectionError():
            return "The connection was closed before an answer came."
        case _:
            return "What came is not an HTTP answer."
