"""What merchants do with disputes, and how they have to stand."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from django.utils import timezone

from payments.models import Dispute, SandboxCharge, SandboxDispute
from tests.machine.base import Owed, Rules
from tests.machine.fates import Calm, Fate, fates
from tests.machine.payment_rules import picks
from tests.machine.truth import charges_of


class DisputeRules(Rules):
    """Evidence and acceptance; the card `pm_card_disputed` opens disputes by itself."""

    @property
    def disputes(self) -> list[Dispute]:
        """Return all disputes, in the order in which they came to be."""
        return list(Dispute.objects.filter(merchant_id__in=self.world.merchant_ids).order_by("id"))

    @precondition(lambda self: any(payment.payment_method == "pm_card_disputed" for payment in self.world.seen))
    @rule(pick=picks, text=st.sampled_from(("winning_evidence", "losing_evidence", "unanswered_evidence")), fate=fates)
    def argues(self, pick: int, text: str, fate: Fate) -> None:
        """A merchant sends evidence."""
        self._answer(pick, "evidence", {"evidence": {"text": text}}, f"argues with {text} against", fate)

    @precondition(lambda self: any(payment.payment_method == "pm_card_disputed" for payment in self.world.seen))
    @rule(pick=picks, fate=fates)
    def gives_in(self, pick: int, fate: Fate) -> None:
        """A merchant accepts a dispute."""
        self._answer(pick, "accept", {}, "accepts", fate)

    def owed(self) -> Owed:
        """Less what is lost, with the fee."""
        totals = super().owed()
        for dispute in self.disputes:
            if dispute.status in ("lost", "accepted"):
                owner = (dispute.merchant_id, str(dispute.mode), dispute.currency)
                totals[*owner, "posted"] -= dispute.amount + dispute.fee
        return totals

    def as_the_processor_has_it(self) -> None:
        """Every dispute at the processor is one here, and stands as it does there."""
        super().as_the_processor_has_it()
        found = Counter(
            (dispute.processor_reference, dispute.amount, _end_of(dispute.status)) for dispute in self.disputes
        )
        charges: list[SandboxCharge] = [charge for payment in self.world.payments for charge in charges_of(payment)]
        expected = Counter(
            (dispute.reference, dispute.amount, dispute.won if dispute.closed_at <= timezone.now() else None)
            for dispute in SandboxDispute.objects.filter(charge_reference__in=[charge.reference for charge in charges])
        )
        assert found == expected

    def _answer(self, pick: int, verb: str, body: dict[str, object], text: str, fate: Fate) -> None:
        disputes = [each for each in self.disputes if each.status == "needs_response"] or self.disputes
        if not disputes:
            return
        dispute = disputes[-1 - pick % len(disputes)]
        shop = self.world.shop_of(dispute.payment)
        answered = self.world.ask(
            shop, f"{text} a dispute", verb, f"/v1/disputes/{dispute.public_id}/{verb}", body=body, fate=fate
        )
        if answered is None:
            return
        assert answered.status in (200, 402, 409, 502), answered.document
        if answered.status == 200 and isinstance(fate, Calm) and verb == "accept":
            assert answered.document["status"] == "accepted"


def _end_of(status: str) -> bool | None:
    """Return whether a dispute is won; None while it is open."""
    return {"won": True, "lost": False, "accepted": False}.get(status)
