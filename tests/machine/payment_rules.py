"""What merchants do with payments, and what every answer has to be."""

from collections import Counter
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from django.utils import timezone

from payments.connectors.sandbox import methods as sandbox_methods
from payments.lifecycles import Mode
from payments.models import Payment
from payments.money import AMOUNT_MAX, Money
from payments.operations.balances import merchant_balance
from tests.machine.base import Owed, Rules
from tests.machine.fates import Calm, Fate, Waits, fates
from tests.machine.truth import (
    calls_nobody_asked_for,
    expected_payment,
    requests_we_know_nothing_of,
)
from tests.machine.world import BEGINNING, Answered

# No decimals, two, three and four.
CANCELABLE: Final = ("requires_capture", "requires_confirmation", "requires_payment_method", "requires_action")
CURRENCIES: Final = ("JPY", "EUR", "KWD", "CLF")


def tokens() -> list[str]:
    """Return every payment method that the sandbox's tables name, and one that they do not."""
    found = {"pm_card_of_another_company"}
    for value in vars(sandbox_methods).values():
        names = [value] if isinstance(value, str) else value if isinstance(value, dict | frozenset | tuple) else []
        found |= {name for name in names if isinstance(name, str) and name.startswith("pm_")}
    return sorted(found)


# Good cards as often as all others together, and those on which others act.
payment_methods = st.one_of(
    st.sampled_from(("pm_card_visa", "pm_card_disputed", "pm_card_authentication_required")), st.sampled_from(tokens())
)
amounts = st.one_of(st.integers(1, 20), st.integers(1, 5000), st.just(AMOUNT_MAX))
# Hundredths of what there is, too much too; None is all.
parts = st.sampled_from((None, 1, 10, 10, 50, 50, 99, 100, 101, 150))
picks = st.integers(0, 9)


