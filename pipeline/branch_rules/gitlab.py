"""The rules on GitLab (Premium, for code owners and guarded environments): branches, merge requests, environments."""

from typing import Any
from urllib.parse import quote

from pipeline.branch_rules.forge import Forge, Refused, holds

NOBODY, DEVELOPERS, MAINTAINERS = 0, 30, 40
# The pipeline is green or red as a whole, so the fan-in needs no name here; a skipped one does not count.
MERGE_SETTINGS = {
    "merge_method": "ff",
    "only_allow_merge_if_pipeline_succeeds": True,
    "allow_merge_on_skipped_pipeline": False,
    "only_allow_merge_if_all_discussions_are_resolved": True,
    "remove_source_branch_after_merge": True,
}
APPROVAL_SETTINGS = {
    "reset_approvals_on_push": True,
    "merge_requests_author_approval": False,
    "merge_requests_disable_committers_approval": True,
}


def apply(forge: Forge, repository: str, *, branches: tuple[str, ...], owners: tuple[str, ...]) -> None:
    """Make the project's rules what they should be."""
    root = f"projects/{quote(repository, safe='')}"
    if not holds(forge.get(root), MERGE_SETTINGS):
        forge.change("settings of merge requests", "PUT", root, MERGE_SETTINGS)
    if not holds(forge.get(f"{root}/approvals"), APPROVAL_SETTINGS):
        forge.change("settings of approvals", "POST", f"{root}/approvals", APPROVAL_SETTINGS)
    for branch in branches:
        _apply_branch(forge, f"{root}/protected_branches", branch)
    approvals = [{**_approver(forge, owner), "required_approvals": 1} for owner in owners]
    _apply_environment(forge, f"{root}/protected_environments", "staging", DEVELOPERS, [])
    _apply_environment(forge, f"{root}/protected_environments", "production", MAINTAINERS, approvals)


def _apply_branch(forge: Forge, path: str, branch: str) -> None:
    flags = {"allow_force_push": False, "code_owner_approval_required": True}
    # The API shows the levels under other names than it takes them.
    levels = {
        "allowed_to_push": ("push_access_levels", [{"access_level": NOBODY}]),
        "allowed_to_merge": ("merge_access_levels", [{"access_level": DEVELOPERS}]),
    }
    found = forge.find(f"{path}/{quote(branch, safe='')}")
    if found is None:
        body = {"name": branch, **flags, **{taken: wanted for taken, (_, wanted) in levels.items()}}
        forge.change(f"branch {branch}", "POST", path, body)
        return
    edits = {taken: _edits(found[shown], wanted) for taken, (shown, wanted) in levels.items()}
    if not holds(found, flags) or any(edits.values()):
        forge.change(f"branch {branch}", "PATCH", f"{path}/{quote(branch, safe='')}", {**flags, **edits})


def _apply_environment(forge: Forge, path: str, name: str, level: int, approvals: list[dict[str, Any]]) -> None:
    wanted = {"deploy_access_levels": [{"access_level": level}], "approval_rules": approvals}
    found = forge.find(f"{path}/{name}")
    if found is None:
        forge.change(f"environment {name}", "POST", path, {"name": name, **wanted})
        return
    edits = {key: _edits(found[key], value) for key, value in wanted.items()}
    if any(edits.values()):
        forge.change(f"environment {name}", "PUT", f"{path}/{name}", edits)


def _edits(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what turns the entries found into the wanted ones, in one request and so never unprotected."""
    superfluous = [{"id": entry["id"], "_destroy": True} for entry in found if _told(entry) not in wanted]
    return superfluous + [entry for entry in wanted if entry not in map(_told, found)]


def _told(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry as one asks for it: GitLab shows a level beside the user, group or key it is about."""
    who = next(name for name in ("user_id", "group_id", "deploy_key_id", "access_level") if entry.get(name) is not None)
    return {name: entry[name] for name in (who, "required_approvals") if name in entry}


def _approver(forge: Forge, owner: str) -> dict[str, int]:
    group = forge.find(f"groups/{quote(owner, safe='')}", with_projects="false")
    if group is not None:
        return {"group_id": group["id"]}
    users = forge.get("users", username=owner)
    if not users:
        raise Refused(f"CODEOWNERS names @{owner}, which is neither a group nor a user of {forge.url}")
    return {"user_id": users[0]["id"]}
