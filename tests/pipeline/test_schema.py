"""The gate `schema`: a stale document and whatever breaks clients fails, unless clients are told."""

import json
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import pytest

from django.test import Client

from pipeline.schema import DOCUMENT, MARKS, Base, invalid, unmarked
from tests.pipeline.trees import ROOT, Tree

pytestmark = pytest.mark.timeout(600)

PARTS = ("payments", "platform_site", "docs/openapi.json")
SCHEMAS = "payments/api/schemas.py"
URLS = "payments/api/urls.py"
METHODS = "[method.value for method in CaptureMethod]"
FEWER = '[method.value for method in CaptureMethod if method != "manual"]'
OPTIONAL = "reason = StrictTextField(required=False, allow_null=True, default=None"
CAPTURED = "    amount_captured = serializers.IntegerField()\n"
# What is planted (file, what it said, what it says), and what the gate calls it.
BREAKING = {
    "removed field": ([(SCHEMAS, CAPTURED, "")], "response Payment.amount_captured: removed"),
    "removed operation": (
        [(URLS, '    path("v1/refunds/<str:refund_id>", refunds.RefundDetail.as_view()),\n', "")],
        "GET /v1/refunds/{refund_id}: removed",
    ),
    "new required field": (
        [("payments/api/refunds.py", OPTIONAL, "reason = StrictTextField(allow_null=True")],
        "request CreateRefundBody.reason: now required",
    ),
    "narrowed choice": (
        [("payments/api/payments.py", METHODS, FEWER), (SCHEMAS, METHODS, FEWER)],
        'request CaptureMethod: takes no "manual" any more',
    ),
}
ADDED = (SCHEMAS, CAPTURED, f"{CAPTURED}    added = serializers.IntegerField()\n")


def mark(change: str) -> str:
    """Return an entry that tells clients of the change."""
    texts = {"change": change, "since": "0.2.0", "reason": "Nobody uses it.", "instead": "Nothing."}
    return "[[breaking]]\n" + "".join(f"{key} = {json.dumps(text)}\n" for key, text in texts.items())


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the gate says of all that breaks clients, at once."""
    tree = Tree(tmp_path_factory.mktemp("refused"), *PARTS)
    tree.git("checkout", "--quiet", "-b", "feature")
    for edits, _ in BREAKING.values():
        for edit in edits:
            tree.replace(*edit)
    tree.plant(str(MARKS), mark("response Payment.amuont_captured: removed"))
    status, output = tree.run("schema")
    assert status == 1
    return output


@pytest.mark.parametrize("name", BREAKING)
def test_a_breaking_change_fails_by_its_name(refused: str, name: str) -> None:
    assert [line for line in refused.splitlines() if "breaks clients since " in line and BREAKING[name][1] in line]


def test_a_stale_document_fails_with_the_difference_and_the_command(refused: str) -> None:
    assert "--- docs/openapi.json" in refused
    assert "docs/openapi.json is stale: write it with `nox -s schema -- --fix`" in refused


def test_a_mark_that_tells_of_no_change_fails(refused: str) -> None:
    assert "nothing has changed so since" in refused
    assert "response Payment.amuont_captured: removed" in refused


def test_what_is_marked_and_what_is_added_passes_once_it_is_written(copy_of: Callable[..., Tree]) -> None:
    tree = copy_of(*PARTS)
    tree.git("checkout", "--quiet", "-b", "feature")
    edits, change = BREAKING["removed operation"]
    for edit in (*edits, ADDED):
        tree.replace(*edit)
    tree.plant(str(MARKS), mark(change))

    status, output = tree.run("schema", "--fix")

    assert status == 0, output
    assert '"added"' in (tree.folder / DOCUMENT).read_text(encoding="utf-8")


def test_the_project_as_it_is_passes(copy_of: Callable[..., Tree]) -> None:
    status, output = copy_of(*PARTS).run("schema", "--base", str(ROOT / DOCUMENT))

    assert status == 0, output


def test_a_mark_of_the_base_excuses_nothing_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = (ROOT / DOCUMENT).read_text(encoding="utf-8")
    broken = json.loads(document)
    del broken["paths"]["/v1/balance"]
    told = mark("GET /v1/balance: removed")

    with chdir(tmp_path):
        (tmp_path / "docs").mkdir()
        MARKS.write_text(told, encoding="utf-8")
        new = list(unmarked(json.dumps(broken), Base("main", document, None)))
        old = list(unmarked(json.dumps(broken), Base("main", document, told)))
        incomplete = list(unmarked(document, Base("main", document, told.replace("Nobody uses it.", ""))))
        first = list(unmarked(document, Base("main", None, None)))

    assert not new
    assert old[0] == "breaks clients since main: GET /v1/balance: removed"
    assert incomplete == ["docs/breaking-changes.toml: nothing has changed so since main: GET /v1/balance: removed"]
    assert not first
    assert "main has no docs/openapi.json: there is nothing to break." in capsys.readouterr().out


def test_a_mark_says_why_and_what_to_do(tmp_path: Path) -> None:
    with chdir(tmp_path):
        (tmp_path / "docs").mkdir()
        MARKS.write_text(mark("x").replace("Nobody uses it.", " "), encoding="utf-8")

        (finding,) = unmarked("{}", Base("main", None, None))

    assert "an entry has no reason" in finding


def test_what_is_no_openapi_document_is_told() -> None:
    (finding,) = invalid('{"openapi": "3.0.3", "info": {}, "paths": {}}')

    assert "is no OpenAPI document: $.info: 'title' is a required property" in finding


def test_the_document_is_the_one_that_is_served(client: Client, db: None) -> None:
    assert client.get("/v1/openapi.json").json() == json.loads((ROOT / DOCUMENT).read_text(encoding="utf-8"))