def part_of(percent: int | None, whole: int) -> int | None:
    """Return so many hundredths, at least one unit and within what the API takes; None for all."""
    return None if percent is None else min(max(1, whole * percent // 100), AMOUNT_MAX)


def statuses_after(method: str | None, *, success: int, fate: Fate) -> set[int]:
    """Return which statuses an authorization with this method may be answered with."""
    if isinstance(fate, Calm) and method in sandbox_methods.DECLINES:
        return {402}
    if isinstance(fate, Calm) and method == sandbox_methods.UNREACHABLE_METHOD:
        return {502}
    if isinstance(fate, Calm) and method in sandbox_methods.SUCCEEDING_METHODS:
        return {success}
    return {success, 402, 502}


def figures(payment: Payment) -> tuple[Any, ...]:
    """Return what a request that is refused must not change."""
    payment = Payment.objects.get(pk=payment.pk)
    return (
        *(payment.status, payment.payment_method, payment.amount_authorized, payment.amount_capturable),
        *(payment.amount_captured, payment.amount_refunded, payment.amount_refund_pending),
        payment.processor_calls.count(),
    )


class PaymentRules(Rules):
    """Create, confirm, capture, cancel."""

    def a_payment(self, pick: int, *statuses: str) -> Payment:
        """Return one of the payments, if there are such one in these statuses."""
        payments = self.world.payments
        fitting = [payment for payment in payments if payment.status in statuses] or payments
        return fitting[-1 - pick % len(fitting)]

    def name_of(self, payment: Payment) -> str:
        """Return how a story names it: by its number."""
        number = [each.pk for each in self.world.payments].index(payment.pk) + 1
        return f"payment {number}"

    @initialize(
        amounts=st.tuples(amounts, amounts),
        currencies=st.tuples(st.sampled_from(CURRENCIES), st.sampled_from(CURRENCIES)),
        methods=st.tuples(payment_methods, payment_methods),
    )
    def begins(self, amounts: tuple[int, ...], currencies: tuple[str, ...], methods: tuple[str, ...]) -> None:
        """A story begins with a captured and an authorized payment, if the cards are good."""
        for amount, currency, method, manual in zip(amounts, currencies, methods, (False, True), strict=True):
            self.pays(0, amount, currency, manual, confirm=True, method=method, reference=None, fate=Calm())

    @rule(
        shop=st.sampled_from((0,) * 6 + (1,) * 3 + (2,)),
        amount=amounts,
        currency=st.sampled_from(CURRENCIES),
        manual=st.booleans(),
        confirm=st.sampled_from((True, True, False)),
        method=st.one_of(*[payment_methods] * 5, st.none()),
        reference=st.sampled_from((None, None, None, "order-1", "order-2")),
        fate=fates,
    )
    def pays(  # pylint: disable=too-many-positional-arguments
        self,
        shop: int,
        amount: int,
        currency: str,
        manual: bool,
        *,
        confirm: bool,
        method: str | None,
        reference: str | None,
        fate: Fate,
    ) -> None:
        """A merchant takes a payment, or prepares one."""
        by = self.world.shops[shop]
        body = {
            "amount": amount,
            "currency": currency,
            "capture_method": "manual" if manual else "automatic",
            "confirm": confirm,
            "payment_method": method,
            "merchant_reference": reference,
        }
        taken = (
            reference is not None and Payment.objects.filter(**by.caller.owned, merchant_reference=reference).exists()
        )
        verb = ("authorizes" if manual else "pays") if confirm else "prepares"
        text = f"{verb} {Money(amount, currency)} with {method}{f' as {reference}' if reference else ''}"
        answered = self.world.ask(by, text, "authorize", "/v1/payments", body=body, fate=fate)
        if answered is None:
            return
        if confirm and method is None:
            assert answered.status == 400, answered.document
        elif confirm and by.mode is Mode.LIVE:
            assert answered.document["code"] == "no_processor_available"
        elif taken:
            assert answered.document["code"] == "merchant_reference_taken", answered.document
        elif not confirm:
            assert answered.document["status"] == ("requires_confirmation" if method else "requires_payment_method")
        else:
            assert answered.status in statuses_after(method, success=201, fate=fate), answered.document
            self.is_as_told(answered, fate)

    @precondition(lambda self: self.world.has("requires_payment_method", "requires_confirmation"))
    @rule(pick=picks, method=st.one_of(st.none(), payment_methods), fate=fates)
    def confirms(self, pick: int, method: str | None, fate: Fate, any_payment: bool = False) -> None:
        """A merchant confirms a payment, with another card perhaps."""
        statuses = () if any_payment else ("requires_payment_method", "requires_confirmation")
        payment = self.a_payment(pick, *statuses)
        possible = payment.status == "requires_confirmation" or (
            payment.status == "requires_payment_method" and method is not None
        )
        # What has expired is refused before the sweep has come by.
        possible = possible and payment.expires_at is not None and payment.expires_at > timezone.now()
        live = payment.mode == Mode.LIVE
        success = statuses_after(method or payment.payment_method, success=200, fate=fate)
        text = f"confirms {self.name_of(payment)} with {method or 'the card it has'}"
        self.step_of(
            payment,
            text,
            "confirm",
            "authorize",
            body={"payment_method": method},
            fate=fate,
            possible=possible and not live,
            success=success,
        )

    @precondition(lambda self: self.world.has("requires_capture"))
    @rule(pick=picks, part=parts, final=st.booleans(), fate=fates)
    def captures(self, pick: int, part: int | None, final: bool, fate: Fate, any_payment: bool = False) -> None:
        """A merchant captures an authorized payment, in parts perhaps."""
        payment = self.a_payment(pick, *(() if any_payment else ("requires_capture",)))
        amount = part_of(part, payment.amount_capturable or payment.amount)
        lapses_at = payment.authorization_expires_at
        possible = payment.status == "requires_capture" and (amount or 0) <= payment.amount_capturable
        possible = possible and lapses_at is not None and lapses_at > timezone.now()
        text = f"captures {amount or 'all'} of {self.name_of(payment)}{' and no more' if final else ''}"
        body = {"amount": amount, "final_capture": final}
        answered = self.step_of(
            payment, text, "capture", "capture", body=body, fate=fate, possible=possible, success={200, 402, 502}
        )
        if answered is not None and answered.status == 200 and answered.document["status"] != "processing":
            taken = payment.amount_captured + (amount or payment.amount_capturable)
            assert answered.document["amount_captured"] == taken

    @precondition(lambda self: self.world.has(*CANCELABLE))
    @rule(pick=picks, fate=fates)
    def cancels(self, pick: int, fate: Fate, any_payment: bool = False) -> None:
        """A merchant cancels a payment that is not paid yet."""
        payment = self.a_payment(pick, *(() if any_payment else CANCELABLE))
        possible = payment.status in CANCELABLE
        text = f"cancels {self.name_of(payment)}"
        # Nothing, where there is nothing to ask the processor.
        self.step_of(payment, text, "cancel", "void", body={}, fate=fate, possible=possible, success={200, 402, 502})

    @precondition(lambda self: self.world.has())
    @rule(pick=picks, verb=st.sampled_from(("confirms", "captures", "cancels", "refunds")), part=parts, fate=fates)
    def tries(self, pick: int, verb: str, part: int | None, fate: Fate) -> None:
        """A merchant tries something with any payment, whatever has become of it."""
        arguments = {
            "confirms": {"method": None},
            "captures": {"part": part, "final": False},
            "cancels": {},
            "refunds": {"part": part},
        }[verb]
        getattr(self, verb)(pick=pick, fate=fate, any_payment=True, **arguments)

    def step_of(  # pylint: disable=too-many-positional-arguments
        self,
        payment: Payment,
        text: str,
        verb: str,
        kind: str,
        *,
        body: dict[str, Any],
        fate: Fate,
        possible: bool,
        success: set[int],
    ) -> Answered | None:
        """Take a step of a payment; where it is not possible, it has to be refused and to change nothing."""
        before = figures(payment)
        path = f"/v1/payments/{payment.public_id}/{verb}"
        answered = self.world.ask(self.world.shop_of(payment), text, kind, path, body=body, fate=fate)
        if answered is None:
            return None
        if possible:
            assert answered.status in success, answered.document
            # A payer may have approved what is to be canceled.
            if isinstance(fate, Calm) and verb in ("capture", "cancel") and payment.status != "requires_action":
                assert answered.status == 200, answered.document
            self.is_as_told(answered, fate)
        else:
            assert answered.status in (409, 422), answered.document
            assert figures(payment) == before, "what is refused changes nothing"
        return answered

    def in_bounds(self) -> None:
        """Our books never run ahead of the processor's, and nobody is charged twice."""
        super().in_bounds()
        for payment in self.world.payments:
            _, authorized, _, captured = expected_payment(payment)
            assert payment.amount_authorized <= authorized and payment.amount_captured <= captured
        assert not calls_nobody_asked_for(self.world.merchant_ids)
        assert not requests_we_know_nothing_of(since=BEGINNING)

    def as_the_processor_has_it(self) -> None:
        """Status, amounts and balances are those of the processor's books."""
        super().as_the_processor_has_it()
        for payment in self.world.payments:
            found = (
                *(payment.status, payment.amount_authorized),
                *(payment.amount_capturable, payment.amount_captured),
            )
            assert found == expected_payment(payment), self.name_of(payment)
            assert payment.status not in ("processing", "requires_action")
        assert self.owed() == self._balances()

    def owed(self) -> Owed:
        """Return what is captured and not refunded, less the platform's fee, and what is reserved."""
        totals = super().owed()
        for payment in self.world.payments:
            owner = (payment.merchant_id, str(payment.mode), payment.currency)
            totals[*owner, "posted"] += payment.amount_captured - payment.amount_refunded - payment.platform_fee
            totals[*owner, "pending"] += payment.amount_capturable - payment.amount_refund_pending
        return totals

    def _balances(self) -> Owed:
        """Return what the ledger says that each merchant is owed."""
        return Counter(
            {
                (shop.merchant.id, str(shop.mode), row["currency"], layer): row[layer]
                for shop in self.world.shops
                for row in merchant_balance(caller=shop.caller)
                for layer in ("posted", "pending")
            }
        )

    def is_as_told(self, answered: Answered, fate: Fate) -> None:
        """Check that an object is what the merchant was told, if nothing else has happened to it since."""
        if isinstance(fate, Waits):
            return
        # A problem carries the object as a member.
        objects = [member for member in answered.document.values() if isinstance(member, dict) and "object" in member]
        told = objects[0] if objects else answered.document
        shop = self.world.asked[-1].shop
        assert shop.get(f"/v1/{told['object']}s/{told['id']}").json() == told
