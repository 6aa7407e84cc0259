"""The forges' rules, set up on a forge that listens on loopback."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.branch_rules.__main__ import default_owners
from pipeline.branch_rules.github import ruleset
from tests.pipeline.recording_forge import RecordingForge, running_forge
from tests.pipeline.trees import ROOT

TOKEN = "token-of-the-tests"
REPOSITORY = "/repos/shop/payments"
PROJECT = "/projects/shop%2Fpayments"


@pytest.fixture
def github() -> Iterator[RecordingForge]:
    with running_forge() as forge:
        forge.pages = {
            f"{REPOSITORY}/rulesets": [],
            "/orgs/payment-platform/teams/maintainers": {"id": 11},
        }
        yield forge


@pytest.fixture
def gitlab() -> Iterator[RecordingForge]:
    with running_forge() as forge:
        forge.pages = {
            PROJECT: {"merge_method": "merge", "only_allow_merge_if_pipeline_succeeds": False},
            f"{PROJECT}/approvals": {"reset_approvals_on_push": True},
            # What GitLab gives each new project.
            f"{PROJECT}/protected_branches/main": {
                "allow_force_push": False,
                "code_owner_approval_required": False,
                "push_access_levels": [{"id": 1, "access_level": 40, "user_id": None, "group_id": None}],
                "merge_access_levels": [{"id": 2, "access_level": 40, "user_id": None, "group_id": None}],
            },
            "/groups/payment-platform%2Fmaintainers": {"id": 22},
        }
        yield forge


def apply(name: str, forge: RecordingForge, *options: str, token: str = TOKEN) -> tuple[int, list[str], str]:
    """Run the program as people do; return its exit code and the lines of its two outputs."""
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.branch_rules", name, "shop/payments", *options],
        cwd=ROOT,
        env={
            "GITHUB_API_URL": forge.url,
            "CI_API_V4_URL": forge.url,
            **{variable: token for variable in ("GITHUB_TOKEN", "GITLAB_TOKEN") if token},
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout.splitlines(), ended.stderr


def as_github_shows_it() -> dict[str, Any]:
    """Return GitHub's pages once all is as it should be, in its own order and with what it adds."""
    rules = ruleset(("main", "develop"))
    return {
        f"{REPOSITORY}/rulesets": [{"id": 7, "name": rules["name"]}],
        f"{REPOSITORY}/rulesets/7": rules | {"id": 7, "rules": rules["rules"][::-1], "source": "shop/payments"},
        f"{REPOSITORY}/environments/staging": {
            "protection_rules": [{"id": 1, "type": "branch_policy"}],
            "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
        },
        f"{REPOSITORY}/environments/production": {
            "protection_rules": [
                {"id": 2, "type": "branch_policy"},
                {
                    "id": 3,
                    "type": "required_reviewers",
                    "prevent_self_review": True,
                    "reviewers": [{"type": "Team", "reviewer": {"id": 11, "slug": "maintainers"}}],
                },
            ],
            "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
        },
        f"{REPOSITORY}/environments/staging/deployment-branch-policies": {
            "branch_policies": [{"id": 5, "name": "develop"}, {"id": 4, "name": "main"}]
        },
        f"{REPOSITORY}/environments/production/deployment-branch-policies": {
            "branch_policies": [{"id": 6, "name": "main"}]
        },
        "/orgs/payment-platform/teams/maintainers": {"id": 11},
    }


