"""The files that the forges and their bots read, beside the pipelines: what a schema cannot say about them."""

import json
import re
from typing import Any

import pytest
import yaml

import noxfile  # noqa: F401  # pylint: disable=unused-import  # It fills the catalogue.
from pipeline.catalogue import GATES
from tests.pipeline.trees import ROOT


def hooks() -> list[dict[str, Any]]:
    """Return the hooks of pre-commit."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    [repository] = config["repos"]
    assert repository["repo"] == "local"
    return list(repository["hooks"])


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: hook["id"])
def test_hook_calls_the_gate_of_its_name(hook: dict[str, Any]) -> None:
    assert hook["entry"] == f"nox -s {hook['id']}"
    assert hook["id"] in GATES
    assert hook["pass_filenames"] is False, "nox would take each file for another gate"


def test_dependabot_waits_and_groups_everywhere() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text(encoding="utf-8"))["updates"]

    assert {update["package-ecosystem"] for update in updates} == {"pip", "github-actions", "npm"}
    for update in updates:
        assert update["cooldown"]["default-days"] >= 7
        assert (ROOT / update["directory"].removeprefix("/")).is_dir()
        # A group for "security-updates" would hold one fix back until all are ready.
        assert [group.keys() for group in update["groups"].values()] == [{"patterns"}]


def test_renovate_waits_but_not_with_a_vulnerability() -> None:
    config = json.loads((ROOT / "renovate.json").read_text(encoding="utf-8"))

    assert config["minimumReleaseAge"] == "7 days"
    assert config["vulnerabilityAlerts"] == {"schedule": ["at any time"], "minimumReleaseAge": None, "groupName": None}
    assert config["osvVulnerabilityAlerts"] is True, "on GitLab nothing else tells Renovate of a vulnerability"
    grouped = {manager for rule in config["packageRules"] for manager in rule.get("matchManagers", ())}
    assert grouped == set(config["enabledManagers"])


def test_renovate_finds_the_image_of_the_database() -> None:
    [manager] = json.loads((ROOT / "renovate.json").read_text(encoding="utf-8"))["customManagers"]
    [pattern] = manager["matchStrings"]

    [path] = manager["managerFilePatterns"]
    assert re.search(path.strip("/"), "pipeline/generate.py")
    # JavaScript names groups in another way.
    found = re.search(pattern.replace("(?<", "(?P<"), (ROOT / "pipeline/generate.py").read_text(encoding="utf-8"))
    assert found and found["depName"] == "postgres"


def test_bots_find_every_action_where_it_is_pinned() -> None:
    pins = (ROOT / "pipeline/actions/action.yml").read_text(encoding="utf-8")

    for workflow in (ROOT / ".github/workflows").glob("*.yml"):
        for action in re.findall(r"uses: (\S+)", workflow.read_text(encoding="utf-8")):
            assert action in pins, f"{workflow.name} has another pin of {action}"


def test_both_forges_ask_the_same_of_a_change() -> None:
    github = (ROOT / ".github/PULL_REQUEST_TEMPLATE.md").read_text(encoding="utf-8")
    gitlab = (ROOT / ".gitlab/merge_request_templates/Default.md").read_text(encoding="utf-8")

    assert github == gitlab


@pytest.mark.parametrize("kind", ["bug", "feature"])
def test_both_forges_ask_the_same_of_an_issue(kind: str) -> None:
    form = yaml.safe_load((ROOT / f".github/ISSUE_TEMPLATE/{kind}.yml").read_text(encoding="utf-8"))
    template = (ROOT / f".gitlab/issue_templates/{kind.title()}.md").read_text(encoding="utf-8")

    asked = [field["attributes"]["label"] for field in form["body"] if field["type"] != "markdown"]
    assert [line.removeprefix("## ") for line in template.splitlines() if line.startswith("## ")] == asked
    assert form["labels"] == [template.splitlines()[-1].removeprefix("/label ~")]


def test_codeowners_is_where_both_forges_look() -> None:
    assert (ROOT / "CODEOWNERS").is_file()
    # Each would be read by one forge only, and before that at the root.
    assert not [folder for folder in (".github", ".gitlab", "docs") if (ROOT / folder / "CODEOWNERS").exists()]
