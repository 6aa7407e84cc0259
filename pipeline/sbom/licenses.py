"""The license of a component: what its metadata declare, or what a review of its license text concluded."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from license_expression import ExpressionError, get_spdx_licensing

SPDX = get_spdx_licensing()


@dataclass(frozen=True, kw_only=True)
class ReviewedLicense:
    """An entry of pipeline/sbom.toml, which describes the fields."""

    component: str
    declared: str
    expression: str
    reason: str


def read_reviews(path: Path) -> dict[str, ReviewedLicense]:
    """Return the reviewed licenses by component; ValueError where an entry is not as it should be."""
    try:
        reviews = [ReviewedLicense(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["license"]]
    except (TypeError, KeyError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path} is not as its first lines describe: {error}") from error
    for review in reviews:
        if invalid := invalid_parts(review.expression):
            raise ValueError(f"{path}: {review.component}: {', '.join(invalid)} is not in SPDX's list")
    return {review.component: review for review in reviews}


def invalid_parts(expression: str) -> list[str]:
    """Return what of the expression is neither in SPDX's list nor a LicenseRef."""
    try:
        symbols = SPDX.license_symbols(expression, unique=True)
    except ExpressionError:
        return [expression]
    known = set(SPDX.known_symbols)
    return [symbol.key for symbol in symbols if symbol.key not in known and not symbol.key.startswith("LicenseRef-")]


def apply_reviews(
    components: Iterable[dict[str, Any]], reviews: dict[str, ReviewedLicense], found: dict[str, list[dict[str, Any]]]
) -> list[str]:
    """Give each component its CycloneDX `licenses`, from what is found in the metadata; return what is wrong."""
    problems = []
    unused = dict(reviews)
    for component in components:
        name = component["name"]
        declared = [entry for entry in found.get(name, []) if expression_of([entry])]
        says = ", ".join(entry["license"]["name"] for entry in found.get(name, []) if entry not in declared)
        review = reviews.get(name)
        if declared:
            component["licenses"] = declared
        elif review and review.declared == says:
            unused.pop(name)
            component["licenses"] = [{"expression": review.expression, "acknowledgement": "concluded"}]
        else:
            problems.append(
                f"{name} {component['version']} has no license that SPDX knows, its metadata say {says!r}: "
                "read its license text and enter the outcome in pipeline/sbom.toml"
            )
    problems += [f"pipeline/sbom.toml: the entry for {name} is not needed: remove it" for name in unused]
    return problems


def expression_of(licenses: list[dict[str, Any]]) -> str:
    """Return CycloneDX `licenses` as one SPDX expression; empty if none of them is SPDX's."""
    parts = [entry.get("expression") or entry["license"].get("id") for entry in licenses]
    return " AND ".join(f"({part})" if " " in part and len(parts) > 1 else part for part in filter(None, parts))
