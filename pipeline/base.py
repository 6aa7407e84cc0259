"""What a change is compared with: the commit at which it left the base branch."""

import subprocess
from pathlib import Path

# The first that there is.
BASE_BRANCHES = ("origin/main", "main")


def base_commit() -> str | None:
    """Return the last commit that this one has in common with the base branch; None if there is no base branch.

    On the base branch itself, with nothing changed since, that is the commit before: what was merged is looked at
    once more.
    """
    branch = next((name for name in BASE_BRANCHES if commit_of(name)), None)
    if branch is None:
        return None
    common = git("merge-base", "HEAD", branch)
    changed = git("diff", "--quiet", "HEAD") is None
    return commit_of("HEAD~1") if common == commit_of("HEAD") and not changed else common


def commit_of(revision: str) -> str | None:
    """Return the commit that a name stands for; None if it stands for none."""
    return git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")


def file_at(commit: str, path: Path) -> str | None:
    """Return what the file said at the commit; None if it was not there."""
    return git("show", f"{commit}:./{path.as_posix()}")


def git(*arguments: str) -> str | None:
    """Return what git says; None if it fails."""
    ended = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return ended.stdout.strip() if ended.returncode == 0 else None
