"""The rules that PostgreSQL holds of accounts, routing rules and circuit breakers, each with SQL that breaks it."""

from typing import Final

from tests.books import copy_of
from tests.models.breaches import breach, delete, frozen, update


def _rule(**changes: str) -> str:
    """Return an UPDATE of columns of the routing rule."""
    return update("routingrule", "routing_rule", **changes)


ACCOUNTS: Final = {
    "a deleted account": breach(
        "processoraccount.never_deleted", delete("processoraccount", "account_without_breaker")
    ),
    "a second account of a merchant at one processor": breach(
        "processoraccount.processor_account_once", copy_of("ProcessorAccount", "processor_account")
    ),
    "an account in a third mode": breach(
        "processoraccount.processor_account_mode_known",
        copy_of("ProcessorAccount", "processor_account", mode="'demo'"),
    ),
}
FROZEN_ACCOUNT: Final = {
    "id": "%(new)s",
    "merchant_id": "%(merchant)s",
    "mode": "'live'",
    "connector": "'other'",
    "created_at": "created_at - interval '1d'",
}

_CONNECTORS: Final = {
    "no connector": ("one_to_three_connectors", "'{}'"),
    "four connectors": ("one_to_three_connectors", "'{a,b,c,d}'"),
    "a connector that is null": ("connectors_have_names", "'{a,NULL}'"),
    "a connector without a name": ("connectors_have_names", "'{a,\"\"}'"),
    "its first connector again as the second": ("connectors_once", "'{a,a}'"),
    "its first connector again as the third": ("connectors_once", "'{a,b,a}'"),
    "its second connector again": ("connectors_once", "'{a,b,b}'"),
}
RULES: Final = {
    "two rules in one position": breach(
        "routingrule.routing_rule_position_once", copy_of("RoutingRule", "routing_rule")
    ),
    "a rule in a third mode": breach("routingrule.routing_rule_mode_known", _rule(mode="'demo'")),
    "a rule for nothing of a hundred": breach(
        "routingrule.routing_rule_percentage_of_a_hundred", _rule(percentage="0")
    ),
    "a rule for more than a hundred of a hundred": breach(
        "routingrule.routing_rule_percentage_of_a_hundred", _rule(percentage="101")
    ),
    "a rule for a currency in lower case": breach("routingrule.routing_rule_currency", _rule(currency="'eur'")),
    "a rule for an amount of no currency": breach(
        "routingrule.routing_rule_amounts_have_currency", _rule(currency="NULL", amount_from="1")
    ),
    "a rule up to an amount of no currency": breach(
        "routingrule.routing_rule_amounts_have_currency", _rule(currency="NULL", amount_to="1")
    ),
    "a rule from nothing": breach("routingrule.routing_rule_amounts_in_order", _rule(amount_from="0")),
    "a rule up to nothing": breach("routingrule.routing_rule_amounts_in_order", _rule(amount_to="0")),
    "a rule from more than it goes up to": breach(
        "routingrule.routing_rule_amounts_in_order", _rule(amount_from="2", amount_to="1")
    ),
    "a rule for an empty beginning": breach(
        "routingrule.routing_rule_prefix_not_empty", _rule(payment_method_prefix="''")
    ),
    "a rule that sends real money to the sandbox": breach(
        "routingrule.routing_rule_live_money_is_real", _rule(mode="'live'", connectors="'{a,sandbox}'")
    ),
} | {
    f"a rule with {name}": breach(f"routingrule.routing_rule_{rule}", _rule(connectors=value))
    for name, (rule, value) in _CONNECTORS.items()
}

BREAKERS: Final = {
    "a second breaker of an account": breach(
        "circuitbreaker.payments_circuitbreaker_account_id_key", copy_of("CircuitBreaker", "breaker")
    ),
    "a breaker born open": breach(
        "circuitbreaker.lifecycle",
        copy_of(
            "CircuitBreaker",
            "breaker",
            account_id="%(account_without_breaker)s",
            status="'open'",
            retry_at="%(now)s",
        ),
    ),
    "an open breaker that is never tried": breach(
        "circuitbreaker.circuit_breaker_retried_at_a_time", update("circuitbreaker", "breaker", status="'open'")
    ),
    "a closed breaker that is to be tried": breach(
        "circuitbreaker.circuit_breaker_retried_at_a_time", update("circuitbreaker", "breaker", retry_at="%(now)s")
    ),
    "failures since no time": breach(
        "circuitbreaker.circuit_breaker_failing_since_a_time", update("circuitbreaker", "breaker", failures="1")
    ),
    "no failures since a time": breach(
        "circuitbreaker.circuit_breaker_failing_since_a_time",
        update("circuitbreaker", "breaker", failing_since="%(now)s"),
    ),
}
FROZEN_BREAKER: Final = {"id": "id + 1000000", "account_id": "%(account_without_breaker)s"}

BREACHES: Final = (
    ACCOUNTS
    | RULES
    | BREAKERS
    | frozen("processoraccount", "account_without_breaker", FROZEN_ACCOUNT, {})
    | frozen("circuitbreaker", "breaker", FROZEN_BREAKER, {})
)
