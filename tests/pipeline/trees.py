"""A copy of the project, or of a part of it, to plant a defect in and to run a gate on."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.postgres import PLACEHOLDER_URL

ROOT = Path(__file__).resolve().parents[2]
# Without these nox knows no gate.
ALWAYS = ("noxfile.py", "pipeline", "pyproject.toml", "requirements")


class Tree:
    """A folder with the named parts of the project, under git, with one commit."""

    def __init__(self, folder: Path, *parts: str) -> None:
        """Copy the parts, files or folders, to `folder`."""
        self.folder = folder
        for part in {*ALWAYS, *parts}:
            target = folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / part).is_dir():
                left_over = shutil.ignore_patterns("__pycache__", "*.pyc")
                shutil.copytree(ROOT / part, target, ignore=left_over, dirs_exist_ok=True)
            else:
                shutil.copy2(ROOT / part, target)
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("The project as it is")

    def plant(self, path: str, text: str) -> Path:
        """Write a file of the copy, and return its path."""
        planted = self.folder / path
        planted.parent.mkdir(parents=True, exist_ok=True)
        planted.write_text(text, encoding="utf-8")
        return planted

    def replace(self, path: str, old: str, new: str) -> None:
        """Change a file of the copy where it says `old`, which it does."""
        text = (self.folder / path).read_text(encoding="utf-8")
        assert old in text, f"{path} does not say {old!r}"
        self.plant(path, text.replace(old, new))

    def git(self, *arguments: str) -> str:
        """Run git in the copy, and return what it says."""
        who = ("-c", "user.name=Tests", "-c", "user.email=tests@example.com", "-c", "commit.gpgsign=false")
        command = ["git", *who, *arguments]
        return subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True).stdout

    def commit(self, message: str) -> None:
        """Commit all that is there."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def run(self, gate: str, *arguments: str, **variables: str) -> tuple[int, str]:
        """Run a gate on the copy, in the project's own environments; return its exit code and what it said."""
        return self.nox(["-s", gate, "--", *arguments], variables)

    def nox(
        self, arguments: Sequence[str], variables: Mapping[str, str], *, environments: Path = ROOT / ".nox"
    ) -> tuple[int, str]:
        """Run nox on the copy, with the environments in that folder; return its exit code and what it said."""
        ended = subprocess.run(
            [sys.executable, "-m", "nox", "--envdir", str(environments), *arguments],
            cwd=self.folder,
            env={**inherited_environment(), "NO_COLOR": "1", **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stdout


def inherited_environment() -> dict[str, str]:
    """Return the variables for a gate: a process of its own, with no part in a test's coverage or settings."""
    foreign = ("AUDIT_", "COVERAGE_", "COV_", "PYTEST_", "DJANGO_", "PAYMENTS_", "NOX_")
    return {
        name: value for name, value in os.environ.items() if not name.startswith(foreign) and value != PLACEHOLDER_URL
    }
