"""What merchants do with payouts, and how they have to stand."""

from collections import Counter
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from django.utils import timezone

from payments.connectors.sandbox import payouts as sandbox_payouts
from payments.connectors.sandbox.requests import answer_to as stored_answer
from payments.models import Payment, Payout, ProcessorCall, SandboxNotice, SandboxPayout
from tests.machine.base import Owed, Rules
from tests.machine.fates import Calm, Fate, fates
from tests.machine.payment_rules import part_of, parts, picks
from tests.settling import settle_in_full

DESTINATIONS: Final = sorted(
    value for value in vars(sandbox_payouts).values() if isinstance(value, str) and value.startswith("ba_")
)
# What is never refused or lost.
GOOD: Final = ("ba_sandbox", "ba_sandbox_bounces", "ba_sandbox_instant")


class PayoutRules(Rules):
    """The processor settles what was captured, and merchants have it paid out."""

    def __init__(self) -> None:
        """Begin with nothing settled."""
        super().__init__()
        self.settled: Counter[tuple[object, str]] = Counter()
        self.settled_payments: set[object] = set()

    @property
    def payouts(self) -> list[Payout]:
        """Return all payouts, in the order in which they came to be."""
        return list(Payout.objects.filter(merchant_id__in=self.world.merchant_ids).order_by("id"))

    @precondition(lambda self: self.unsettled())
    @rule()
    def processor_settles(self) -> None:
        """The processor transfers what was captured."""
        for payment in self.unsettled():
            settle_in_full(payment)
            self.settled[payment.merchant_id, payment.currency] += payment.amount_captured
            self.settled_payments.add(payment.pk)
        self.world.tell("the processor settles what was captured")

    def unsettled(self) -> list[Payment]:
        """Return the payments whose money is not here yet."""
        return [
            payment
            for payment in self.world.seen
            if payment.status == "succeeded" and payment.pk not in self.settled_payments
        ]

    @precondition(lambda self: self.settled_payments)
    @rule(pick=picks, part=parts, destination=st.sampled_from(DESTINATIONS), fate=fates)
    def pays_out(self, pick: int, part: int | None, destination: str, fate: Fate) -> None:
        """A merchant has its money sent to its bank, more than there is perhaps."""
        owners = sorted(self.settled, key=str)
        merchant_id, currency = owners[pick % len(owners)]
        shop = next(each for each in self.world.shops if each.merchant.id == merchant_id)
        rows = shop.get("/v1/balance").json()["balances"]
        available = next((row["available"] for row in rows if row["currency"] == currency), 0)
        amount = part_of(part, max(available, 1))
        possible = 0 < (available if amount is None else amount) <= available
        text = f"has {amount or 'all'} of {available} {currency} paid out to {destination}"
        body = {"currency": currency, "amount": amount, "destination": destination}
        answered = self.world.ask(shop, text, "payout", "/v1/payouts", body=body, fate=fate)
        if answered is None:
            return
        if not possible:
            assert answered.document["code"] == "amount_exceeds_available", answered.document
        elif isinstance(fate, Calm) and destination in GOOD:
            assert (answered.status, answered.document["amount"]) == (201, amount or available), answered.document
        else:
            assert answered.status in (201, 402, 502), answered.document

    def owed(self) -> Owed:
        """Less what is paid out or on its way."""
        totals = super().owed()
        for payout in self.payouts:
            if payout.status != "failed":
                totals[payout.merchant_id, str(payout.mode), payout.currency, "posted"] -= payout.amount
        return totals

    def in_bounds(self) -> None:
        """Nobody is paid out what the processor has not settled, here or at the bank."""
        super().in_bounds()
        ours: Counter[tuple[object, str]] = Counter()
        for payout in self.payouts:
            if payout.status != "failed":
                ours[payout.merchant_id, payout.currency] += payout.amount
        assert all(amount <= self.settled[owner] for owner, amount in ours.items())

    def as_the_processor_has_it(self) -> None:
        """Each payout is as the processor and the bank say."""
        super().as_the_processor_has_it()
        for payout in self.payouts:
            assert payout.status == _end_of(payout), f"{payout.public_id} is {payout.status}"


def _end_of(payout: Payout) -> str:
    answer = stored_answer(ProcessorCall.objects.get(payout=payout).public_id)
    reference = getattr(answer, "processor_reference", None)
    if reference is None or not SandboxPayout.objects.filter(reference=reference, paid_at__lte=timezone.now()):
        return "failed"
    returned = SandboxNotice.objects.filter(payload__type="payout.returned", payload__object=reference)
    return "failed" if returned.filter(deliver_at__lte=timezone.now()).exists() else "succeeded"
