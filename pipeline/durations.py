"""How long the gates of the quality stage take: `python -m pipeline.durations [--cold]` prints a table for the docs.

Each runs once unmeasured, which makes its environment and fills its caches, and once measured; then all together, as
`nox -t quality -j auto` does. With --cold each is measured in a copy of what git has, too, which has no caches.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import noxfile  # noqa: F401  # pylint: disable=unused-import  # It fills the catalogue.
from pipeline.catalogue import GATES

STAGE = "quality"
TOGETHER = ("-t", STAGE, "-j", "auto")
ENVIRONMENTS = Path(".nox").resolve()


class GateFailed(Exception):
    """A gate did not pass, so that its duration says nothing."""


def seconds_of(*options: str, project: Path) -> float:
    """Run nox in that folder with the environments of this one; return how long it took.

    Raises GateFailed.
    """
    # In CI gates remember nothing.
    inherited = {name: value for name, value in os.environ.items() if name != "CI"}
    command = [sys.executable, "-m", "nox", "--envdir", str(ENVIRONMENTS), *options]
    began = time.monotonic()
    ended = subprocess.run(
        command, cwd=project, env=inherited, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if ended.returncode:
        raise GateFailed(f"{ended.stdout}\n`nox {' '.join(options)}` failed: repair that first")
    return time.monotonic() - began


@contextmanager
def copied(project: Path) -> Iterator[Path]:
    """Yield a clone of the project with what is not committed yet, and without anything that git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=project,
        check=True,
        capture_output=True,
        text=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "project")
        subprocess.run(["git", "clone", "--quiet", str(project), str(clone)], check=True)
        for name in listed.stdout.rstrip("\0").split("\0"):
            if (project / name).is_file():
                (clone / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(project / name, clone / name)
        yield clone


def measure(gates: Sequence[str], *, cold: bool) -> Iterator[str]:
    """Yield the table line by line.

    Raises GateFailed.
    """
    here = Path.cwd()
    yield f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; seconds."
    yield ""
    yield "| gate | cold | warm |" if cold else "| gate | warm |"
    yield "| --- | ---: | ---: |" if cold else "| --- | ---: |"
    rows: list[tuple[str, tuple[str, ...]]] = [(f"`{gate}`", ("-s", gate)) for gate in gates]
    if set(gates) == {gate.name for gate in GATES.values() if gate.stage == STAGE}:
        rows.append((f"all: `nox {' '.join(TOGETHER)}`", TOGETHER))
    for title, options in rows:
        # Makes the environment, which is shared, and fills the caches.
        seconds_of(*options, project=here)
        figures = []
        if cold:
            with copied(here) as clone:
                figures.append(seconds_of(*options, project=clone))
        figures.append(seconds_of(*options, project=here))
        yield f"| {title} | {' | '.join(f'{figure:.1f}' for figure in figures)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return the exit status."""
    quality = [gate.name for gate in GATES.values() if gate.stage == STAGE]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "gates", nargs="*", metavar="GATE", default=quality, help="all of the quality stage, if none is named"
    )
    parser.add_argument("--cold", action="store_true", help="measure without caches as well")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.gates) - GATES.keys())
    if unknown:
        parser.error(f"no such gate: {', '.join(unknown)}; `nox --list` shows them")
    try:
        for line in measure(options.gates, cold=options.cold):
            print(line, flush=True)
    except GateFailed as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
