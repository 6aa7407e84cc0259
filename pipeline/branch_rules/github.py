"""The rules on GitHub: a ruleset over the branches, and the two environments with who may deploy to them."""

from typing import Any

from pipeline.branch_rules.forge import Forge, holds

RULESET = "main and develop"
# The fan-in: the one job that stands for all others.
CHECK = "ci"
# Which branches may be deployed where.
ENVIRONMENTS = {"staging": ("main", "develop"), "production": ("main",)}


def ruleset(branches: tuple[str, ...]) -> dict[str, Any]:
    """Return what holds for the branches: a reviewed request, the check, a straight history, for everybody."""
    return {
        "name": RULESET,
        "target": "branch",
        "enforcement": "active",
        "bypass_actors": [],
        "conditions": {"ref_name": {"include": [f"refs/heads/{branch}" for branch in branches], "exclude": []}},
        "rules": [
            {"type": "deletion"},
            {"type": "non_fast_forward"},
            {"type": "required_linear_history"},
            {
                "type": "pull_request",
                "parameters": {
                    "required_approving_review_count": 1,
                    "require_code_owner_review": True,
                    "require_last_push_approval": True,
                    "dismiss_stale_reviews_on_push": True,
                    "required_review_thread_resolution": True,
                    "allowed_merge_methods": ["squash", "rebase"],
                },
            },
            {
                "type": "required_status_checks",
                "parameters": {
                    "strict_required_status_checks_policy": True,
                    "required_status_checks": [{"context": CHECK}],
                },
            },
        ],
    }


def apply(forge: Forge, repository: str, *, branches: tuple[str, ...], owners: tuple[str, ...]) -> None:
    """Make the repository's rules what they should be."""
    root = f"repos/{repository}"
    _apply_ruleset(forge, f"{root}/rulesets", ruleset(branches))
    for name, deployable in ENVIRONMENTS.items():
        reviewers = [_reviewer(forge, owner) for owner in owners] if name == "production" else []
        _apply_environment(forge, f"{root}/environments/{name}", name, reviewers)
        _apply_deployable(forge, f"{root}/environments/{name}/deployment-branch-policies", name, deployable)


def _apply_ruleset(forge: Forge, path: str, wanted: dict[str, Any]) -> None:
    named = [one for one in forge.get(path, includes_parents="false", per_page=100) if one["name"] == RULESET]
    if not named:
        forge.change(f"ruleset {RULESET!r}", "POST", path, wanted)
    # The list leaves out what the rules are.
    elif not holds(forge.get(f"{path}/{named[0]['id']}"), wanted):
        forge.change(f"ruleset {RULESET!r}", "PUT", f"{path}/{named[0]['id']}", wanted)


def _apply_environment(forge: Forge, path: str, name: str, reviewers: list[dict[str, Any]]) -> None:
    # Not "protected branches": GitHub means those of its older kind of protection, and with none allows every branch.
    policy = {"protected_branches": False, "custom_branch_policies": True}
    protection = [
        {
            "type": "required_reviewers",
            "prevent_self_review": True,
            "reviewers": [{"type": one["type"], "reviewer": {"id": one["id"]}} for one in reviewers],
        }
    ]
    found = forge.find(path)
    if found is not None and holds(found.get("deployment_branch_policy"), policy):
        rules = [rule for rule in found["protection_rules"] if rule["type"] == "required_reviewers"]
        if holds(rules, protection if reviewers else []):
            return
    body = {"reviewers": reviewers, "prevent_self_review": bool(reviewers), "deployment_branch_policy": policy}
    forge.change(f"environment {name}", "PUT", path, body)


def _apply_deployable(forge: Forge, path: str, name: str, deployable: tuple[str, ...]) -> None:
    # In a dry run the environment may not be there yet.
    found = (forge.find(path, per_page=100) or {"branch_policies": []})["branch_policies"]
    for branch in deployable:
        if branch not in [policy["name"] for policy in found]:
            forge.change(f"{name} takes {branch}", "POST", path, {"name": branch, "type": "branch"})
    for policy in found:
        if policy["name"] not in deployable:
            forge.change(f"{name} no longer takes {policy['name']}", "DELETE", f"{path}/{policy['id']}")


def _reviewer(forge: Forge, owner: str) -> dict[str, Any]:
    organization, _, team = owner.partition("/")
    if team:
        return {"type": "Team", "id": forge.get(f"orgs/{organization}/teams/{team}")["id"]}
    return {"type": "User", "id": forge.get(f"users/{owner}")["id"]}
