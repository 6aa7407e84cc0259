"""flake8 and pylint on what changed since they were last content: `python -m pipeline.lint_changed PATH …`.

`nox -s lint` runs it on a developer's machine; CI and `nox -s lint -- --all` run both programs on everything.

A file is checked again when its own content changes, for pylint also when that of a module does which it imports,
directly or indirectly; and all are when a lock, the configuration, Python or this program changes. Import cycles need
no more: who is in a new one depends on the file that closes it. Duplicate code is looked for in all files, each time.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from grimp.exceptions import SourceSyntaxError

from pipeline.duplicates import suspects
from pipeline.source_graph import SourceGraph
from pipeline.verdicts import Verdicts

MEMORY = Path(".nox/lint_changed")
# Everything that decides on the verdict about any file.
BASIS = (
    *("requirements/lint.txt", "pyproject.toml", ".flake8"),
    *(f"pipeline/{name}.py" for name in ("duplicates", "lint_changed", "source_graph", "verdicts")),
)
# Bits of pylint's exit status: it could not check a file, or was called wrongly.
BROKE_OFF = 1 | 32
# Below this one process is done before several have started Django.
PARALLEL_FROM_FILES = 24


class ChangedFiles:
    """The three checks, each on the files that it does not know to be good."""

    def __init__(self, paths: Sequence[str], *, pylint_settings: dict[str, Any], verdicts: Verdicts) -> None:
        """Read the files at and below the paths."""
        main = pylint_settings["main"]
        self.graph = SourceGraph(paths, django_settings=main["django-settings-module"])
        ignored = [re.compile(pattern) for pattern in main["ignore-paths"]]
        self.pylint_files = [file for file in self.graph.hashes if not any(one.match(file) for one in ignored)]
        self.similarities = pylint_settings["similarities"]
        self.verdicts = verdicts

    def flake8(self) -> bool:
        """Check with flake8, which looks at one file at a time; tell whether all is well."""
        keys = {file: self.verdicts.key("flake8", self.graph.state([file])) for file in self.graph.hashes}
        changed = self._not_passed("flake8", keys)
        if not changed:
            return True
        ended = run("flake8", *changed, stdout=subprocess.PIPE)
        print(ended.stdout, end="")
        if ended.returncode and not ended.stdout:
            # It did not get as far as looking.
            return False
        bad = {line.partition(":")[0] for line in ended.stdout.splitlines()}
        self._remember(keys[file] for file in changed if file not in bad)
        return ended.returncode == 0

    def pylint(self) -> bool:
        """Check with pylint all but duplicate code; tell whether all is well."""
        keys = {
            file: self.verdicts.key("pylint", self.graph.state(self.graph.dependencies(file)))
            for file in self.pylint_files
        }
        changed = self._not_passed("pylint", keys)
        if not changed:
            return True
        jobs = () if len(changed) >= PARALLEL_FROM_FILES else ("--jobs=1",)
        status, messages = run_pylint("--disable=duplicate-code", *jobs, *changed)
        # It names one file of a cycle only, which says that the others are not good either.
        if not status & BROKE_OFF and "cyclic-import" not in {message["symbol"] for message in messages}:
            bad = {message["path"] for message in messages}
            self._remember(keys[file] for file in changed if file not in bad)
        return status == 0

    def duplicates(self) -> bool:
        """Have pylint compare the files that may have duplicate code; tell whether all is well."""
        contents = {file: self.graph.contents[file] for file in self.pylint_files}
        alike = sorted(suspects(contents, MEMORY / "windows.json", settings=self.similarities))
        key = self.verdicts.key("duplicates", self.graph.state(alike))
        if not alike or self.verdicts.passed(key):
            return True
        status, _ = run_pylint("--disable=all", "--enable=duplicate-code", "--jobs=1", *alike)
        if status == 0:
            self.verdicts.remember(key)
        return status == 0

    def _not_passed(self, check: str, keys: dict[str, str]) -> list[str]:
        changed = [file for file, key in keys.items() if not self.verdicts.passed(key)]
        print(f"{check}: {len(changed)} of {len(keys)} files to check", flush=True)
        return changed

    def _remember(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.verdicts.remember(key)


def run(program: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program of this environment."""
    return subprocess.run([sys.executable, "-m", program, *arguments], check=False, text=True, **options)


def run_pylint(*arguments: str) -> tuple[int, list[dict[str, str]]]:
    """Run pylint, which prints what it finds; return its exit status and its messages."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "messages.json")
        status = run("pylint", f"--output-format=text,json2:{report}", *arguments).returncode
        messages: list[dict[str, str]] = json.loads(report.read_text("utf-8"))["messages"] if report.exists() else []
    return status, messages


def main(arguments: Sequence[str] | None = None) -> int:
    """Check what changed; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a package's folder, or a script")
    paths = parser.parse_args(arguments).paths
    verdicts = Verdicts(MEMORY / "passed.json", sys.version, *(Path(file).read_text("utf-8") for file in BASIS))
    settings = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["tool"]["pylint"]
    try:
        changed = ChangedFiles(paths, pylint_settings=settings, verdicts=verdicts)
    except SourceSyntaxError as error:
        print(error)
        return 1
    # All three run: who repairs wants to know everything.
    good = [check() for check in (changed.flake8, changed.pylint, changed.duplicates)]
    # What was edited meanwhile was not checked as it was read.
    if changed.graph.is_current():
        verdicts.save()
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
