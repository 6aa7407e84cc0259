"""What merchants do with refunds, and what every answer has to be."""

from hypothesis.stateful import precondition, rule

from django.db.models import Sum

from payments.models import ProcessorCall
from tests.machine.fates import Calm, Fate, fates
from tests.machine.payment_rules import PaymentRules, figures, part_of, parts, picks
from tests.machine.truth import answer_to, charges_of, is_returned
from tests.machine.world import refundable


class RefundRules(PaymentRules):
    """Refunds, whole and in parts."""

    @precondition(lambda self: self.world.has_refundable())
    @rule(pick=picks, part=parts, fate=fates)
    def refunds(self, pick: int, part: int | None, fate: Fate, any_payment: bool = False) -> None:
        """A merchant gives money back, too much perhaps."""
        fitting = [each for each in self.world.payments if refundable(each) and not any_payment]
        payment = fitting[-1 - pick % len(fitting)] if fitting else self.a_payment(pick)
        left = refundable(payment)
        amount = part_of(part, left or payment.amount)
        possible = left > 0 and (amount or 0) <= left
        before = figures(payment)
        text = f"refunds {amount or 'all that is left'} of {self.name_of(payment)}"
        shop = self.world.shop_of(payment)
        body = {"payment": payment.public_id, "amount": amount}
        answered = self.world.ask(shop, text, "refund", "/v1/refunds", body=body, fate=fate)
        if answered is None:
            return
        if not possible:
            assert answered.status in (409, 422), answered.document
            assert figures(payment) == before, "what is refused changes nothing"
            return
        # The processor may know of a dispute that we have not heard of yet.
        certain = isinstance(fate, Calm) and payment.payment_method != "pm_card_disputed"
        assert answered.status in ({201} if certain else {201, 402, 502}), answered.document
        if answered.status == 201:
            assert answered.document["amount"] == (amount or left)
        self.is_as_told(answered, fate)

    def in_bounds(self) -> None:
        """Never more goes back than was taken, here or at the processor."""
        super().in_bounds()
        for payment in self.world.payments:
            under_way = payment.refunds.filter(status__in=("pending", "submitted", "unknown"))
            assert payment.amount_refund_pending == (under_way.aggregate(sum=Sum("amount"))["sum"] or 0)

    def as_the_processor_has_it(self) -> None:
        """Each refund is as the processor answered, and what was refunded is what left its books."""
        super().as_the_processor_has_it()
        for refund in self.world.refunds:
            call = ProcessorCall.objects.get(refund=refund)
            done = answer_to(call) == "Succeeded" and not is_returned(call)
            assert refund.status == ("succeeded" if done else "failed"), f"{refund.public_id} is {refund.status}"
        for payment in self.world.payments:
            given_back = sum(charge.amount_refunded for charge in charges_of(payment))
            assert (payment.amount_refunded, payment.amount_refund_pending) == (given_back, 0)
