"""The readers of environment variables: what they accept, and the one line they stop with."""

from base64 import urlsafe_b64encode
from collections.abc import Callable

import pytest

from django.core.exceptions import ImproperlyConfigured

from platform_site import env

COLORS = ("red", "green")


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Set the variable THING, or unset it."""

    def change(value: str | None) -> None:
        if value is None:
            monkeypatch.delenv("THING", raising=False)
        else:
            monkeypatch.setenv("THING", value)

    return change


def test_a_required_variable_is_returned(setenv: Callable[[str | None], None]) -> None:
    setenv("value")

    assert env.required("THING", hint="anything") == "value"


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_required_variable_is_named_with_its_hint(
    setenv: Callable[[str | None], None], value: str | None
) -> None:
    setenv(value)

    with pytest.raises(ImproperlyConfigured, match=r"^THING is not set: for example 1$"):
        env.required("THING", hint="for example 1")


@pytest.mark.parametrize(("value", "expected"), [(None, "fallback"), ("", "fallback"), ("given", "given")])
def test_text_falls_back_where_nothing_is_given(
    setenv: Callable[[str | None], None], value: str | None, expected: str
) -> None:
    setenv(value)

    assert env.text("THING", default="fallback") == expected


def test_a_choice_is_one_of_the_options(setenv: Callable[[str | None], None]) -> None:
    setenv("green")

    assert env.choice("THING", options=COLORS) == "green"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "THING is not set: choose one of red, green"),
        ("Green", "THING is 'Green': choose one of red, green"),
    ],
)
def test_any_other_choice_is_refused(setenv: Callable[[str | None], None], value: str | None, message: str) -> None:
    setenv(value)

    with pytest.raises(ImproperlyConfigured, match=f"^{message}$"):
        env.choice("THING", options=COLORS)


@pytest.mark.parametrize("value", ["1", "true", "TRUE", "Yes", "on"])
def test_these_words_are_true(setenv: Callable[[str | None], None], value: str) -> None:
    setenv(value)

    assert env.boolean("THING", default=False) is True


@pytest.mark.parametrize("value", ["0", "false", "False", "no", "OFF"])
def test_these_words_are_false(setenv: Callable[[str | None], None], value: str) -> None:
    setenv(value)

    assert env.boolean("THING", default=True) is False


@pytest.mark.parametrize("default", [True, False])
def test_an_unset_boolean_is_its_default(setenv: Callable[[str | None], None], default: bool) -> None:
    setenv(None)

    assert env.boolean("THING", default=default) is default


def test_any_other_word_is_no_boolean(setenv: Callable[[str | None], None]) -> None:
    setenv("maybe")

    with pytest.raises(ImproperlyConfigured, match=r"^THING is 'maybe': write true or false$"):
        env.boolean("THING", default=False)


@pytest.mark.parametrize(("value", "expected"), [(None, 5), ("", 5), ("1", 1), ("9", 9), (" 7 ", 7)])
def test_an_integer_includes_both_its_bounds(
    setenv: Callable[[str | None], None], value: str | None, expected: int
) -> None:
    setenv(value)

    assert env.integer("THING", default=5, minimum=1, maximum=9) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("0", "THING is 0: write a number from 1 to 9"),
        ("10", "THING is 10: write a number from 1 to 9"),
        ("2.5", "THING is '2.5': write a whole number"),
        ("two", "THING is 'two': write a whole number"),
    ],
)
def test_any_other_number_is_refused(setenv: Callable[[str | None], None], value: str, message: str) -> None:
    setenv(value)

    with pytest.raises(ImproperlyConfigured, match=f"^{message}$"):
        env.integer("THING", default=5, minimum=1, maximum=9)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ["a"]), ("", ["a"]), ("b", ["b"]), ("b, c ,,d", ["b", "c", "d"])],
)
def test_words_are_separated_by_commas(
    setenv: Callable[[str | None], None], value: str | None, expected: list[str]
) -> None:
    setenv(value)

    assert env.words("THING", default=("a",)) == expected


# The same in each of the processes that share these tests out: they are in the names of some.
FERNET_KEYS = [urlsafe_b64encode(bytes([number]) * 32).decode() for number in range(2)]


@pytest.mark.parametrize(
    ("value", "default", "expected"),
    [
        (FERNET_KEYS[0], None, FERNET_KEYS[:1]),
        (" , ".join(FERNET_KEYS), None, FERNET_KEYS),
        (FERNET_KEYS[0], FERNET_KEYS[1:], FERNET_KEYS[:1]),
        (None, FERNET_KEYS, FERNET_KEYS),
        ("", FERNET_KEYS, FERNET_KEYS),
        (",", FERNET_KEYS, FERNET_KEYS),
    ],
)
def test_fernet_keys(
    setenv: Callable[[str | None], None], value: str | None, default: list[str] | None, expected: list[str]
) -> None:
    setenv(value)

    assert env.fernet_keys("THING", default=default) == expected


@pytest.mark.parametrize("value", [None, "", " , "])
def test_missing_fernet_keys_are_named(setenv: Callable[[str | None], None], value: str | None) -> None:
    setenv(value)

    with pytest.raises(ImproperlyConfigured, match=r"^THING is not set: Fernet keys"):
        env.fernet_keys("THING", default=None)


@pytest.mark.parametrize("wrong", ["short", "x" * 44, FERNET_KEYS[0][:-2], "ü" * 44])
def test_wrong_fernet_key_is_numbered_and_not_repeated(setenv: Callable[[str | None], None], wrong: str) -> None:
    setenv(f"{FERNET_KEYS[0]},{wrong}")

    with pytest.raises(ImproperlyConfigured, match=r"^THING: key 2 is no Fernet key;") as refusal:
        env.fernet_keys("THING", default=None)

    assert wrong not in str(refusal.value) and FERNET_KEYS[0] not in str(refusal.value)
