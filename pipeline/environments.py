"""The environments that gates run in: one for each lock and Python, shared by all gates that have these in common."""

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nox
from uv import find_uv_bin

from pipeline.catalogue import REPORTS, find_python

REQUIREMENTS = Path("requirements")


class Environment:
    """A virtual environment whose packages are those of a lock."""

    def __init__(self, session: nox.Session, lock_name: str) -> None:
        """Make the environment, unless it is there already; skip the session where its Python is not installed.

        In CI (the variable `CI` is set) a Python that is not there fails the session.
        """
        self.session = session
        version = session.name.partition("-")[2] or ".".join(map(str, sys.version_info[:2]))
        self.python = find_python(version)
        if self.python is None:
            refuse = session.error if "CI" in os.environ else session.skip
            refuse(f"there is no Python {version} on this machine")
        self.folder = Path(session.env_dir).parent.resolve() / f"{lock_name}-{version}"
        self.bin = self.folder / ("Scripts" if os.name == "nt" else "bin")
        self._make(REQUIREMENTS / f"{lock_name}.txt")

    def _make(self, lock_file: Path) -> None:
        wanted = hashlib.sha256(lock_file.read_bytes()).hexdigest()
        stamp = self.folder / "lock.sha256"
        with one_at_a_time(self.folder):
            if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
                return
            if not (self.bin / "python").exists():
                self._uv("venv", "--quiet", "--clear", "--python", str(self.python), str(self.folder))
            self._uv(
                *("pip", "install", "--quiet", "--exact", "--require-hashes", "--compile-bytecode"),
                *("--python", str(self.bin / "python"), "-r", str(lock_file)),
            )
            stamp.write_text(wanted, encoding="ascii")

    def _uv(self, *command: str) -> None:
        self.session.run_install(find_uv_bin(), *command, external=True, env={"UV_PYTHON_DOWNLOADS": "never"})

    def run(self, *command: str, **options: Any) -> Any:
        """Run a program of the environment; `options` are those of `nox.Session.run`."""
        env = {"VIRTUAL_ENV": str(self.folder), "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"}
        env |= options.pop("env", {})
        program, *arguments = command
        return self.session.run(str(self.bin / program), *arguments, external=True, env=env, **options)

    def report(self, name: str) -> str:
        """Return the path for a report: `unit-3.12-junit.xml` if that is the session's name."""
        REPORTS.mkdir(exist_ok=True)
        return str(REPORTS / f"{self.session.name}{name}")


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Let one process at a time make what is in the folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(f".{folder.name}.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
