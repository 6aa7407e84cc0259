"""The gate `pipeline`, and the generator of both forges' files."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from pipeline.catalogue import Gate
from pipeline.generate import CannotGenerate, gitlab_reports, pinned_action, render
from tests.pipeline.trees import Tree

pytestmark = pytest.mark.timeout(600)

GITHUB = ".github/workflows/ci.yml"
NIGHTLY = ".github/workflows/nightly.yml"
GITLAB = ".gitlab-ci.yml"
NEW_GATE = '''

@gate(
    stage="package",
    services=("postgres",),
    artifacts=("reports/spelling.txt", "reports/spelling-junit.xml"),
    sarif=True,
    history=True,
    nightly=True,
)
def spelling(session: nox.Session) -> None:
    """Words that no dictionary knows."""
'''
# In what the files are made from, because a change of the files themselves is stale before it is anything else.
DEFECTS = [
    pytest.param(
        "actions/action.yml",
        "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
        "actions/checkout@v7",
        "unpinned-uses",
        id="unpinned-action",
    ),
    pytest.param(
        "templates/github.j2",
        "run: [[ command ]]",
        "run: echo ${{ github.head_ref }}",
        "template-injection",
        id="script-injection",
    ),
    pytest.param(
        "templates/github.j2",
        "SESSION: ${{ matrix.session }}",
        "SESSION: ${{ matrix.sesion }}",
        'property "sesion" is not defined in object type',
        id="misspelled-property",
    ),
    pytest.param(
        "templates/github.j2",
        "persist-credentials: false",
        "persist-credentials:  false",
        "too many spaces",
        id="yamllint",
    ),
    pytest.param(
        "templates/gitlab-ci.yml.j2",
        "  timeout: ",
        "  time_out: ",
        ".gitlab-ci.yml::$.lint: Additional properties are not allowed",
        id="not-gitlabs-schema",
    ),
]


@pytest.fixture
def tree(copy_of: Callable[..., Tree]) -> Tree:
    """Return a copy of what the gate reads."""
    return copy_of(".github", GITLAB, ".yamllint.yaml")


def gate(name: str, **differences: Any) -> Gate:
    """Return a gate of the quality stage, but for the differences."""
    fields: dict[str, Any] = {
        "description": "A gate.",
        "stage": "quality",
        "needs": (),
        "pythons": ("3.11",),
        "services": (),
        "timeout_minutes": 10,
        "artifacts": (),
        "sarif": False,
        "history": False,
        "nightly": False,
        "read_only": True,
    }
    return Gate(name=name, **(fields | differences))


def files(*gates: Gate) -> dict[str, Any]:
    """Return what is in the generated files, by path; without those that say nothing."""
    # BaseLoader makes nothing but text, lists and mappings; it leaves `on` what it is.
    return {
        path.as_posix(): yaml.load(text, yaml.BaseLoader)  # nosec B506  # It makes no objects.
        for path, text in render(gates).items()
        if text
    }


def test_the_project_as_it_is_passes(tree: Tree) -> None:
    code, output = tree.run("pipeline")
    assert code == 0, output
    assert (tree.folder / "reports/pipeline.sarif").exists()


def test_a_new_gate_makes_the_files_stale_until_they_are_written(tree: Tree) -> None:
    noxfile = (tree.folder / "noxfile.py").read_text(encoding="utf-8")
    tree.plant("noxfile.py", noxfile + NEW_GATE)

    code, output = tree.run("pipeline")
    assert code != 0
    assert f"+++ {GITHUB} as it should be" in output and f"+++ {GITLAB} as it should be" in output
    assert "+          - session: spelling" in output and "+spelling:" in output
    assert "nox -s pipeline -- --fix" in output

    code, output = tree.run("pipeline", "--fix")
    assert code == 0, output
    code, output = tree.run("pipeline")
    assert code == 0, output
    for path in (GITHUB, NIGHTLY, GITLAB):
        assert "spelling" in (tree.folder / path).read_text(encoding="utf-8"), path


def test_a_file_changed_by_hand_is_stale(tree: Tree) -> None:
    tree.replace(GITHUB, "fail-fast: false", "fail-fast: true")
    code, output = tree.run("pipeline")
    assert code != 0
    assert "-      fail-fast: true\n+      fail-fast: false" in output


@pytest.mark.parametrize(("source", "sound", "defect", "message"), DEFECTS)
def test_a_defect_is_refused(tree: Tree, source: str, sound: str, defect: str, message: str) -> None:
    tree.replace(f"pipeline/{source}", sound, defect)
    code, output = tree.run("pipeline", "--fix")
    assert code != 0
    assert message in output


def test_each_job_runs_the_same_command() -> None:
    generated = files(gate("lint"), gate("unit", stage="test", pythons=("3.11", "3.12")), gate("scan", nightly=True))
    jobs = [
        job for path in (GITHUB, NIGHTLY) for job in generated[path]["jobs"].values() if "matrix.session" in job["name"]
    ]
    commands = {step["run"] for job in jobs for step in job["steps"] if step["name"] == "Run the gate"}
    assert commands == set(generated[GITLAB][".gate"]["script"])
    assert len(jobs) == 3 and len(commands) == 1


def test_a_stage_waits_for_the_one_before_that_has_gates() -> None:
    jobs = files(gate("sbom", stage="package"), gate("lint"))[GITHUB]["jobs"]
    assert list(jobs) == ["quality", "package", "ci"]
    assert jobs["package"]["needs"] == ["quality"]
    assert jobs["ci"]["needs"] == ["quality", "package"]


def test_findings_are_entered_by_a_job_that_may_do_nothing_else() -> None:
    jobs = files(gate("lint"), gate("sast", sarif=True, artifacts=("reports/sast.sarif",)))[GITHUB]["jobs"]
    assert jobs["sarif"]["permissions"] == {"security-events": "write"}
    assert jobs["sarif"]["strategy"]["matrix"] == {"session": ["sast"]}
    assert "sarif" in jobs["ci"]["needs"]


def test_only_gates_of_the_night_run_at_night() -> None:
    generated = files(gate("lint"), gate("audit", nightly=True))
    assert [entry["session"] for entry in generated[NIGHTLY]["jobs"]["nightly"]["strategy"]["matrix"]["include"]] == [
        "audit"
    ]
    assert generated[GITLAB]["audit"]["extends"] == [".gate", ".nightly"]
    assert generated[GITLAB]["lint"]["extends"] == [".gate"]


def test_without_gates_of_the_night_there_is_no_nightly_workflow() -> None:
    assert NIGHTLY not in files(gate("lint"))


def test_an_action_without_a_pin_is_refused() -> None:
    with pytest.raises(CannotGenerate, match="action.yml does not pin actions/nowhere"):
        pinned_action("actions/nowhere")


def test_chores_are_no_jobs() -> None:
    assert "serve" not in "".join(render((gate("lint"), gate("serve", stage=None))).values())


@pytest.mark.parametrize("name", ["image", "services", "quality", "ci"])
def test_a_name_that_a_forge_keeps_for_itself_is_refused(name: str) -> None:
    with pytest.raises(CannotGenerate, match=f"the gate {name} has a name"):
        render((gate(name),))


@pytest.mark.parametrize("needed", ["lint", "nowhere"])
def test_a_need_of_the_same_stage_or_of_no_gate_is_refused(needed: str) -> None:
    with pytest.raises(CannotGenerate, match=f"the gate type needs {needed}"):
        render((gate("lint"), gate("type", needs=(needed,))))


def test_a_need_of_an_earlier_stage_is_met_by_the_order_of_stages() -> None:
    render((gate("lint"), gate("sbom", stage="package", needs=("lint",))))


def test_gitlab_shows_the_reports_that_a_gate_has() -> None:
    several = gate("unit", pythons=("3.11", "3.12"), artifacts=("reports/unit-*.xml",))
    assert gitlab_reports(several) == {
        "junit": "reports/unit-*-junit.xml",
        "coverage_report": "reports/unit-*-coverage.xml",
    }
    assert gitlab_reports(gate("sbom", artifacts=("reports/sbom.*.json",))) == {"cyclonedx": "reports/sbom.cdx.json"}
    assert gitlab_reports(gate("sast", sarif=True)) == {"codequality": "reports/sast-code-quality.json"}
    assert not gitlab_reports(gate("lint"))
