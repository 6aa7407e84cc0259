"""Whatever files the lines of settlement come in, and however often: what is booked is the set of the lines."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.models import SettlementLine
from payments.operations.ledger_check import check_ledger
from tests.reports import Line, cash, charge_line, receivable, refund_line, take_in
from tests.shop import Shop, open_shop

LINES = 4
# Files of lines by number, any number of times, in any order.
FILES = st.lists(st.lists(st.integers(0, LINES - 1), max_size=8), max_size=4)


def lines_of(shop: Shop) -> list[Line]:
    """Return the lines of three charges and a refund."""
    payments = [shop.pay(amount=1000 + number).json() for number in range(3)]
    refunds = [shop.post("/v1/refunds", {"payment": payment["id"], "amount": 300}).json() for payment in payments[:1]]
    return [*(charge_line(payment, fee=14) for payment in payments), *(refund_line(refund) for refund in refunds)]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=FILES)
def test_what_is_booked_is_the_set_of_the_lines(db: None, files: list[list[int]]) -> None:
    shop = open_shop()
    lines = lines_of(shop)

    for numbers in files:
        take_in([lines[number] for number in numbers])

    distinct = [lines[number] for number in sorted({number for file in files for number in file})]
    booked = SettlementLine.objects.filter(journal_entry__isnull=False, payment__merchant=shop.merchant)
    assert sorted(booked.values_list("line_reference", flat=True)) == sorted(line.line_reference for line in distinct)
    assert cash(shop).get("EUR", 0) == sum(line.gross - line.fee for line in distinct)
    everything = sum(line.gross for line in lines)
    assert receivable(shop)["EUR"] == everything - sum(line.gross for line in distinct)
    assert check_ledger() == []