def as_gitlab_shows_it() -> dict[str, Any]:
    """Return GitLab's pages once all is as it should be."""
    nobody: dict[str, Any] = {"user_id": None, "group_id": None}
    branch = {
        "allow_force_push": False,
        "code_owner_approval_required": True,
        "push_access_levels": [{"id": 1, "access_level": 0, **nobody}],
        "merge_access_levels": [{"id": 2, "access_level": 30, **nobody}],
    }
    return {
        PROJECT: {
            "merge_method": "ff",
            "only_allow_merge_if_pipeline_succeeds": True,
            "allow_merge_on_skipped_pipeline": False,
            "only_allow_merge_if_all_discussions_are_resolved": True,
            "remove_source_branch_after_merge": True,
        },
        f"{PROJECT}/approvals": {
            "reset_approvals_on_push": True,
            "merge_requests_author_approval": False,
            "merge_requests_disable_committers_approval": True,
        },
        f"{PROJECT}/protected_branches/main": branch,
        f"{PROJECT}/protected_branches/develop": branch,
        f"{PROJECT}/protected_environments/staging": {
            "deploy_access_levels": [{"id": 3, "access_level": 30, **nobody}],
            "approval_rules": [],
        },
        f"{PROJECT}/protected_environments/production": {
            "deploy_access_levels": [{"id": 4, "access_level": 40, **nobody}],
            "approval_rules": [{"id": 5, "access_level": None, "group_id": 22, "required_approvals": 1}],
        },
        "/groups/payment-platform%2Fmaintainers": {"id": 22},
    }


def test_github_protects_main_and_develop(github: RecordingForge) -> None:
    code, _, errors = apply("github", github)

    assert (code, errors) == (0, "")
    method, rules = github.change_of(f"{REPOSITORY}/rulesets")
    assert (method, rules["enforcement"], rules["bypass_actors"]) == ("POST", "active", [])
    assert rules["conditions"]["ref_name"]["include"] == ["refs/heads/main", "refs/heads/develop"]
    parameters = {rule["type"]: rule.get("parameters") for rule in rules["rules"]}
    assert {"deletion", "non_fast_forward", "required_linear_history"} < parameters.keys()
    assert parameters["required_status_checks"]["required_status_checks"] == [{"context": "ci"}]
    assert parameters["pull_request"]["require_code_owner_review"] is True
    assert "merge" not in parameters["pull_request"]["allowed_merge_methods"]
    assert github.tokens == {f"Bearer {TOKEN}"}


def test_github_lets_code_owners_approve_production_alone(github: RecordingForge) -> None:
    apply("github", github)

    _, production = github.change_of(f"{REPOSITORY}/environments/production")
    _, staging = github.change_of(f"{REPOSITORY}/environments/staging")
    assert production["reviewers"] == [{"type": "Team", "id": 11}]
    assert production["prevent_self_review"] is True
    assert staging["reviewers"] == []
    _, deployable = github.change_of(f"{REPOSITORY}/environments/production/deployment-branch-policies")
    assert deployable["name"] == "main"


def test_github_takes_away_what_somebody_added(github: RecordingForge) -> None:
    github.pages = as_github_shows_it()
    github.pages[f"{REPOSITORY}/environments/production/deployment-branch-policies"]["branch_policies"].append(
        {"id": 9, "name": "feature/*"}
    )
    github.pages[f"{REPOSITORY}/rulesets/7"]["bypass_actors"] = [{"actor_id": 5}]

    apply("github", github)

    assert [(method, path) for method, path, _ in github.changes] == [
        ("PUT", f"{REPOSITORY}/rulesets/7"),
        ("DELETE", f"{REPOSITORY}/environments/production/deployment-branch-policies/9"),
    ]


def test_gitlab_protects_main_and_develop(gitlab: RecordingForge) -> None:
    code, _, errors = apply("gitlab", gitlab)

    assert (code, errors) == (0, "")
    assert gitlab.change_of(f"{PROJECT}/protected_branches/main") == (
        "PATCH",
        {
            "allow_force_push": False,
            "code_owner_approval_required": True,
            "allowed_to_push": [{"id": 1, "_destroy": True}, {"access_level": 0}],
            "allowed_to_merge": [{"id": 2, "_destroy": True}, {"access_level": 30}],
        },
    )
    assert gitlab.change_of(f"{PROJECT}/protected_branches") == (
        "POST",
        {
            "name": "develop",
            "allow_force_push": False,
            "code_owner_approval_required": True,
            "allowed_to_push": [{"access_level": 0}],
            "allowed_to_merge": [{"access_level": 30}],
        },
    )
    method, settings = gitlab.change_of(PROJECT)
    assert (method, settings["merge_method"]) == ("PUT", "ff")
    assert settings["only_allow_merge_if_pipeline_succeeds"] is True
    assert settings["allow_merge_on_skipped_pipeline"] is False
    assert gitlab.tokens == {TOKEN}


