"""What counts as breaking a client, case by case, on a document of one operation and two models."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from pipeline.breaking_changes import breaking_changes

Document = dict[str, Any]
DOCUMENT: Document = {
    "paths": {
        "/things": {
            "post": {
                "operationId": "create_thing",
                "parameters": [{"in": "query", "name": "dry", "schema": {"type": "string", "default": "no"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Body"}}}},
                "responses": {
                    "201": {
                        "headers": {"Location": {"schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                    },
                    "409": {"description": ""},
                },
                "security": [{"key": []}],
            }
        }
    },
    "components": {
        "schemas": {
            "Kind": {"type": "string", "enum": ["a", "b"]},
            "Body": {
                "type": "object",
                "properties": {
                    "kind": {"allOf": [{"$ref": "#/components/schemas/Kind"}], "default": "a"},
                    "count": {"type": "integer", "maximum": 10},
                    "note": {"type": "string", "nullable": True},
                    "tags": {"type": "array", "items": {"type": "string", "maxLength": 5}},
                    "more": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
                },
                "required": ["kind"],
            },
            "Thing": {
                "type": "object",
                "properties": {
                    "kind": {"$ref": "#/components/schemas/Kind"},
                    "count": {"type": "integer", "maximum": 10},
                    "parent": {"allOf": [{"$ref": "#/components/schemas/Thing"}]},
                    "at": {"type": "string", "format": "date-time"},
                },
                "required": ["kind", "count"],
            },
        }
    },
}


def at(document: Document, path: str) -> Any:
    """Return the part of the document that the path, `Body.count`, or of an operation `post.responses`, leads to."""
    first, *rest = path.split(".")
    part = document["paths"]["/things"]["post"] if first == "post" else document["components"]["schemas"][first]
    for step in rest:
        part = part[step]
    return part


def put(path: str, **members: Any) -> Callable[[Document], None]:
    """Return what writes members into a part of the document."""
    return lambda document: at(document, path).update(members)


def drop(path: str, name: str) -> Callable[[Document], None]:
    """Return what takes a member out of a part of the document."""
    return lambda document: at(document, path).pop(name)


STRING = {"type": "string"}
BREAKING: dict[str, tuple[Callable[[Document], object], list[str]]] = {
    "operation": (lambda document: document["paths"]["/things"].pop("post"), ["POST /things: removed"]),
    "path": (lambda document: document["paths"].pop("/things"), ["POST /things: removed"]),
    "name": (
        put("post", operationId="make_thing"),
        ["POST /things: operationId changed from create_thing to make_thing"],
    ),
    "scope": (put("post", security=[{"key": ["admin"]}]), ["POST /things: what was enough to be let in is no more"]),
    "parameter": (drop("post", "parameters"), ["POST /things: query parameter dry: removed"]),
    "new parameter": (
        lambda document: at(document, "post.parameters").append(
            {"in": "header", "name": "Key", "schema": STRING, "required": True}
        ),
        ["POST /things: header parameter Key: new and required"],
    ),
    "required parameter": (
        lambda document: at(document, "post.parameters")[0].update(required=True),
        ["POST /things: query parameter dry: now required"],
    ),
    "default": (
        lambda document: at(document, "post.parameters")[0]["schema"].update(default="yes"),
        ['POST /things: query parameter dry: default changed from "no" to "yes"'],
    ),
    "body": (put("post.requestBody", required=True), ["POST /things: a body is now required"]),
    "media type": (
        put("post.requestBody", content={"text/csv": {"schema": STRING}}),
        ["POST /things: request: application/json removed"],
    ),
    "status": (drop("post.responses", "409"), ["POST /things: response 409 removed"]),
    "header": (drop("post.responses.201", "headers"), ["POST /things: response 201: header Location removed"]),
    "sent field": (drop("Body.properties", "note"), ["request Body.note: removed"]),
    "received field": (drop("Thing.properties", "at"), ["response Thing.at: removed"]),
    "required field": (put("Body", required=["kind", "note"]), ["request Body.note: now required"]),
    "new required field": (
        lambda document: (put("Body.properties", size=STRING)(document), at(document, "Body.required").append("size")),
        ["request Body.size: new and required"],
    ),
    "optional field": (put("Thing", required=["kind"]), ["response Thing.count: may be missing now"]),
    "type": (
        put("Body.properties.count", type="string"),
        ['request Body.count: type changed from "integer" to "string"'],
    ),
    "wider type in a response": (
        put("Thing.properties.count", type="number"),
        ['response Thing.count: type changed from "integer" to "number"'],
    ),
    "format": (
        put("Thing.properties.at", format="date"),
        ['response Thing.at: format changed from "date-time" to "date"'],
    ),
    "pattern": (
        put("Body.properties.note", pattern="^x"),
        ['request Body.note: pattern changed from null to "^x"'],
    ),
    "null": (put("Body.properties.note", nullable=False), ["request Body.note: may not be null any more"]),
    "null of a model in a response": (
        put("Thing.properties.parent", nullable=True),
        ["response Thing.parent: may be null now"],
    ),
    "choice": (put("Kind", enum=["a"]), ['request Kind: takes no "b" any more']),
    "choices where anything went": (
        put("Body.properties.note", enum=["x"]),
        ['request Body.note: only takes ["x"] now'],
    ),
    "default of a model": (
        put("Body.properties.kind", default="b"),
        ['request Body.kind: default changed from "a" to "b"'],
    ),
    "lower limit": (put("Body.properties.count", maximum=5), ["request Body.count: maximum changed from 10 to 5"]),
    "new limit": (put("Body.properties.note", minLength=1), ["request Body.note: minLength changed from null to 1"]),
    "limit of items": (
        put("Body.properties.tags.items", maxLength=4),
        ["request Body.tags.items: maxLength changed from 5 to 4"],
    ),
    "limit that a response keeps": (
        put("Thing.properties.count", maximum=11),
        ["response Thing.count: maximum changed from 10 to 11"],
    ),
    "nothing else": (put("Body", additionalProperties=False), ["request Body: takes nothing else any more"]),
    "alternative": (
        put("Body.properties.more", oneOf=[STRING]),
        ['request Body.more: oneOf takes no {"type": "integer"} any more'],
    ),
    "alternative of a response": (
        put("Thing.properties.at", oneOf=[STRING]),
        ['response Thing.at: oneOf may be {"type": "string"} now'],
    ),
}
HARMLESS: dict[str, Callable[[Document], object]] = {
    "nothing": lambda document: None,
    "operation": lambda document: document["paths"].update({"/others": document["paths"]["/things"]}),
    "parameter": lambda document: at(document, "post.parameters").append(
        {"in": "query", "name": "more", "schema": STRING}
    ),
    "status": put("post.responses", **{"404": {"description": ""}}),
    "fields": lambda document: (
        put("Body.properties", size=STRING)(document),
        put("Thing.properties", size=STRING)(document),
        put("Thing", required=["kind", "count", "size"])(document),
    ),
    "choice": put("Kind", enum=["a", "b", "c"]),
    "wider type": put("Body.properties.count", type="number"),
    "wider limit": put("Body.properties.count", maximum=11),
    "no limit": drop("Body.properties.count", "maximum"),
    "narrower limit of a response": put("Thing.properties.count", maximum=9),
    "alternative": put("Body.properties.more", oneOf=[STRING, {"type": "integer"}, {"type": "boolean"}]),
    "less is required": put("Body", required=[]),
    "nobody has to be let in": drop("post", "security"),
    "texts": put("Body.properties.note", description="New words."),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_change_that_breaks_clients_is_told_once(name: str) -> None:
    change, expected = BREAKING[name]
    new = deepcopy(DOCUMENT)
    change(new)

    assert breaking_changes(DOCUMENT, new) == expected


@pytest.mark.parametrize("name", HARMLESS)
def test_a_change_that_adds_breaks_nobody(name: str) -> None:
    new = deepcopy(DOCUMENT)
    HARMLESS[name](new)

    assert not breaking_changes(DOCUMENT, new)
