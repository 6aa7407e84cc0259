"""How Sphinx makes a site of README.md and the pages it leads to; they stay plain Markdown, as the forges show them."""

import re

from sphinx.application import Sphinx

# Settings go by Sphinx's names.
# pylint: disable=invalid-name

project = "Payment platform"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = project
html_show_copyright = False
root_doc = "README"
include_patterns = ["*.md", "docs/*.md"]
# Folders that Sphinx need not search for pages.
exclude_patterns = [".*", "reports"]
# Anchors of headings as deep as any page has them, spelled as the forges do.
myst_heading_anchors = 4
nitpicky = True
# What README says of the running platform is nowhere else.
linkcheck_ignore = [r"^http://127\.0\.0\.1:8000(/|$)"]
linkcheck_timeout = 20
linkcheck_retries = 2

PAGE_LINK = re.compile(r"\]\(([\w/]+)\.md\)")


def add_contents(app: Sphinx, page: str, source: list[str]) -> None:
    """Make the links of README the table of contents; Sphinx warns of a page that is in none."""
    if page == root_doc:
        pages = "\n".join(dict.fromkeys(PAGE_LINK.findall(source[0])))
        source[0] += f"\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"


def setup(app: Sphinx) -> None:
    """Have it added whenever a page is read."""
    app.connect("source-read", add_contents)
