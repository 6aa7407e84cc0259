"""What a dispute takes, and gives back where it is won, is in the processor's settlement reports."""

from datetime import timedelta

from django.utils import timezone

from payments.models import SettlementLine
from payments.operations.ledger_check import check_ledger
from tests.disputes import LATER, bring_news, disputed
from tests.reports import cash, discrepancies, receivable, settle_sandbox
from tests.shop import Shop

# Captured 19.99, for which the sandbox takes 1.4 %; the dispute costs 15.00.
SETTLED = 1999 - 28
HELD = 1999 + 1500


def answered(shop: Shop, text: str) -> dict[str, int]:
    """Have a payment disputed, settled and argued about until the end; return the cash while it was disputed."""
    dispute = disputed(shop)
    settle_sandbox()
    meanwhile = cash(shop)
    shop.post(f"/v1/disputes/{dispute.public_id}/evidence", {"evidence": {"text": text}})
    bring_news(shop, now=timezone.now() + LATER)
    return meanwhile


def kinds() -> list[str]:
    """Return what was settled."""
    return sorted(SettlementLine.objects.values_list("kind", flat=True))


def test_what_a_dispute_takes_is_settled(shop: Shop) -> None:
    meanwhile = answered(shop, "losing_evidence")

    assert meanwhile == cash(shop) == {"EUR": SETTLED - HELD}
    assert kinds() == ["charge", "dispute"]
    assert (receivable(shop), discrepancies()) == ({"EUR": 0}, [])
    assert check_ledger() == []


def test_what_a_dispute_gives_back_is_settled(shop: Shop) -> None:
    meanwhile = answered(shop, "winning_evidence")

    settle_sandbox(now=timezone.now() + LATER + timedelta(days=1))

    assert (meanwhile, cash(shop)) == ({"EUR": SETTLED - HELD}, {"EUR": SETTLED})
    assert kinds() == ["charge", "dispute", "dispute_won"]
    assert (receivable(shop), discrepancies()) == ({"EUR": 0}, [])
    assert check_ledger() == []
