"""PaymentIntents and their charges."""

from typing import Any

from tests.stripe_server import cards
from tests.stripe_server.books import Books
from tests.stripe_server.wire import Object, Problem, flag, whole

CREATE_PARAMETERS = {
    *("amount", "currency", "capture_method", "confirm", "payment_method", "automatic_payment_methods"),
    *("return_url", "metadata", "payment_method_options"),
}
CAPTURE_PARAMETERS = {"amount_to_capture", "final_capture", "metadata"}


def create(books: Books, params: Object) -> Object:
    """Make a PaymentIntent, and with `confirm` try it at once."""
    method, amount, currency = params.get("payment_method"), whole(params, "amount"), str(params["currency"])
    if method not in cards.SUCCEEDING and method not in cards.DECLINES:
        raise Problem(404, f"No such PaymentMethod: '{method}'", code="resource_missing", param="payment_method")
    if currency in cards.THREE_DECIMALS and amount % 10 or currency in cards.WHOLE_ONLY and amount % 100:
        raise Problem(400, "Invalid amount for the currency", code="parameter_invalid_integer", param="amount")
    if "return_url" not in params:
        raise Problem(400, "A return_url must be specified", param="return_url")
    options = (params.get("payment_method_options") or {}).get("card") or {}
    intent = books.add(
        "pi",
        "payment_intent",
        amount=amount,
        amount_capturable=0,
        amount_received=0,
        capture_method=params["capture_method"],
        client_secret="pi_secret_never_to_be_stored",
        currency=currency,
        last_payment_error=None,
        latest_charge=None,
        metadata=dict(params.get("metadata") or {}),
        next_action=None,
        payment_method=method,
        return_url=params["return_url"],
        status="requires_confirmation",
        _several=options.get("request_multicapture") == "if_available" and method != cards.ONE_CAPTURE,
    )
    if flag(params, "confirm", default=False):
        _confirm(books, intent)
    return intent


def capture(books: Books, intent: Object, params: Object) -> Object:
    """Take an amount of what is reserved."""
    left = intent["amount_capturable"]
    if intent["status"] != "requires_capture":
        raise _unexpected(intent, "captured")
    amount = whole(params, "amount_to_capture") if "amount_to_capture" in params else left
    final = flag(params, "final_capture", default=True)
    if not final and not intent["_several"]:
        raise Problem(400, "Multicapture is not available for this PaymentIntent.", param="final_capture")
    if amount > left or (amount == 0 and not intent["amount_received"]):
        raise Problem(400, f"The requested capture amount is greater than {left}.", param="amount_to_capture")
    intent["metadata"] |= params.get("metadata") or {}
    intent["amount_received"] += amount
    intent["amount_capturable"] = 0 if final else left - amount
    charge = books.get(intent["latest_charge"], "charge")
    if amount:
        _take(books, intent, charge, amount)
    if final or not intent["amount_capturable"]:
        intent["status"], charge["captured"] = "succeeded", True
        books.tell("payment_intent.succeeded", intent)
    books.tell("payment_intent.amount_capturable_updated", intent, amount_capturable=left)
    return intent


def cancel(books: Books, intent: Object, params: Object) -> Object:
    """Give back what is reserved, or ask the payer no more."""
    if intent["status"] in ("succeeded", "canceled", "processing") or intent["amount_received"]:
        raise _unexpected(intent, "canceled")
    intent |= {"status": "canceled", "amount_capturable": 0, "next_action": None}
    books.tell("payment_intent.canceled", intent)
    return intent


def authenticate(books: Books, intent: Object, *, approved: bool) -> None:
    """Have the payer decide on the issuer's page."""
    assert intent["status"] == "requires_action", intent["status"]
    intent["next_action"] = None
    if approved:
        _charge(books, intent)
        return
    error = {
        "type": "invalid_request_error",
        "code": "payment_intent_authentication_failure",
        "message": "The provided PaymentMethod has failed authentication.",
    }
    _fail(books, intent, error)


def finish_processing(books: Books, intent: Object) -> None:
    """Have a method that takes its time succeed."""
    assert intent["status"] == "processing", intent["status"]
    _charge(books, intent)


def _confirm(books: Books, intent: Object) -> None:
    method = intent["payment_method"]
    if method in cards.DECLINES:
        decline_code, code, advice = cards.DECLINES[method]
        error: Object = {"type": "card_error", "code": code, "message": "Your card was declined."}
        error |= {"decline_code": decline_code} if decline_code else {}
        error |= {"advice_code": advice} if advice else {}
        _fail(books, intent, error)
        members: dict[str, Any] = {name: value for name, value in error.items() if name not in ("type", "message")}
        raise Problem(402, error["message"], kind="card_error", payment_intent=dict(intent), **members)
    if method == cards.NEEDS_PAYER:
        url = f"{books.public_address}/3d_secure/{intent['id']}"
        action = {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": intent["return_url"]}}
        intent |= {"status": "requires_action", "next_action": action}
        books.tell("payment_intent.requires_action", intent)
    elif method == cards.SLOW:
        intent["status"] = "processing"
        books.tell("payment_intent.processing", intent)
    else:
        _charge(books, intent)


def _fail(books: Books, intent: Object, error: Object) -> None:
    intent |= {"status": "requires_payment_method", "last_payment_error": error, "payment_method": None}
    books.tell("payment_intent.payment_failed", intent)


def _charge(books: Books, intent: Object) -> None:
    charge = books.add(
        "ch",
        "charge",
        amount=intent["amount"],
        amount_refunded=0,
        balance_transaction=None,
        captured=False,
        currency=intent["currency"],
        payment_intent=intent["id"],
        payment_method=intent["payment_method"],
        payment_method_details={"type": "card", "card": {"authorization_code": "123456"}},
    )
    intent["latest_charge"] = charge["id"]
    if intent["capture_method"] == "manual":
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        books.tell("payment_intent.amount_capturable_updated", intent)
        return
    intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    charge["captured"] = True
    _take(books, intent, charge, intent["amount"])
    books.tell("payment_intent.succeeded", intent)


def _take(books: Books, intent: Object, charge: Object, amount: int) -> None:
    fee = amount * cards.FEE_PER_MILLE // 1000
    moved = books.move_money("charge", charge, amount, fee=fee, currency=intent["currency"])
    # Of several captures only the first is named here.
    charge["balance_transaction"] = charge["balance_transaction"] or moved["id"]
    if charge["payment_method"] in (cards.DISPUTED, cards.INQUIRED):
        open_dispute(books, intent, charge, amount, takes=charge["payment_method"] == cards.DISPUTED)


def open_dispute(books: Books, intent: Object, charge: Object, amount: int, *, takes: bool) -> Object:
    """Dispute an amount of a charge, or with `takes` false only ask about it."""
    dispute = books.add(
        "dp",
        "dispute",
        amount=amount,
        balance_transactions=[],
        charge=charge["id"],
        currency=charge["currency"],
        evidence={},
        evidence_details={"due_by": int(books.clock()) + 7 * 86400, "submission_count": 0},
        metadata={},
        payment_intent=intent["id"],
        reason="fraudulent",
        status="needs_response" if takes else "warning_needs_response",
    )
    if takes:
        moved = books.move_money("dispute", dispute, -amount, fee=cards.DISPUTE_FEE, currency=charge["currency"])
        dispute["balance_transactions"].append(dict(moved))
    books.tell("charge.dispute.created", dispute)
    if takes:
        books.tell("charge.dispute.funds_withdrawn", dispute)
    return dispute


def _unexpected(intent: Object, verb: str) -> Problem:
    return Problem(
        400,
        f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        payment_intent=dict(intent),
    )
