"""The gate `api_fuzz`: a server that breaks, or does what its document does not say, is found out."""

from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from tests.pipeline.trees import Tree

# A request or two for each of four operations that only read; nothing has to exist for them.
OPERATIONS = ("get_balance", "list_events", "list_discrepancies", "list_payouts")
OPTIONS = (
    *("--max-examples", "2", "--phases", "fuzzing", "--mode", "positive"),
    *(argument for operation in OPERATIONS for argument in ("--include-operation-id", operation)),
)


def failures(tree: Tree) -> dict[str, str]:
    """Return what the gate's report says is wrong, by operation; nothing for one that is right."""
    cases = ElementTree.parse(tree.folder / "reports" / "api_fuzz-junit.xml").iter("testcase")
    return {
        case.attrib["name"]: "".join(
            failure.attrib.get("message", "") + (failure.text or "") for failure in case.iter("failure")
        )
        for case in cases
    }


@pytest.mark.timeout(600)
def test_only_the_operations_that_are_broken_are_found_out(copy_of: Callable[..., Tree]) -> None:
    tree = copy_of("payments", "platform_site", "manage.py", "tests/__init__.py", "tests/fuzz")
    tree.replace("payments/api/balance.py", '"balances": found}', '"balances": "none"}')
    tree.replace("payments/api/events.py", "page, filters = EventQuery.read(request)", 'raise RuntimeError("planted")')
    tree.replace(
        "payments/api/discrepancies.py",
        "        return list_response(found, represent_discrepancy)",
        "        return Response(found and None, status=299)",
    )

    code, said = tree.run("api_fuzz", *OPTIONS)

    assert code == 1, said
    found = failures(tree)
    assert "Server error" in found["GET /v1/events"]
    assert "Undocumented status code" in found["GET /v1/discrepancies"]
    assert "Response violates schema" in found["GET /v1/balance"]
    assert found["GET /v1/payouts"] == "", said