def test_gitlab_lets_code_owners_approve_production_alone(gitlab: RecordingForge) -> None:
    apply("gitlab", gitlab)

    path = f"{PROJECT}/protected_environments"
    environments = {body["name"]: body for _, changed, body in gitlab.changes if changed == path}
    assert environments["production"]["approval_rules"] == [{"group_id": 22, "required_approvals": 1}]
    assert environments["staging"]["approval_rules"] == []


def test_gitlab_takes_away_a_user_who_may_push(gitlab: RecordingForge) -> None:
    gitlab.pages = as_gitlab_shows_it()
    # GitLab shows the level that such a user would have; here it is the wanted one.
    levels = gitlab.pages[f"{PROJECT}/protected_branches/main"]["merge_access_levels"]
    levels.append({"id": 8, "access_level": 30, "user_id": 5, "group_id": None})

    apply("gitlab", gitlab)

    _, body = gitlab.change_of(f"{PROJECT}/protected_branches/main")
    assert body["allowed_to_merge"] == [{"id": 8, "_destroy": True}]


@pytest.mark.parametrize("name", ["github", "gitlab"])
def test_dry_run_prints_what_the_run_then_does(name: str, request: pytest.FixtureRequest) -> None:
    forge: RecordingForge = request.getfixturevalue(name)

    code, plan, _ = apply(name, forge, "--dry-run")
    assert (code, forge.changes) == (0, [])
    _, done, _ = apply(name, forge)

    assert done[:-1] == [line.replace("would change:", "changed:") for line in plan[:-1]]
    assert len(forge.changes) == len(done) - 1 > 4


@pytest.mark.parametrize(
    ("name", "pages"), [("github", as_github_shows_it()), ("gitlab", as_gitlab_shows_it())], ids=["github", "gitlab"]
)
def test_second_run_changes_nothing(name: str, pages: dict[str, Any], request: pytest.FixtureRequest) -> None:
    forge: RecordingForge = request.getfixturevalue(name)
    forge.pages = pages

    assert apply(name, forge) == (0, ["nothing to change"], "")
    assert not forge.changes


@pytest.mark.parametrize("name", ["github", "gitlab"])
def test_refusal_is_reported_in_one_line(name: str, request: pytest.FixtureRequest) -> None:
    forge: RecordingForge = request.getfixturevalue(name)
    forge.refusal = (403, "Resource not accessible by personal access token")

    code, _, errors = apply(name, forge)

    assert code == 1
    assert errors.count("\n") == 1
    assert "403 Forbidden" in errors and "not accessible by personal access token" in errors
    assert TOKEN not in errors


def test_forge_out_of_reach_is_reported_in_one_line(github: RecordingForge) -> None:
    github.shutdown()
    github.server_close()

    code, _, errors = apply("github", github)

    assert code == 1
    assert errors.count("\n") == 1
    assert "no answer, ConnectionError" in errors


def test_missing_token_is_asked_for(gitlab: RecordingForge) -> None:
    code, _, errors = apply("gitlab", gitlab, token="")

    assert (code, errors.count("\n")) == (1, 1)
    assert "GITLAB_TOKEN is not set" in errors


def test_owner_whom_gitlab_does_not_know_is_named(gitlab: RecordingForge) -> None:
    del gitlab.pages["/groups/payment-platform%2Fmaintainers"]
    gitlab.pages["/users"] = []

    code, _, errors = apply("gitlab", gitlab)

    assert code == 1
    assert "@payment-platform/maintainers, which is neither a group nor a user" in errors


def test_last_line_for_everything_names_the_owners() -> None:
    text = "# by the forges\n* @one\n* @shop/payments @two # both\n/docs @three\n"

    assert default_owners(text) == ("shop/payments", "two")
    assert default_owners((ROOT / "CODEOWNERS").read_text(encoding="utf-8"))
