"""Bodies that must not come in: each is a 4xx problem that names the field, and nothing is written."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.answers import problem_in
from tests.shop import Shop
from tests.snapshot import nothing_written

PATH = "/v1/payments"
GOOD = {"amount": 1999, "currency": "EUR", "payment_method": "pm_card_visa"}
WRONG_TEXTS: list[Any] = [1, 1.5, True, [], {}, ["text"]]


def raw(amount: str) -> str:
    """Return a body with an amount that is written so."""
    return f'{{"amount": {amount}, "currency": "EUR", "payment_method": "pm_card_visa"}}'


NOT_AN_OBJECT = {
    "blank": b" \n",
    "a brace": b"{",
    "text after the object": b'{"amount": 1} {}',
    "single quotes": b"{'amount': 1}",
    "a comma at the end": b'{"amount": 1,}',
    "a comment": b'{"amount": 1} // one',
    "an array": b"[]",
    "an array of objects": json.dumps([GOOD]).encode(),
    "a string": b'"amount"',
    "a number": b"1999",
    "true": b"true",
    "null": b"null",
    "a form": b"amount=1999&currency=EUR",
    "invalid UTF-8": b'{"description": "\xff\xfe"}',
    "a lone surrogate in UTF-8": b'{"description": "\xed\xa0\x80"}',
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
    "a NUL byte": b'{"amount": 1}\x00',
    "a bare NUL in a string": b'{"description": "a\x00b"}',
    "a line break in a string": b'{"description": "a\nb"}',
    "NaN": raw("NaN").encode(),
    "Infinity": raw("Infinity").encode(),
    "-Infinity": raw("-Infinity").encode(),
    "5,000 digits": raw("9" * 5000).encode(),
    "a member twice": b'{"amount": 1, "amount": 1999, "currency": "EUR", "payment_method": "pm_card_visa"}',
    "a member of metadata twice": b'{"amount": 1, "metadata": {"a": "1", "a": "2"}}',
    "30,000 arrays": b'{"metadata": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "30,000 arrays and no end": b'{"metadata": ' + b"[" * 30_000,
    "10,000 objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
}

AMOUNTS = {
    **{text: text for text in ("0", "-0", "-1", "-1999", "10.0", "1.5", "1e3", "1E3", "1e-3", "1e400")},
    **{text: text for text in ('"1999"', '""', '"0x10"', "true", "false", "null", "[]", "[1999]", "{}")},
    "10 ** 12": str(10**12),
    "2 ** 63": str(2**63),
    "-2 ** 63": str(-(2**63)),
    "2 ** 64": str(2**64),
    "10 ** 400": str(10**400),
}

CURRENCIES: list[Any] = [
    *("eur", "Eur", "EU", "EURO", "", " EUR", "EUR ", "XXX", "XAU", "ZZZ", "€UR", "EU\u0420", "978"),
    *(978, None, *WRONG_TEXTS[1:]),
]

FIELDS = [
    *(("currency", value) for value in CURRENCIES),
    *(("capture_method", value) for value in ["later", "", "AUTOMATIC", None, *WRONG_TEXTS]),
    *(("confirm", value) for value in ["true", "false", "", "yes", 1, 0, None, [], {}]),
    *(("payment_method", value) for value in ["", "p" * 256, None, *WRONG_TEXTS]),
    *(("merchant_reference", value) for value in ["", "r" * 256, *WRONG_TEXTS]),
    *(("description", value) for value in ["", "d" * 1001, *WRONG_TEXTS]),
    *(("metadata", value) for value in ["", "text", 1, True, [], ["a"], [["a", "b"]], None]),
    ("metadata", {f"name{number}": "value" for number in range(51)}),
    ("metadata", {"n" * 41: "value"}),
    ("metadata", {"": "value"}),
    *((name, GOOD["amount"]) for name in ("Amount", "amonut", "id", "status", "mode", "merchant_id", "amount ", "")),
    *((name, GOOD["amount"]) for name in ("amount_captured", "connector", "__class__", "éè")),
]

CARD = "4242424242424242"
CARD_NUMBERS = [
    CARD,
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "378282246310005",
    "3782 822463 10005",
    "6304000000000000",
    "4000000000000000006",
    f"card {CARD}, thanks",
    f"({CARD})",
    f"{CARD} 12/26",
    "4242 4242 4242 4242 123",
    f"order 17 {CARD}",
    "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
]
NO_CARD_NUMBERS = ["4242424242424241", "42424242424", "a4242424242424242", f"0000{CARD}0000", "2026-01-31", "1" * 30]


@pytest.mark.parametrize("body", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT)
def test_body_that_is_no_json_object_is_refused(shop: Shop, body: bytes) -> None:
    with nothing_written():
        response = shop.post(PATH, body)

    problem_in(response, status=400, code="malformed_body")


def test_empty_body_misses_what_is_required(shop: Shop) -> None:
    with nothing_written():
        response = shop.post(PATH, b"")

    problem = problem_in(response, status=400, code="invalid_request", param="amount")
    assert [fault["param"] for fault in problem["errors"]] == ["amount", "currency"]


@pytest.mark.parametrize("depth", [50, 200, 400, 600, 800, 900, *range(930, 1010, 10)])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_of_any_depth_is_refused(shop: Shop, depth: int, opening: str, closing: str) -> None:
    nested = opening * depth + '"x"' + closing * depth

    with nothing_written():
        response = shop.post(PATH, f'{{"amount": 1, "currency": "EUR", "confirm": false, "metadata": {nested}}}')

    assert response.status_code == 400, response.content
    assert response.json()["code"] in ("invalid_request", "malformed_body")


@pytest.mark.parametrize("amount", AMOUNTS.values(), ids=AMOUNTS)
def test_amount_that_is_no_positive_whole_number_is_refused(shop: Shop, amount: str) -> None:
    with nothing_written():
        response = shop.post(PATH, raw(amount))

    problem_in(response, status=400, code="invalid_request", param="amount")


@pytest.mark.parametrize(("name", "value"), FIELDS, ids=lambda value: repr(value)[:30])
def test_field_with_a_wrong_value_is_refused_and_named(shop: Shop, name: str, value: Any) -> None:
    with nothing_written():
        response = shop.post(PATH, GOOD | {name: value})

    problem_in(response, status=400, code="invalid_request", param=name)


@pytest.mark.parametrize(
    "value", [1, 1.5, True, None, [], {}, {"b": "c"}, "v" * 501], ids=lambda value: repr(value)[:30]
)
def test_wrong_value_in_metadata_is_refused_and_named(shop: Shop, value: Any) -> None:
    with nothing_written():
        response = shop.post(PATH, GOOD | {"metadata": {"good": "one", "order": value}})

    problem_in(response, status=400, code="invalid_request", param="metadata.order")


@pytest.mark.parametrize("missing", ["amount", "currency", "payment_method"])
def test_missing_field_is_named(shop: Shop, missing: str) -> None:
    with nothing_written():
        response = shop.post(PATH, {name: value for name, value in GOOD.items() if name != missing})

    problem_in(response, status=400, code="invalid_request", param=missing)


@pytest.mark.parametrize("escape", ["\\u0000", "\\ud800", "\\udfff", "\\ud83d text", "\\ude00\\ud83d"])
@pytest.mark.parametrize(
    ("member", "param"),
    [
        *((f'"{name}": "a%sb"', name) for name in ("currency", "capture_method", "payment_method")),
        *((f'"{name}": "a%sb"', name) for name in ("merchant_reference", "description", "unknown")),
        ('"metadata": {"order": "%s"}', "metadata.order"),
        ('"metadata": {"a%sb": "1"}', "metadata"),
        ('"metadata": {"list": ["%s"]}', "metadata.list.0"),
        ('"a%sb": "1"', "(a field's name)"),
    ],
)
def test_text_that_cannot_be_stored_is_refused_and_named(shop: Shop, member: str, param: str, escape: str) -> None:
    with nothing_written():
        response = shop.post(PATH, '{"amount": 1999, "confirm": false, ' + member % escape + "}")

    problem_in(response, status=400, code="invalid_request", param=param)


def test_surrogates_that_make_a_pair_are_one_character(shop: Shop) -> None:
    response = shop.post(PATH, '{"amount": 1, "currency": "EUR", "confirm": false, "description": "\\ud83c\\udf4e"}')

    assert response.json()["description"] == "🍎"


@pytest.mark.parametrize("text", CARD_NUMBERS)
def test_card_number_is_refused_wherever_it_is_written(shop: Shop, text: str) -> None:
    with nothing_written():
        response = shop.pay(description=text)

    problem_in(response, status=400, code="card_number_refused", param="description")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        *(({name: CARD}, name) for name in ("payment_method", "merchant_reference", "currency", "capture_method")),
        ({"unknown": CARD}, "unknown"),
        ({"card": {"number": [CARD]}}, "card.number.0"),
        ({"metadata": {"order": CARD}}, "metadata.order"),
        ({"metadata": {CARD: "order"}}, "metadata"),
        ({CARD: "order"}, "(a field's name)"),
    ],
    ids=str,
)
def test_card_number_in_any_string_is_refused_and_neither_repeated_nor_logged(
    shop: Shop, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], param: str
) -> None:
    caplog.set_level(0)

    with nothing_written():
        response = shop.pay(**changes)

    problem_in(response, status=400, code="card_number_refused", param=param)
    assert CARD not in response.content.decode()
    assert CARD not in caplog.text


@pytest.mark.parametrize("step", ["confirm", "capture", "cancel"])
def test_card_number_is_refused_at_every_step(shop: Shop, step: str) -> None:
    path = f"{PATH}/{shop.authorize()['id']}/{step}"

    with nothing_written():
        response = shop.post(path, {"payment_method": CARD})

    problem_in(response, status=400, code="card_number_refused", param="payment_method")


@pytest.mark.parametrize("text", NO_CARD_NUMBERS)
def test_other_digits_are_taken(shop: Shop, text: str) -> None:
    assert shop.pay(description=text, confirm=False).status_code == 201


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.sampled_from([1, 1999, 0, 10**12]) | VALUES,
        "currency": st.sampled_from(["EUR", "JPY", "eur"]) | VALUES,
        "capture_method": st.sampled_from(["automatic", "manual"]) | VALUES,
        "confirm": st.booleans() | VALUES,
        "payment_method": st.sampled_from(["pm_card_visa", "pm_card_lost", "pm_fault_unreachable"]) | VALUES,
        "merchant_reference": VALUES,
        "description": VALUES,
        "metadata": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2) | VALUES,
        "extra": VALUES,
    },
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
def test_no_body_at_all_breaks_the_platform(shop: Shop, body: dict[str, Any]) -> None:
    response = shop.post(PATH, json.dumps(body))

    assert response.status_code in (201, 400, 402, 409, 502), response.content
    assert response.status_code != 502 or body["payment_method"] == "pm_fault_unreachable"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_no_bytes_at_all_break_the_platform(shop: Shop, body: bytes) -> None:
    response = shop.post(PATH, body)

    assert response.status_code == 400, response.content
