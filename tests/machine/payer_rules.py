"""What payers do: approve a payment on the sandbox's page, or refuse it, be it too late."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.machine.payment_rules import PaymentRules, picks
from tests.payer import decide


class PayerRules(PaymentRules):
    """Decisions of payers; the card `pm_card_authentication_required` asks for them."""

    @precondition(lambda self: self.world.has("requires_action"))
    @rule(pick=picks, decision=st.sampled_from(("approve", "refuse")))
    def payer_decides(self, pick: int, decision: str) -> None:
        """A payer presses a button."""
        payment = self.a_payment(pick, "requires_action")
        response = decide({"next_action": {"url": payment.next_action_url}}, decision)
        self.world.tell(f"the payer presses {decision} for {self.name_of(payment)} -> {response.status_code}")
        assert response.status_code < 500
