"""The rules that PostgreSQL holds of API keys, each with plain SQL that breaks it."""

from typing import Final

from tests.books import copy_of
from tests.models.breaches import breach, delete, frozen, set_once, update

_SAME_OWNER: Final = "apikey.apikey_replaced_by_same_owner"

FROZEN_KEY: Final = {
    "id": "%(new)s",
    "merchant_id": "%(other_merchant)s",
    "mode": "'live'",
    "name": "'other'",
    "key_hash": "'other'",
    "last_four": "'abcd'",
    "created_at": "created_at - interval '1d'",
}
KEY_SET_ONCE: Final = {
    "replaced_by_id": "%(spare_key)s",
    "expires_at": "expires_at + interval '1d'",
    "revoked_at": "NULL",
}

RULES: Final = {
    "an API key in a third mode": breach(
        "apikey.api_key_mode_known", copy_of("ApiKey", "spare_key", mode="'demo'", key_hash="'new'")
    ),
    "two API keys with one secret": breach("apikey.api_key_hash_once", copy_of("ApiKey", "spare_key")),
    "a deleted API key": breach("apikey.never_deleted", delete("apikey", "spare_key")),
    "an API key without scopes": breach("apikey.api_key_has_scopes", update("apikey", "spare_key", scopes="'{}'")),
    "an API key with a limit of no requests": breach(
        "apikey.api_key_rate_limit_positive",
        update("apikey", "spare_key", rate_limit_per_second="0", rate_limit_burst="1"),
    ),
    "an API key with a limit and no burst": breach(
        "apikey.api_key_rate_limit_positive", update("apikey", "spare_key", rate_limit_per_second="1")
    ),
    "an API key that is replaced and does not end": breach(
        "apikey.api_key_replaced_ends", update("apikey", "spare_key", replaced_by_id="%(fresh_key)s")
    ),
    "an API key that replaces itself": breach(
        "apikey.api_key_replaced_ends", update("apikey", "spare_key", replaced_by_id="id", expires_at="%(now)s")
    ),
    "an API key that is replaced by another merchant's": breach(
        _SAME_OWNER, update("apikey", "spare_key", replaced_by_id="%(other_key)s", expires_at="%(now)s")
    ),
    "an API key for tests that is replaced by one for live mode": breach(
        _SAME_OWNER, update("apikey", "spare_key", replaced_by_id="%(live_key)s", expires_at="%(now)s")
    ),
}

BREACHES: Final = (
    RULES
    | frozen("apikey", "rolled_key", FROZEN_KEY, {"merchant_id": (_SAME_OWNER,), "mode": (_SAME_OWNER,)})
    | set_once("apikey", "rolled_key", KEY_SET_ONCE, {})
)
