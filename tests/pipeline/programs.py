"""A noxfile that runs programs of the gates' environments, for tests that want more of them than a gate does.

`nox -f tests/pipeline/programs.py -s checks -- FOLDER PROGRAM …` makes the environment first, as a gate would.
"""

import nox

from pipeline.environments import Environment
from tests.pipeline.trees import ROOT


@nox.session(venv_backend="none")
def checks(session: nox.Session) -> None:
    """Run a program of the lock `checks` in a folder."""
    folder, *command = session.posargs
    with session.chdir(ROOT):
        environment = Environment(session, "checks")
    with session.chdir(folder):
        environment.run(*command)
