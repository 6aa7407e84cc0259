"""What schemathesis is told beyond the OpenAPI document: keys, tokens, and the rules that have no words in it."""

import re
from typing import Any, Final
from uuid import uuid4
from zlib import crc32

import schemathesis
from hypothesis import strategies
from schemathesis.openapi.checks import RejectedPositiveData

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
_USABLE: Final = re.compile(r"[\x21-\x7e]{1,255}")
UUID_LENGTH: Final = 32
NAME_MAX: Final = 40
SMALL: Final = 100

# What processors know; a text made up is declined and nothing follows. The fault `…_unreachable` is left out: it is
# answered by 502, as it should be, and this gate takes no 5xx.
CARDS: Final = (
    *("pm_card_visa",) * 6,
    *("pm_card_mastercard", "pm_card_declined", "pm_card_insufficient_funds", "pm_card_processing_error"),
    *("pm_card_authentication_required", "pm_card_refund_fails"),
    *("pm_card_disputed",) * 3,
    *("pm_fault_timeout_before", "pm_fault_timeout_after", "pm_fault_error_after"),
    *("pm_fault_duplicate_webhook", "pm_fault_late_webhook", "pm_fault_reordered_webhooks"),
    "pm_fault_short_settlement",
)
ACCOUNTS: Final = ("ba_sandbox", "ba_sandbox_bounces", "ba_sandbox_declined", "ba_fault_timeout_after")
EVENT_TYPE: Final = "payment.succeeded"
TOKENS: Final = {"payment_method": CARDS, "destination": ACCOUNTS}

# The one kind of address in the API is an http or https one; `uri` would be any.
schemathesis.openapi.format(
    "uri",
    strategies.builds(
        "{}://{}{}{}".format,
        strategies.sampled_from(["http", "https"]),
        strategies.from_regex(
            r"(localhost|127\.0\.0\.1|[a-z0-9]{1,20}(\.[a-z0-9]{1,20}){0,3}\.[a-z]{2,9})", fullmatch=True
        ),
        strategies.from_regex(r"(:[1-9][0-9]{0,3})?", fullmatch=True),
        strategies.from_regex(r"([/?#][A-Za-z0-9._~!$&'()*+,;=:@/?-]{0,60})?", fullmatch=True),
    ),
)


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Take a member that is not documented for an error; clients should not, so the document does not say it."""
    for schema in raw_schema["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Give each request a key of its own and a good one the means to succeed: what is made up would get nowhere."""
    if _USABLE.fullmatch(str(case.headers.get(IDEMPOTENCY_KEY, ""))):
        case.headers[IDEMPOTENCY_KEY] = str(uuid4())
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if "starting_after" in case.query:
        # OpenAPI cannot say that these two exclude each other.
        case.query.pop("ending_before", None)
    if "event_type" in case.query:
        # The document does not list them, for there will be more.
        case.query["event_type"] = EVENT_TYPE
    if isinstance(case.body, dict):
        make_worth_while(case.path, case.body)


def make_worth_while(path: str, body: dict[str, Any]) -> None:
    """Change a valid body into one that is as valid, and that a processor or a later request can do something with."""
    for name, tokens in TOKENS.items():
        if isinstance(text := body.get(name), str):
            body[name] = tokens[crc32(text.encode()) % len(tokens)]
    if isinstance(text := body.get("merchant_reference"), str):
        # Each is unique for ever.
        body["merchant_reference"] = uuid4().hex + text[UUID_LENGTH:]
    if "evidence" in body:
        # OpenAPI 3.0 cannot say what names have to look like.
        body["evidence"] = {"a" * number: text for number, text in enumerate(body["evidence"].values(), start=1)}
    if path == "/v1/payments" and "confirm" not in body and body.get("payment_method") is None:
        # To be confirmed is the default, so most payments made up would lack what they are paid with.
        body["payment_method"] = CARDS[0]
    if path == "/v1/payments" and "capture_method" not in body and body["amount"] % 4:
        # Only what is reserved can be captured later.
        body["capture_method"] = "manual"
    if path != "/v1/payments" and isinstance(amount := body.get("amount"), int):
        # A part of what is there.
        body["amount"] = amount % SMALL + 1
    if path.startswith("/v1/webhook_endpoints"):
        have_webhooks_sent(path, body)
    if path == "/v1/payouts":
        body["currency"] = "EUR"


def have_webhooks_sent(path: str, body: dict[str, Any]) -> None:
    """Do the same with a body about webhooks; none of them gets anywhere."""
    if isinstance(url := body.get("url"), str):
        # The platform sends there what happens: to a name that never leads anywhere (RFC 2606).
        body["url"] = f"https://shop-{crc32(url.encode())}.invalid/webhooks"
    if "event_types" in body:
        body["event_types"] = [EVENT_TYPE]
    if path.endswith("/redeliver") and {"created_from", "created_to"} <= body.keys():
        # OpenAPI cannot say that one is after the other.
        body |= {"created_from": "2000-01-01T00:00:00Z", "created_to": "2100-01-01T00:00:00Z"}


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Exception, case: schemathesis.Case[Any], response: schemathesis.Response
) -> bool:
    """Drop the complaint that a valid request was refused, where it broke a rule that OpenAPI 3.0 cannot write down."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    if problem["code"] == "card_number_refused":
        return False
    faults = problem.get("errors", [])
    return not faults or not all(breaks_an_unwritten_rule(case.body, fault["param"]) for fault in faults)


def breaks_an_unwritten_rule(body: Any, param: str) -> bool:
    """Tell whether the body really does what the fault in that field says."""
    match param:
        case "payment_method":
            return body.get("confirm") is True and body.get("payment_method") is None
        case "metadata":
            return any(not 0 < len(name) <= NAME_MAX for name in body["metadata"])
        case _:
            return False
