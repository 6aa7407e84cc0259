"""The gate `docs`, what breaks it, and that the page about the gates knows all of them."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

import noxfile  # noqa: F401  # pylint: disable=unused-import  # It fills the catalogue.
from pipeline.catalogue import GATES, STAGES, Gate
from pipeline.links import anchors, broken
from tests.pipeline.trees import ROOT, Tree

PARTS = ("docs", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
PAGE = "docs/pipeline.md"
IN_ORDER = [gate for stage in STAGES for gate in GATES.values() if gate.stage == stage]
# What is planted into a page of docs/, and what is said of it.
BROKEN = {
    "file": ("[x](nowhere.md)", "nowhere.md: there is no such file"),
    "folder above": ("[x](../../outside.md)", "leads out of the repository"),
    "absolute": ("[x](/docs/payments.md)", "is no relative path"),
    "reference": ("[x][1]\n\n[1]: nowhere.md", "nowhere.md: there is no such file"),
    "anchor": ("[x](payments.md#nothing)", "payments.md has no such anchor on GitHub"),
    "own anchor": ("[x](#nothing)", "page.md has no such anchor on GitLab"),
    "anchor of one forge": ("## This & that\n\n[x](#this--that)", "page.md has no such anchor on GitLab"),
    "image": ("![x](images/nothing.png)", "images/nothing.png: there is no such file"),
    "image in HTML": ('<img alt="x" src="images/nothing.png">', "images/nothing.png: there is no such file"),
}
WHOLE = (
    "# One\n\n## `Two` words\n\n## One\n\n[a](#one-1) [b](#two-words) [c](https://example.com/x) `[d](nowhere.md)`\n"
)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Return where a page may stand, beside one with a heading."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "payments.md").write_text("# Payments\n", encoding="utf-8")
    return tmp_path / "docs" / "page.md"


@pytest.mark.parametrize("name", BROKEN)
def test_a_link_to_nothing_is_found_with_its_line(page: Path, tmp_path: Path, name: str) -> None:
    text, reason = BROKEN[name]
    page.write_text(f"# Page\n\n{text}\n", encoding="utf-8")

    found = list(broken(page, tmp_path))

    assert [line for line in found if line.startswith("docs/page.md:") and reason in line]


def test_what_leads_somewhere_is_not_told(page: Path, tmp_path: Path) -> None:
    page.write_text(WHOLE, encoding="utf-8")

    assert not list(broken(page, tmp_path))
    assert anchors(page)["GitHub"] == {"one", "two-words", "one-1"}


@pytest.mark.timeout(600)
def test_the_project_passes_and_fails_with_a_broken_link(copy_of: Callable[..., Tree]) -> None:
    tree = copy_of(*PARTS)
    before, said = tree.run("docs")
    tree.replace("docs/stripe.md", "(payments.md)", "(payment.md)")

    after, output = tree.run("docs")

    assert before == 0, said
    assert (tree.folder / "reports/docs/README.html").exists()
    assert after == 1
    assert "payment.md: there is no such file" in output


@pytest.mark.timeout(600)
def test_a_page_in_no_table_of_contents_fails(copy_of: Callable[..., Tree]) -> None:
    tree = copy_of(*PARTS)
    tree.plant("docs/forgotten.md", "# Forgotten\n")

    status, output = tree.run("docs")

    assert status == 1
    assert "forgotten.md" in output
    assert "isn't included in any toctree" in output


class Site(BaseHTTPRequestHandler):
    """Another site, on which there is one page."""

    def do_HEAD(self) -> None:  # pylint: disable=invalid-name
        """Answer as to GET, which Sphinx asks if need be."""
        self.send_response(200 if self.path == "/here" else 404)
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, format: str, *args: object) -> None:  # pylint: disable=redefined-builtin
        """Stay silent."""


@pytest.fixture
def site() -> Iterator[str]:
    """The address of such a site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.timeout(600)
def test_a_page_that_another_site_does_not_have_fails_if_that_is_asked(copy_of: Callable[..., Tree], site: str) -> None:
    tree = copy_of()
    tree.plant("README.md", f"# Links\n\n[a]({site}/here) [b](http://127.0.0.1:8000/docs)\n")
    there, said = tree.run("docs", "--external", no_proxy="*")
    tree.plant("README.md", f"# Links\n\n[a]({site}/here) [b]({site}/gone)\n")

    gone, output = tree.run("docs", "--external", no_proxy="*")

    assert there == 0, said
    assert gone == 1
    assert f"{site}/gone" in output


def test_the_table_of_gates_is_the_catalogue() -> None:
    lines = (ROOT / PAGE).read_text(encoding="utf-8").partition("## The gates\n")[2].partition("\n## ")[0].splitlines()

    rows = [line for line in lines if line.startswith("| ") and not line.startswith(("| stage", "| ---"))]

    assert rows == [f"| {gate.stage} | `{gate.name}` | {gate.description} |" for gate in IN_ORDER]


def test_every_gate_has_a_paragraph_for_when_it_fails() -> None:
    section = (ROOT / PAGE).read_text(encoding="utf-8").partition("## When a gate fails\n")[2].partition("\n## ")[0]

    told = {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in section.split("\n### ")[1:]}

    assert list(told) == [gate.name for gate in IN_ORDER]
    assert all(told.values())


@pytest.mark.parametrize("gate", IN_ORDER, ids=lambda gate: gate.name)
def test_every_gate_is_run_by_a_test_that_breaks_something(gate: Gate) -> None:
    tests = [path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "pipeline").glob("test_*.py")]

    assert any(f'"{name}"' in text and ".run(" in text for text in tests for name in (gate.name, gate.sessions[0]))
