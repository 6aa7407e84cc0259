"""The gate `sbom`: two valid documents about the same components, with licenses and hashes, the same each time."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.trees import Tree

LOCK = "requirements/production.txt"
CYCLONEDX = "sbom.cdx.json"
SPDX = "sbom.spdx.json"

# A gate's environments may have to be made first.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Return a copy of the project whose bill of materials is written, in 2023."""
    tree = Tree(tmp_path_factory.mktemp("sbom") / "project", ".gitignore")
    code, output = tree.run("sbom", SOURCE_DATE_EPOCH="1700000000", PYTHONHASHSEED="1")
    assert code == 0, output
    return tree


@pytest.fixture
def documents(written: Tree, tmp_path: Path) -> Path:
    """Return a folder with both documents, to plant in."""
    return Path(shutil.copytree(written.folder / "reports", tmp_path / "documents"))


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def change(path: Path, plant: Callable[[dict[str, Any]], object]) -> None:
    """Change a document."""
    document = read(path)
    plant(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def component(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in document["components"] if each["name"] == name)
    return found


def test_documents_are_about_our_product_and_what_it_installs(written: Tree) -> None:
    cyclonedx, spdx = (read(written.folder / "reports" / name) for name in (CYCLONEDX, SPDX))

    root = cyclonedx["metadata"]["component"]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert (root["name"], root["version"]) == ("payment-platform", "0.1.0")
    assert {"name": "payment-platform:platform", "value": f"CPython {python} on Linux"} in cyclonedx["metadata"][
        "properties"
    ]
    assert len(spdx["packages"]) == len(cyclonedx["components"]) + 1
    assert cyclonedx["specVersion"] == "1.7" and spdx["spdxVersion"] == "SPDX-2.3"
    assert component(cyclonedx, "iso4217")["licenses"] == [
        {"acknowledgement": "concluded", "expression": "LicenseRef-Public-Domain"}
    ]
    needs = {edge["ref"]: edge["dependsOn"] for edge in cyclonedx["dependencies"]}
    assert component(cyclonedx, "django")["purl"] in needs[root["purl"]]


def test_another_day_changes_the_timestamp_only_and_the_difference_is_told(written: Tree, tmp_path: Path) -> None:
    before = shutil.copytree(written.folder / "reports", tmp_path / "before")
    head = written.git("rev-parse", "HEAD").strip()
    text = (written.folder / LOCK).read_text(encoding="utf-8")
    idna = next(line for line in text.splitlines() if line.startswith("idna=="))
    older = text.replace(idna, "idna==3.10 \\").replace("whitenoise==", "blacknoise==")
    written.plant(LOCK, older)
    written.commit("An older lock")
    base = written.git("rev-parse", "HEAD").strip()
    written.git("reset", "--quiet", "--hard", head)

    code, output = written.run("sbom", "--diff", base, SOURCE_DATE_EPOCH="1800000000", PYTHONHASHSEED="2")

    assert code == 0, output
    for name, one, other in (
        (CYCLONEDX, '"2023-11-14T22:13:20+00:00"', '"2027-01-15T08:00:00+00:00"'),
        (SPDX, '"2023-11-14T22:13:20Z"', '"2027-01-15T08:00:00Z"'),
    ):
        first, second = ((folder / name).read_text(encoding="utf-8") for folder in (before, written.folder / "reports"))
        assert first.count(one) == 1 and first.replace(one, other) == second
    lines = [line.split(maxsplit=2) for line in output.splitlines()]
    assert f"Components since {base}: 1 added, 1 removed, 1 changed," in output
    assert ["added", "whitenoise"] in [line[:2] for line in lines] and output.count("  MIT\n") == 1
    removed = next(line for line in lines if line[:2] == ["removed", "blacknoise"])
    assert removed[2].endswith("unknown here")
    changed = next(line for line in lines if line[:2] == ["changed", "idna"])
    assert changed[2].startswith("3.10 -> ") and changed[2].endswith("unknown here -> BSD-3-Clause")


def test_lock_with_a_package_more_than_the_environment_fails(written: Tree) -> None:
    lock = (written.folder / LOCK).read_text(encoding="utf-8")
    planted = written.plant("planted.txt", f"{lock}left-pad==1.3.0 --hash=sha256:{'0' * 64}\n")

    code, output = written.run("sbom", "--lock", str(planted))

    assert code and "failed with exit code 1" in output, output
    assert "pkg:pypi/left-pad@1.3.0 is in the lock and not in the environment" in output


def test_packages_for_other_platforms_are_not_components(written: Tree) -> None:
    lock = (written.folder / LOCK).read_text(encoding="utf-8")
    pins = f"--hash=sha256:{'0' * 64}\n"
    others = f"colorama==0.4.6 ; sys_platform == 'win32' {pins}django==1.0 ; platform_system == 'Linux' {pins}"
    planted = written.plant("planted.txt", lock + others)

    code, output = written.run("sbom", "--lock", str(planted))

    assert code and "colorama" not in output, output
    assert "pkg:pypi/django@1.0 is in the lock and not in the environment" in output


def test_locked_package_without_hash_fails(written: Tree) -> None:
    lock = (written.folder / LOCK).read_text(encoding="utf-8")
    planted = written.plant("planted.txt", f"{lock}left-pad==1.3.0\n")

    code, output = written.run("sbom", "--lock", str(planted))

    assert code and "failed with exit code 1" in output, output
    assert "left-pad 1.3.0 has no hash in the lock" in output


def test_license_that_nobody_reviewed_fails(copy_of: Callable[..., Tree]) -> None:
    tree = copy_of()
    tree.replace("pipeline/sbom.toml", 'component = "sqlparse"', 'component = "sqlglot"')

    code, output = tree.run("sbom")

    assert code and "failed with exit code 1" in output, output
    assert "its metadata say 'License :: OSI Approved :: BSD License'" in output
    assert "the entry for sqlglot is not needed" in output


def test_components_that_differ_or_lack_something_fail(written: Tree, documents: Path) -> None:
    def plant(document: dict[str, Any]) -> None:
        component(document, "stripe")["externalReferences"][0]["hashes"] = []
        del component(document, "requests")["licenses"]
        document["components"].remove(component(document, "urllib3"))

    change(documents / CYCLONEDX, plant)

    code, output = written.run("sbom", "--verify", str(documents))

    assert code and "failed with exit code 1" in output, output
    problems = [line for line in output.splitlines() if line.startswith("sbom: ")]
    assert len(problems) == 3
    assert any(" has no hash in CycloneDX" in line and "stripe" in line for line in problems)
    assert any(" has no license in CycloneDX" in line and "requests" in line for line in problems)
    assert any(" is in SPDX and not in CycloneDX" in line and "urllib3" in line for line in problems)


def test_invalid_documents_fail(written: Tree, documents: Path) -> None:
    change(documents / CYCLONEDX, lambda document: component(document, "stripe").update(type="sausage"))
    change(documents / SPDX, lambda document: document["packages"][0].update(downloadLocation="somewhere"))

    code, output = written.run("sbom", "--verify", str(documents))

    assert code and "failed with exit code 1" in output, output
    assert "is not valid CycloneDX 1.7" in output and "'sausage' is not one of" in output
    assert "is not valid SPDX" in output and "somewhere" in output


def test_base_that_is_neither_file_nor_revision_is_refused(written: Tree) -> None:
    code, output = written.run("sbom", "--diff", "no-such-branch")

    assert code and "failed with exit code 2" in output, output
    assert "--diff no-such-branch: no such file, and no revision" in output
