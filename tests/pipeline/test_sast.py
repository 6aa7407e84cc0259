"""The gate `sast`: it fails for what bandit finds and what it cannot read; exceptions name a check and a reason."""

import json
import re
import subprocess
from collections.abc import Callable

import pytest

from tests.pipeline.trees import ROOT, Tree

pytestmark = pytest.mark.timeout(600)

EVALUATED = 'def answer(request):\n    return eval(request.GET["formula"])\n'
# What is planted where, and what is said of it. The parts are looked at apart, and make one report.
PLANTED = {
    "payments/api/evaluated.py": (EVALUATED, ":2: B307 "),
    "payments/broken.py": ("def broken(:\n", ": not read: "),
    "payments/started.py": ("import subprocess\n\n\ndef run(what):\n    subprocess.run(what)\n", ":5: B603 "),
    "tests/started.py": ("import os\n\n\ndef run(what):\n    os.system(what)\n", ":5: B605 "),
    # A part that nobody has allowed anything.
    "new_part/password.py": ('PASSWORD = "correct horse"\n', ":1: B105 "),
}
NOSEC = re.compile(r"#\s*nosec\b.*")
# A check or several, and then a sentence.
WITH_A_REASON = re.compile(r"# nosec B\d{3}(, B\d{3})*  # [A-Z].+\.")


def results(tree: Tree) -> list[tuple[str, str]]:
    """Return the rules and paths of the SARIF report, which has one run."""
    (run,) = json.loads((tree.folder / "reports" / "sast.sarif").read_text(encoding="utf-8"))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    return [
        (result["ruleId"], result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        for result in run["results"]
    ]


def test_the_copy_passes_until_something_is_planted(copy_of: Callable[..., Tree]) -> None:
    tree = copy_of(".gitignore", "payments/signing.py", "tests/pipeline/trees.py")
    # What git ignores is nobody's business.
    tree.plant(".local/planted.py", EVALUATED)

    clean, _ = tree.run("sast")
    found_in_the_clean_copy = results(tree)
    for path, (text, _) in PLANTED.items():
        tree.plant(path, text)
    status, said = tree.run("sast")

    assert (clean, found_in_the_clean_copy) == (0, [])
    assert status == 1
    assert [path for path, (_, found) in PLANTED.items() if path + found not in said] == []
    assert {path for _, path in results(tree)} == PLANTED.keys() - {"payments/broken.py"}


def test_every_exception_in_the_code_names_its_check_and_its_reason() -> None:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True)
    paths = [path for path in listed.stdout.splitlines() if path != "tests/pipeline/test_sast.py"]

    comments = [
        (path, found.group()) for path in paths for found in NOSEC.finditer((ROOT / path).read_text(encoding="utf-8"))
    ]

    assert comments
    assert [each for each in comments if not WITH_A_REASON.fullmatch(each[1])] == []
