"""What answers hold, for tests to read."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.shop import Shop

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "param", "errors", "request_id"}

# More than any list in these tests has.
PAGES_MAX = 20


def payment_in(response: "_MonkeyPatchedWSGIResponse", *, status: int = 200) -> dict[str, Any]:
    """Return the payment of an answer that went well."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    return dict(response.json())


def problem_in(
    response: "_MonkeyPatchedWSGIResponse", *, status: int, code: str, param: str | None = None
) -> dict[str, Any]:
    """Return the problem document of an answer, once it is complete and what is expected."""
    assert response["Content-Type"] == "application/problem+json", response.content
    document: dict[str, Any] = response.json()
    assert MEMBERS <= document.keys()
    found = (response.status_code, document["status"], document["code"], document["param"])
    assert found == (status, status, code, param), document
    assert document["type"].endswith(f"/docs/errors/{code}")
    assert document["request_id"] == response["X-Request-Id"]
    assert document["title"] and document["detail"]
    return document


def rows(shop: Shop, path: str, **query: Any) -> list[dict[str, Any]]:
    """Return the rows of a list's first page."""
    response = shop.get(path, **query)
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["data"]
    return found


def pages_forwards(shop: Shop, path: str, **query: Any) -> Iterator[list[str]]:
    """Yield the ids of each page, from the newest to the oldest."""
    cursor: dict[str, str] = {}
    for _ in range(PAGES_MAX):
        page = shop.get(path, **query, **cursor).json()
        yield [row["id"] for row in page["data"]]
        if not page["has_more"]:
            return
        cursor = {"starting_after": page["data"][-1]["id"]}
    raise AssertionError("the list has no end")


def pages_backwards(shop: Shop, path: str, *, ending_before: str, **query: Any) -> Iterator[list[str]]:
    """Yield the ids of each page, from a row up to the newest."""
    for _ in range(PAGES_MAX):
        page = shop.get(path, **query, ending_before=ending_before).json()
        yield [row["id"] for row in page["data"]]
        if not page["has_more"]:
            return
        ending_before = page["data"][0]["id"]
    raise AssertionError("the list has no end")
