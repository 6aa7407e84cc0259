"""The gate `secrets`: what is in the tree, what only the history has, what is staged; exceptions that are needed."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from payments.lifecycles import Mode
from payments.signing import new_api_key, new_webhook_secret
from tests.pipeline.trees import Tree

pytestmark = pytest.mark.timeout(600)

# Not in one piece, or the gate would find it here.
KEY_LINES = [base64.b64encode(hashlib.sha384(b"%d" % number).digest()).decode() for number in range(12)]
PRIVATE_KEY = "\n".join(["-----BEGIN " + "PRIVATE KEY-----", *KEY_LINES, "-----END " + "PRIVATE KEY-----", ""])
EXCEPTIONS = "pipeline/secrets.toml"


@pytest.fixture
def tree(copy_of: Callable[..., Tree]) -> Tree:
    """Return a copy without secrets and without exceptions."""
    copy = copy_of(".gitignore")
    copy.plant(EXCEPTIONS, "")
    copy.commit("No exceptions")
    return copy


def rules_and_paths(tree: Tree) -> list[tuple[str, str]]:
    """Return what the SARIF report says."""
    (run,) = json.loads((tree.folder / "reports" / "secrets.sarif").read_text(encoding="utf-8"))["runs"]
    return [
        (result["ruleId"], result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        for result in run["results"]
    ]


def exception_for(said: str, reason: str) -> str:
    """Return the exception for the one finding that the gate has printed."""
    (fingerprint,) = re.findall(r"fingerprint ([0-9a-f]{16})\)", said)
    return f'[[exception]]\nfingerprint = "{fingerprint}"\nreason = "{reason}"\n'


def test_a_private_key_is_found_and_not_shown(tree: Tree) -> None:
    clean = tree.run("secrets")
    tree.plant("tests/keys/server.pem", PRIVATE_KEY)
    status, said = tree.run("secrets")

    assert clean[0] == 0, clean[1]
    assert status == 1
    assert "tests/keys/server.pem:2: Asymmetric Private Key (private-key, fingerprint " in said
    assert "not committed" in said
    assert rules_and_paths(tree) == [("private-key", "tests/keys/server.pem")]
    written = said + (tree.folder / "reports" / "secrets.sarif").read_text(encoding="utf-8")
    assert [line for line in KEY_LINES if line in written] == []


def test_a_key_that_was_taken_out_is_found_in_the_commit_that_brought_it(tree: Tree) -> None:
    tree.plant("deploy/server.pem", PRIVATE_KEY)
    tree.commit("A key, by mistake")
    commit = tree.git("rev-parse", "HEAD").strip()
    tree.git("rm", "--quiet", "deploy/server.pem")
    tree.commit("It was never there")

    # The second run knows what the first has looked at, and has to find it again.
    for status, said in (tree.run("secrets"), tree.run("secrets")):
        assert status == 1
        assert "deploy/server.pem:2: Asymmetric Private Key (private-key, " in said
        assert f"only in the history, since commit {commit[:12]}" in said


def test_a_key_that_only_a_merge_has_brought_is_found(tree: Tree) -> None:
    tree.git("switch", "--quiet", "--create", "feature")
    tree.plant("docs/feature.md", "A feature.\n")
    tree.commit("A feature")
    tree.git("switch", "--quiet", "main")
    tree.git("merge", "--quiet", "--no-ff", "--no-commit", "feature")
    tree.plant("docs/feature.md", PRIVATE_KEY)
    tree.commit("Merge")
    tree.plant("docs/feature.md", "A feature.\n")
    tree.commit("Without the key")

    status, said = tree.run("secrets")

    assert status == 1
    assert f"only in the history, since commit {tree.git('rev-parse', 'HEAD~1')[:12]}" in said


def test_our_own_keys_are_known_wherever_they_stand(tree: Tree) -> None:
    live, test, webhook = new_api_key(Mode.LIVE), new_api_key(Mode.TEST), new_webhook_secret()
    encryption_key = base64.urlsafe_b64encode(hashlib.sha256(b"1").digest()).decode()
    tree.plant("docs/example.md", f"Send `Authorization: Bearer {live}`.\n")
    tree.plant("tests/test_vendor.py", f'call("{test}")\n')
    tree.plant("perf/dump.bin", f"\0\1\2binary\0{webhook}\0")
    tree.plant("docs/cloud.md", "AKIA" + "IOSFODNN7" + "EXAMPLE\n")
    tree.plant("compose.yaml", f"PAYMENTS_ENCRYPTION_KEYS: {encryption_key}\n")

    status, said = tree.run("secrets")

    assert status == 1
    assert rules_and_paths(tree) == [
        ("assigned-secret", "compose.yaml"),
        ("aws-access-key-id", "docs/cloud.md"),
        ("payments-api-key", "docs/example.md"),
        ("webhook-secret", "perf/dump.bin"),
        ("payments-api-key", "tests/test_vendor.py"),
    ]
    assert [secret for secret in (live, test, webhook, encryption_key) if secret in said] == []


def test_an_exception_is_for_one_value_and_only_while_it_is_there(tree: Tree) -> None:
    tree.plant("docs/example.md", f"Key: {new_api_key(Mode.TEST)}\n")
    _, said = tree.run("secrets")
    exception = exception_for(said, "Made up for this test.")

    tree.plant(EXCEPTIONS, exception)
    excepted, _ = tree.run("secrets")
    tree.plant("docs/example.md", f"Key: {new_api_key(Mode.TEST)}\n")
    another, said_of_another = tree.run("secrets")
    tree.plant("docs/example.md", "Key: sk_test_…\n")
    stale, said_of_stale = tree.run("secrets")

    assert (excepted, another, stale) == (0, 1, 1)
    assert "docs/example.md:1: API key of this platform or of Stripe" in said_of_another
    assert "nothing has the fingerprint " in said_of_stale
    assert "docs/example.md" not in said_of_stale


def test_an_exception_without_a_reason_is_none(tree: Tree) -> None:
    tree.plant(EXCEPTIONS, '[[exception]]\nfingerprint = "0123456789abcdef"\nreason = ""\n')

    status, said = tree.run("secrets")

    assert status == 1
    assert f"{EXCEPTIONS}: exception 1 needs a fingerprint and a reason" in said


def test_what_is_staged_counts_and_not_what_is_on_the_disk(tree: Tree) -> None:
    tree.plant("docs/staged.md", PRIVATE_KEY)
    tree.git("add", "docs/staged.md")
    tree.plant("docs/staged.md", "Cleaned up too late.\n")
    tree.plant("docs/unstaged.md", PRIVATE_KEY)

    status, said = tree.run("secrets", "--staged")
    tree.git("add", "docs/staged.md")
    afterwards, _ = tree.run("secrets", "--staged")

    assert (status, afterwards) == (1, 0)
    assert rules_and_paths(tree) == []
    assert "docs/staged.md:2: " in said
    assert "docs/unstaged.md" not in said


def test_a_part_of_the_history_is_not_enough(tree: Tree, tmp_path: Path) -> None:
    tree.git("clone", "--quiet", "--depth=1", f"file://{tree.folder}", str(tmp_path / "shallow"))
    tree.folder = tmp_path / "shallow"

    status, said = tree.run("secrets")

    assert status == 1
    assert "there is only a part of the history: fetch the rest with `git fetch --unshallow`" in said
