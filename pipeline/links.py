"""Links, anchors and images of the Markdown pages, looked at as GitHub and GitLab show them."""

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

PAGES = ("*.md", "docs/*.md")
HTML_LINK = re.compile(r"<(?:a|img)\b[^>]*?\b(?:href|src)=[\"']([^\"']+)", re.IGNORECASE)
HTML_ANCHOR = re.compile(r"<\w+\b[^>]*?\b(?:id|name)=[\"']([^\"']+)", re.IGNORECASE)
NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


def main(arguments: Sequence[str]) -> int:
    """Check all pages of the folder in which it is run; return the exit status."""
    argparse.ArgumentParser(prog="python -m pipeline.links", description=__doc__).parse_args(arguments)
    root = Path.cwd()
    findings = [finding for pattern in PAGES for page in sorted(root.glob(pattern)) for finding in broken(page, root)]
    for finding in findings:
        print(finding, file=sys.stderr)
    return 1 if findings else 0


def broken(page: Path, root: Path) -> Iterator[str]:
    """Yield the links of a page that lead to nothing."""
    for line, target in links(page):
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        where = f"{page.relative_to(root)}:{line}: {target}"
        path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        if parts.path.startswith("/") or not path.is_relative_to(root):
            yield f"{where}: leads out of the repository, or is no relative path"
        elif not path.exists():
            yield f"{where}: there is no such file"
        elif parts.fragment and path.suffix == ".md":
            for forge, known in anchors(path).items():
                if unquote(parts.fragment) not in known:
                    yield f"{where}: {path.name} has no such anchor on {forge}"


def links(page: Path) -> Iterator[tuple[int, str]]:
    """Yield every link and image of a page, with the line at which its paragraph begins."""
    line = 1
    for token in _tokens(page):
        line = token.map[0] + 1 if token.map else line
        if token.type in {"link_open", "image"}:
            yield line, str(token.attrs.get("href") or token.attrs.get("src"))
        elif token.type in {"html_block", "html_inline"}:
            yield from ((line, target) for target in HTML_LINK.findall(token.content))


def _github(heading: str) -> str:
    return NOT_IN_ANCHORS.sub("", heading.lower()).replace(" ", "-")


def _gitlab(heading: str) -> str:
    return re.sub("-+", "-", _github(heading))


FORGES: dict[str, Callable[[str], str]] = {"GitHub": _github, "GitLab": _gitlab}


@cache
def anchors(page: Path) -> dict[str, set[str]]:
    """Return the anchors of a page, as each forge names them: headings of one text are numbered."""
    tokens = list(_tokens(page))
    inlines = [after for token, after in zip(tokens, tokens[1:], strict=False) if token.type == "heading_open"]
    headings = [
        "".join(part.content for part in inline.children or () if part.type in {"text", "code_inline"})
        for inline in inlines
    ]
    given = {name for token in tokens if token.type.startswith("html_") for name in HTML_ANCHOR.findall(token.content)}
    found = {}
    for forge, spell in FORGES.items():
        spelled = [spell(heading) for heading in headings]
        numbers = [spelled[:index].count(each) for index, each in enumerate(spelled)]
        numbered = zip(spelled, numbers, strict=True)
        found[forge] = given | {f"{each}-{number}" if number else each for each, number in numbered}
    return found


def _tokens(page: Path) -> Iterator[Token]:
    """Yield the page's tokens, an inline token before what it holds."""
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(page.read_text(encoding="utf-8")):
        yield token
        yield from token.children or ()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
