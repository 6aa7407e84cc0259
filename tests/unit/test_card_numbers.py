"""Card numbers are told from everything else that is made of digits."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.api.parsing import holds_card_number

# The well-known test numbers of the card schemes; no account stands behind them.
CARDS = {
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444",
    "mastercard_2_series": "2223003122003222",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "diners": "3056930009020004",
    "diners_14_digits": "36227206271667",
    "jcb": "3566002020360505",
    "unionpay_19_digits": "6205500000000000004",
    "maestro_12_digits": "501800000009",
}


def check_digit(payload: str) -> str:
    """Return the digit that makes the number pass the Luhn check, worked out in another way than the code does."""
    doubled = {0: 0, 1: 2, 2: 4, 3: 6, 4: 8, 5: 1, 6: 3, 7: 5, 8: 7, 9: 9}
    total = sum(doubled[int(digit)] if place % 2 == 0 else int(digit) for place, digit in enumerate(reversed(payload)))
    return str(-total % 10)


@pytest.mark.parametrize("number", CARDS.values(), ids=CARDS.keys())
def test_a_card_number_is_found(number: str) -> None:
    assert holds_card_number(number)


@pytest.mark.parametrize(
    "text",
    [
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "3782 822463 10005",
        "please charge 4242424242424242, it is mine",
        "card:4242 4242 4242 4242.",
        "(4242424242424242)",
        "order 17 / 4242424242424242 / 12-29",
        "first 1234567890123456, then 4242424242424242",
        "\n4242424242424242\n",
        # Digits around it do not hide it.
        "17 4242424242424242",
        "4242424242424242 12 29",
        "4242 4242 4242 4242 123",
        "100-4242-4242-4242-4242",
    ],
)
def test_a_card_number_is_found_in_a_text(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "order-1001",
        # Fails the check.
        "4242424242424241",
        "1234567890123456",
        # Too short and too long, though both pass it.
        "42424242424",
        "00000000000",
        "42424242424242424242",
        # Groups are parted by one blank or dash.
        "4242  4242  4242  4242",
        "4242.4242.4242.4242",
        # Part of a longer name.
        "pm_x4242424242424242",
        "4242424242424242abc",
        "2026-01-31T12:00:00.000000Z",
        "+49 30 901820",
        "2026-01-31 12 2026-02-28 11 42 42",
        "sizes 38 39 40 41 42 43 44 45 46 47 48",
        "pay_01jv8k3x5rf2dbh0v9q2w8m7ce",
    ],
)
def test_what_is_no_card_number_passes(text: str) -> None:
    assert not holds_card_number(text)


@given(payload=st.text("0123456789", min_size=11, max_size=18))
def test_every_number_with_its_check_digit_is_found_and_with_another_is_not(payload: str) -> None:
    right = check_digit(payload)
    wrong = str((int(right) + 1) % 10)

    assert holds_card_number(payload + right)
    assert not holds_card_number(payload + wrong)


@given(value=st.uuids(version=4))
def test_a_random_uuid_passes(value: UUID) -> None:
    assert not holds_card_number(str(value))


@given(head=st.text("0123456789", min_size=20, max_size=20), payload=st.text("0123456789", min_size=11, max_size=11))
def test_a_uuid_of_digits_alone_passes(head: str, payload: str) -> None:
    end = payload + check_digit(payload)
    uuid = f"{head[:8]}-{head[8:12]}-{head[12:16]}-{head[16:]}-{end}"

    assert holds_card_number(end)
    assert not holds_card_number(uuid)
    assert not holds_card_number(f"order {uuid.upper()}, please")
