"""What breaks a client that was made for an earlier OpenAPI document.

The tables say what matters; the rest walks two documents side by side. What clients send (a request) must not be
narrowed, what they are sent (a response) must not be widened. There is no kept tool for this on PyPI, and those on npm
bring a program from elsewhere.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["request", "response"]
Node = dict[str, Any]

# Keywords of a schema whose value stays as it is.
FIXED = ("type", "format", "multipleOf")
FIXED_IN_REQUESTS = ("pattern", "uniqueItems", "exclusiveMinimum", "exclusiveMaximum")
# A type that takes in the other.
WIDER_TYPES = {("integer", "number")}
UPPER_LIMITS = ("maximum", "maxLength", "maxItems", "maxProperties")
LOWER_LIMITS = ("minimum", "minLength", "minItems", "minProperties")
ALTERNATIVES = ("oneOf", "anyOf")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def breaking_changes(old: Node, new: Node) -> list[str]:
    """Return what breaks, one line each, in order; a change of a model is told once, under the model's name."""
    return sorted(set(_Comparison(old, new).lines()))


@dataclass(frozen=True)
class _Comparison:
    """Two documents, and what they refer to."""

    old: Node
    new: Node
    # Pairs of models that have been compared: they hold each other, and are in many answers.
    seen: set[tuple[str, str, Direction]] = field(default_factory=set)

    def lines(self) -> Iterator[str]:
        """Yield what breaks."""
        for path, old_path in self.old["paths"].items():
            for method in (method for method in METHODS if method in old_path):
                name = f"{method.upper()} {path}"
                new_operation = self.new["paths"].get(path, {}).get(method)
                if new_operation is None:
                    yield f"{name}: removed"
                else:
                    yield from self._operation(name, old_path[method], new_operation)

    def _operation(self, name: str, old: Node, new: Node) -> Iterator[str]:
        if old.get("operationId") != new.get("operationId"):
            yield f"{name}: operationId changed from {old.get('operationId')} to {new.get('operationId')}"
        if any(not _is_enough(way, new.get("security", [])) for way in old.get("security") or [{}]):
            yield f"{name}: what was enough to be let in is no more"
        yield from self._parameters(name, old, new)
        old_body, new_body = old.get("requestBody", {}), new.get("requestBody", {})
        if new_body.get("required") and not old_body.get("required"):
            yield f"{name}: a body is now required"
        yield from self._contents(f"{name}: request", old_body, new_body, "request")
        for status, old_answer in old["responses"].items():
            if status not in new["responses"]:
                yield f"{name}: response {status} removed"
                continue
            new_answer = new["responses"][status]
            where = f"{name}: response {status}"
            for header in old_answer.get("headers", {}).keys() - new_answer.get("headers", {}).keys():
                yield f"{where}: header {header} removed"
            yield from self._contents(where, old_answer, new_answer, "response")

    def _parameters(self, name: str, old: Node, new: Node) -> Iterator[str]:
        before, after = ({(each["in"], each["name"]): each for each in one.get("parameters", [])} for one in (old, new))
        for key, parameter in before.items():
            where = f"{name}: {key[0]} parameter {key[1]}"
            if key not in after:
                yield f"{where}: removed"
                continue
            if after[key].get("required") and not parameter.get("required"):
                yield f"{where}: now required"
            yield from self._schema(where, parameter["schema"], after[key]["schema"], "request")
        for kind, added in after.keys() - before.keys():
            if after[kind, added].get("required"):
                yield f"{name}: {kind} parameter {added}: new and required"

    def _contents(self, where: str, old: Node, new: Node, direction: Direction) -> Iterator[str]:
        for media, content in old.get("content", {}).items():
            if media not in new.get("content", {}):
                yield f"{where}: {media} removed"
            else:
                yield from self._schema(where, content["schema"], new["content"][media]["schema"], direction)

    def _schema(self, where: str, old: Node, new: Node, direction: Direction) -> Iterator[str]:
        models = _model(old), _model(new)
        if all(models):
            # What stands beside the reference belongs to this place, not to the model.
            yield from (f"{where}: {line}" for line in _keywords(old, new, direction))
            if (*models, direction) in self.seen:
                return
            self.seen.add((*models, direction))
            where = f"{direction} {models[0]}"
            old, new = ({"$ref": f"#/{name}"} for name in models)
        old, new = _resolved(self.old, old), _resolved(self.new, new)
        yield from (f"{where}: {line}" for line in _keywords(old, new, direction))
        yield from self._properties(where, old, new, direction)
        for keyword in ALTERNATIVES:
            yield from self._alternatives(where, keyword, (old, new), direction)
        for keyword in ("items", "additionalProperties"):
            before, after = old.get(keyword), new.get(keyword)
            if isinstance(before, dict) and isinstance(after, dict):
                yield from self._schema(f"{where}.{keyword}", before, after, direction)

    def _properties(self, where: str, old: Node, new: Node, direction: Direction) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name in after:
                yield from self._schema(f"{where}.{name}", schema, after[name], direction)
            else:
                yield f"{where}.{name}: removed"
        was, is_now = set(old.get("required", [])), set(new.get("required", []))
        if direction == "request":
            for name in is_now - was:
                yield f"{where}.{name}: {'now' if name in before else 'new and'} required"
        else:
            for name in (was - is_now) & after.keys():
                yield f"{where}.{name}: may be missing now"

    def _alternatives(self, where: str, keyword: str, pair: tuple[Node, Node], direction: Direction) -> Iterator[str]:
        before, after = ({_identity(each): each for each in one.get(keyword, [])} for one in pair)
        for identity in before.keys() & after.keys():
            yield from self._schema(where, before[identity], after[identity], direction)
        if direction == "request" and before and not after:
            return
        gone, new = before.keys() - after.keys(), after.keys() - before.keys()
        for identity in gone if direction == "request" else ():
            yield f"{where}: {keyword} takes no {identity} any more"
        for identity in new if direction == "response" or not before else ():
            yield f"{where}: {keyword} {'may be' if direction == 'response' else 'wants'} {identity} now"


