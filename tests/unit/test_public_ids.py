"""Public ids are UUIDs in another spelling: nothing is lost, their order stays, and nothing else is read as one."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.public_ids import decode, encode, new_uuid

GOOD = "pay_01jv8k3x5rf2dbh0v9q2w8m7ce"
prefixes = st.sampled_from(["pay", "evt", "mer", "key", "call", "je", "sbx"])


@given(prefix=prefixes, value=st.uuids())
def test_an_id_is_read_back_as_the_uuid_it_was_made_from(prefix: str, value: UUID) -> None:
    assert decode(prefix, encode(prefix, value)) == value


@given(prefix=prefixes, one=st.uuids(), other=st.uuids())
def test_ids_sort_as_their_uuids_do(prefix: str, one: UUID, other: UUID) -> None:
    assert (encode(prefix, one) < encode(prefix, other)) == (one < other)


@given(value=st.uuids())
def test_an_id_is_short_lower_case_and_has_no_letters_that_are_mistaken(value: UUID) -> None:
    text = encode("pay", value)

    assert len(text) == len("pay_") + 26
    assert not set(text.removeprefix("pay_")) - set("0123456789abcdefghjkmnpqrstvwxyz")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (UUID(int=0), "pay_00000000000000000000000000"),
        (UUID(int=1), "pay_00000000000000000000000001"),
        (UUID(int=31), "pay_0000000000000000000000000z"),
        (UUID(int=32), "pay_00000000000000000000000010"),
        (UUID(int=2**128 - 1), "pay_7zzzzzzzzzzzzzzzzzzzzzzzzz"),
    ],
)
def test_the_spelling_is_crockford_s_base_32(value: UUID, text: str) -> None:
    assert encode("pay", value) == text
    assert decode("pay", text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pay",
        "pay_",
        "_",
        GOOD.removeprefix("pay_"),
        GOOD.removeprefix("pay"),
        GOOD.replace("pay", "evt"),
        GOOD.upper(),
        f" {GOOD}",
        f"{GOOD}\n",
        GOOD[:-1],
        f"{GOOD}0",
        f"pay_{GOOD}",
        # One more than 128 bits hold.
        "pay_8" + 25 * "0",
        *(GOOD[:-1] + character for character in "ilouILOU-_٣\x00"),
        str(UUID(int=7)),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an id that begins with pay_"):
        decode("pay", text)


def test_new_uuids_are_of_version_7_and_rise() -> None:
    made = [new_uuid() for _ in range(1000)]

    assert {value.version for value in made} == {7}
    assert sorted(set(made)) == made
