"""Refunds, disputes, payouts that are asked for, and Stripe's own payouts of the balance."""

from tests.stripe_server import cards
from tests.stripe_server.books import Books
from tests.stripe_server.wire import Object, Problem, flag, whole

REFUND_PARAMETERS = {"payment_intent", "amount", "metadata"}
PAYOUT_PARAMETERS = {"amount", "currency", "destination", "metadata"}
EVIDENCE_PARAMETERS = {"evidence", "metadata", "submit"}
EVIDENCE_FIELDS = {
    *("access_activity_log", "billing_address", "cancellation_policy_disclosure", "cancellation_rebuttal"),
    *("customer_email_address", "customer_name", "customer_purchase_ip", "duplicate_charge_explanation"),
    *("duplicate_charge_id", "product_description", "refund_policy_disclosure", "refund_refusal_explanation"),
    *("service_date", "shipping_address", "shipping_carrier", "shipping_date", "shipping_tracking_number"),
    "uncategorized_text",
}
BANK_ACCOUNT = "ba_1ServerBankAccount"
CLOSED_BANK_ACCOUNT = "ba_1ServerClosedAccount"


def refund(books: Books, params: Object) -> Object:
    """Give back an amount of what was captured."""
    intent = books.get(str(params.get("payment_intent")), "payment_intent")
    charge, amount = books.get(str(intent["latest_charge"]), "charge"), whole(params, "amount")
    disputes = books.all("dispute", charge=charge["id"])
    if any(dispute["balance_transactions"] and dispute["status"] != "won" for dispute in disputes):
        raise Problem(400, f"Charge {charge['id']} has been charged back.", code="charge_disputed")
    left = intent["amount_received"] - charge["amount_refunded"]
    if left == 0:
        raise Problem(400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount > left:
        raise Problem(400, f"Refund amount is greater than unrefunded amount on charge ({left}).", param="amount")
    pending = charge["payment_method"] == cards.PENDING_REFUND
    made = books.add(
        "re",
        "refund",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        failure_reason=None,
        metadata=dict(params.get("metadata") or {}),
        payment_intent=intent["id"],
        status="pending" if pending else "succeeded",
    )
    charge["amount_refunded"] += amount
    books.move_money("refund", made, -amount, currency=charge["currency"])
    books.tell("refund.created", made)
    return made


def finish_refund(books: Books, made: Object, status: str, *, reason: str | None = None) -> None:
    """Have a refund succeed, or fail whatever it was before; the payer's bank says so."""
    before = made["status"]
    made |= {"status": status, "failure_reason": reason}
    if status == "failed":
        charge = books.get(made["charge"], "charge")
        charge["amount_refunded"] -= made["amount"]
        books.move_money("refund_failure", made, made["amount"], currency=made["currency"])
        books.tell("refund.failed", made)
    books.tell("refund.updated", made, status=before)


def update_dispute(books: Books, dispute: Object, params: Object) -> Object:
    """Take evidence in."""
    evidence = params.get("evidence") or {}
    unknown = evidence.keys() - EVIDENCE_FIELDS
    if unknown:
        raise Problem(400, f"Received unknown parameter: evidence[{sorted(unknown)[0]}]", code="parameter_unknown")
    if dispute["status"] != "needs_response":
        raise Problem(400, "This dispute is already closed or under review.")
    dispute["evidence"] |= evidence
    dispute["metadata"] |= params.get("metadata") or {}
    if flag(params, "submit", default=True):
        dispute["status"] = "under_review"
        dispute["evidence_details"]["submission_count"] += 1
        books.tell("charge.dispute.updated", dispute, status="needs_response")
    return dispute


def close_dispute(books: Books, dispute: Object, params: Object) -> Object:
    """Give a dispute up."""
    if dispute["status"] not in ("needs_response", "under_review"):
        raise Problem(400, "This dispute is already closed.")
    decide_dispute(books, dispute, won=False)
    return dispute


def decide_dispute(books: Books, dispute: Object, *, won: bool) -> None:
    """Have the card's network decide."""
    if won:
        moved = books.move_money(
            "dispute_reversal", dispute, dispute["amount"], fee=-cards.DISPUTE_FEE, currency=dispute["currency"]
        )
        dispute["balance_transactions"].append(dict(moved))
    dispute["status"] = "won" if won else "lost"
    books.tell("charge.dispute.closed", dispute)


def pay_out(books: Books, params: Object) -> Object:
    """Send money to a bank account."""
    if params.get("destination") not in (BANK_ACCOUNT, CLOSED_BANK_ACCOUNT):
        raise Problem(
            404,
            f"No such external account: '{params.get('destination')}'",
            code="resource_missing",
            param="destination",
        )
    made = books.add(
        "po",
        "payout",
        amount=whole(params, "amount"),
        arrival_date=int(books.clock()) + 2 * 86400,
        automatic=False,
        currency=params["currency"],
        destination=params["destination"],
        failure_code=None,
        failure_message=None,
        metadata=dict(params.get("metadata") or {}),
        status="pending",
    )
    books.tell("payout.created", made)
    return made


def finish_payout(books: Books, made: Object, status: str) -> None:
    """Have a payout be paid, or fail whatever it was before."""
    made["status"] = status
    if status == "failed":
        made |= {"failure_code": "account_closed", "failure_message": "The bank account has been closed."}
    books.tell(f"payout.{status}", made)


def settle(books: Books, currency: str) -> Object:
    """Pay out, as Stripe does by itself, all of a currency that no payout has taken yet; it is paid at once."""
    unpaid = books.all("balance_transaction", currency=currency, payout=None)
    made = books.add(
        "po",
        "payout",
        amount=sum(moved["net"] for moved in unpaid),
        arrival_date=int(books.clock()),
        automatic=True,
        currency=currency,
        metadata={},
        status="paid",
    )
    itself = books.move_money("payout", made, -made["amount"], currency=currency)
    for moved in (*unpaid, itself):
        moved["payout"] = made["id"]
    books.tell("payout.paid", made)
    return made