def _keywords(old: Node, new: Node, direction: Direction) -> Iterator[str]:
    """Yield what breaks in the schema itself, without what it holds."""
    yield from _fixed(old, new, direction)
    yield from _limits(old, new, direction)
    nullable = (bool(old.get("nullable")), bool(new.get("nullable")))
    if direction == "request":
        yield from _choices(old, new)
        if nullable == (True, False):
            yield "may not be null any more"
        if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
            yield "takes nothing else any more"
        if "default" in old and old["default"] != new.get("default"):
            yield _changed("default", old, new)
    elif nullable == (False, True):
        yield "may be null now"


def _fixed(old: Node, new: Node, direction: Direction) -> Iterator[str]:
    for keyword in FIXED if direction == "response" else (*FIXED, *FIXED_IN_REQUESTS):
        before, after = old.get(keyword), new.get(keyword)
        wider = (before, after) if direction == "request" else (after, before)
        # Without a pattern, format or type anything is taken.
        freed = direction == "request" and after is None
        if before != after and wider not in WIDER_TYPES and not freed:
            yield _changed(keyword, old, new)


def _limits(old: Node, new: Node, direction: Direction) -> Iterator[str]:
    for keyword in (*UPPER_LIMITS, *LOWER_LIMITS):
        before, after = old.get(keyword), new.get(keyword)
        # No limit is the widest.
        narrowed = after is not None and (before is None or (after < before) == (keyword in UPPER_LIMITS))
        if before != after and narrowed == (direction == "request"):
            yield _changed(keyword, old, new)


def _choices(old: Node, new: Node) -> Iterator[str]:
    if "enum" in new and "enum" not in old:
        yield f"only takes {json.dumps(new['enum'])} now"
    elif "enum" in new:
        yield from (f"takes no {json.dumps(value)} any more" for value in old["enum"] if value not in new["enum"])


def _changed(keyword: str, old: Node, new: Node) -> str:
    return f"{keyword} changed from {json.dumps(old.get(keyword))} to {json.dumps(new.get(keyword))}"


def _is_enough(way: Node, ways: list[Node]) -> bool:
    """Tell whether who has these schemes and scopes is let in."""
    return not ways or any(
        all(scheme in way and set(scopes) <= set(way[scheme]) for scheme, scopes in each.items()) for each in ways
    )


def _model(schema: Node) -> str:
    """Return the name of the model that the schema refers to, be it within `allOf`; empty if there is none."""
    parts = schema.get("allOf", [])
    return str((parts[0] if len(parts) == 1 else schema).get("$ref", "")).rpartition("/")[2]


def _resolved(document: Node, schema: Node) -> Node:
    """Return the schema with what it refers to, and all of its parts, in one."""
    if "$ref" in schema:
        return _resolved(document, document["components"]["schemas"][_model(schema)])
    merged: Node = {}
    for part in (*(_resolved(document, each) for each in schema.get("allOf", [])), schema):
        merged |= {
            **part,
            "properties": merged.get("properties", {}) | part.get("properties", {}),
            "required": [*merged.get("required", []), *part.get("required", [])],
        }
    return merged


def _identity(schema: Node) -> str:
    """Return what tells an alternative from the others."""
    return _model(schema) or json.dumps(schema, sort_keys=True)
