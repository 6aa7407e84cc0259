"""`nox -s branch_rules -- github owner/name`: set up the forge's rules; `--dry-run` only says what it would change."""

import argparse
import os
import sys
from pathlib import Path

from pipeline.branch_rules import github, gitlab
from pipeline.branch_rules.forge import Forge, Refused

BRANCHES = ("main", "develop")


def default_owners(text: str) -> tuple[str, ...]:
    """Return who owns everything by the text of CODEOWNERS, without the `@`."""
    for line in reversed(text.splitlines()):
        pattern, *owners = line.partition("#")[0].split() or [""]
        if pattern == "*":
            return tuple(owner.removeprefix("@") for owner in owners)
    return ()


def connect(name: str, *, dry_run: bool) -> Forge:
    """Return the forge, at the address and with the token that its own CI and programs name in the environment."""
    if name == "github":
        token, variable = os.environ.get("GITHUB_TOKEN"), "GITHUB_TOKEN"
        url = os.environ.get("GITHUB_API_URL", "https://api.github.com")
        headers = {"Accept": "application/vnd.github+json", "Authorization": f"Bearer {token}"}
    else:
        token, variable = os.environ.get("GITLAB_TOKEN"), "GITLAB_TOKEN"
        url = os.environ.get("CI_API_V4_URL", "https://gitlab.com/api/v4")
        headers = {"PRIVATE-TOKEN": str(token)}
    if not token:
        raise Refused(f"{variable} is not set: it takes a token that may administer the repository")
    return Forge(url, headers, dry_run=dry_run)


def main() -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(prog="nox -s branch_rules --", description="Set up the rules of a forge.")
    parser.add_argument("forge", choices=("github", "gitlab"))
    parser.add_argument("repository", help="owner/name")
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    arguments = parser.parse_args()
    owners = default_owners(Path("CODEOWNERS").read_text(encoding="utf-8"))
    if not owners:
        parser.error("CODEOWNERS has no line `* @owner`, which says who approves a deployment to production")
    try:
        forge = connect(arguments.forge, dry_run=arguments.dry_run)
        rules = github if arguments.forge == "github" else gitlab
        rules.apply(forge, arguments.repository, branches=BRANCHES, owners=owners)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    print(f"{forge.changes} changes" if forge.changes else "nothing to change")
    return 0


if __name__ == "__main__":
    sys.exit(main())
