"""The forges' files as they are committed, and the judgment over them."""

from copy import deepcopy
from typing import Any

import yaml

import noxfile  # noqa: F401  # pylint: disable=unused-import  # It fills the catalogue.
from tests.pipeline.parity import github, gitlab
from tests.pipeline.parity.form import Drift, catalogue, differences
from tests.pipeline.trees import ROOT

PATHS = {"ci": ".github/workflows/ci.yml", "nightly": ".github/workflows/nightly.yml", "gitlab": ".gitlab-ci.yml"}
COMMITTED = {
    name: yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    for name, path in PATHS.items()
    if (ROOT / path).exists()
}


def committed() -> dict[str, Any]:
    """Return the files, parsed, to be changed at will."""
    return deepcopy(COMMITTED)


def check(files: dict[str, Any]) -> None:
    """Raise Drift unless both forges run what the catalogue says, and so the same."""
    wanted = catalogue()
    lines = [f"GitHub: {line}" for line in differences(github.read(files["ci"], files.get("nightly")), wanted)]
    lines += [f"GitLab: {line}" for line in differences(gitlab.read(files["gitlab"]), wanted)]
    if lines:
        raise Drift("\n".join(lines))
