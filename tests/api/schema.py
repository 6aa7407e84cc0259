"""A client that holds every answer against the OpenAPI document, which may then not drift from what we send."""

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema

from django.test import Client
from django.urls import Resolver404, resolve
from drf_spectacular.generators import SchemaGenerator

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

# Any address may answer these, so no operation lists them.
ALWAYS_POSSIBLE = frozenset({405, 406, 500})


class CheckedClient(Client):
    """Fails on a status or a body that the documentation does not have."""

    def request(self, **request: Any) -> "_MonkeyPatchedWSGIResponse":
        """Send the request and check the answer."""
        response = super().request(**request)
        if response.content and request["REQUEST_METHOD"] != "OPTIONS":
            try:
                route = resolve(request["PATH_INFO"]).route
            except Resolver404:
                return response
            assert_documented(route, request["REQUEST_METHOD"], response.status_code, response.content)
        return response


def assert_documented(route: str, method: str, status: int, content: bytes) -> None:
    """Check one answer of an address, given as Django writes it."""
    path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
    operations = document()["paths"].get(path)
    if operations is None:
        return
    body = json.loads(content)
    answers = operations.get(method.lower(), {}).get("responses", {})
    if str(status) in answers:
        (media,) = answers[str(status)]["content"].values()
        schema = media["schema"]
    else:
        assert status in ALWAYS_POSSIBLE, f"{method} {path} answers {status}, which is not documented: {body}"
        schema = {"$ref": "#/components/schemas/Problem"}
    faults = [f"{fault.json_path}: {fault.message}" for fault in _validator(json.dumps(schema)).iter_errors(body)]
    assert not faults, f"{method} {path} answers {status} otherwise than documented: {faults}"


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    found: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]


@cache
def _validator(schema: str) -> Any:
    components = as_json_schema(document()["components"])
    return jsonschema.Draft202012Validator({"components": components, **as_json_schema(json.loads(schema))})


def as_json_schema(node: Any) -> Any:
    """Return a part of an OpenAPI 3.0 document as JSON Schema, with members that are not described forbidden."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    converted = {name: as_json_schema(member) for name, member in node.items()}
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        converted.setdefault("additionalProperties", False)
    if converted.pop("nullable", False) is True:
        return {"anyOf": [converted, {"type": "null"}]}
    return converted
