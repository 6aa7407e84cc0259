"""What must be true of the two documents, as files: valid, complete, and about the same components."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.model import Document, Package
from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from pipeline.sbom.cyclonedx import SPEC_VERSION
from pipeline.sbom.spdx import hashes_of

# Name, version and purl.
Identity = tuple[str, str, str]


def verify(cyclonedx_file: Path, spdx_file: Path) -> list[str]:
    """Return what is wrong with the documents; nothing is left out of the list but what follows from an entry."""
    problems = [*_invalid_cyclonedx(cyclonedx_file), *_invalid_spdx(spdx_file)]
    if problems:
        return problems
    cyclonedx = json.loads(cyclonedx_file.read_text(encoding="utf-8"))
    spdx = parse_file(str(spdx_file))
    return [*_incomplete(cyclonedx, spdx), *_different(cyclonedx, spdx)]


def _invalid_cyclonedx(path: Path) -> Iterator[str]:
    validator = JsonStrictValidator(SchemaVersion.from_version(SPEC_VERSION))
    try:
        error = validator.validate_str(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as not_json:
        yield f"{path} is not JSON: {not_json}"
        return
    if error:
        where = "/".join(map(str, error.data.absolute_path))
        yield f"{path} is not valid CycloneDX {SPEC_VERSION}, at {where or 'the top'}: {error.data.message:.200}"


def _invalid_spdx(path: Path) -> Iterator[str]:
    try:
        document = parse_file(str(path))
    except (SPDXParsingError, json.JSONDecodeError) as error:
        yield f"{path} is not SPDX: {error}"
        return
    for message in validate_full_spdx_document(document):
        yield f"{path} is not valid SPDX, at {message.context.spdx_id}: {message.validation_message}"


def _incomplete(cyclonedx: dict[str, Any], spdx: Document) -> Iterator[str]:
    """Yield each component that lacks licenses or hashes in one of the documents."""
    for component in cyclonedx.get("components", []):
        who = f"{component['name']} {component.get('version', '')}"
        if not component.get("licenses"):
            yield f"{who} has no license in CycloneDX"
        if not hashes_of(component):
            yield f"{who} has no hash in CycloneDX"
    root = cyclonedx["metadata"]["component"]["purl"]
    for package in spdx.packages:
        who = f"{package.name} {package.version}"
        if _purl(package) == root:
            continue
        if not {type(package.license_declared).__name__, type(package.license_concluded).__name__} - {
            "SpdxNoAssertion"
        }:
            yield f"{who} has no license in SPDX"
        if not package.checksums:
            yield f"{who} has no hash in SPDX"


def _different(cyclonedx: dict[str, Any], spdx: Document) -> Iterator[str]:
    """Yield each component, our own product among them, that is in one document only."""
    listed = (cyclonedx["metadata"]["component"], *cyclonedx.get("components", []))
    one: set[Identity] = {(each["name"], each["version"], each["purl"]) for each in listed}
    other: set[Identity] = {(package.name, package.version or "", _purl(package)) for package in spdx.packages}
    for name, version, purl in sorted(one - other):
        yield f"{name} {version} ({purl}) is in CycloneDX and not in SPDX"
    for name, version, purl in sorted(other - one):
        yield f"{name} {version} ({purl}) is in SPDX and not in CycloneDX"
    if not cyclonedx.get("components"):
        yield "there are no components in CycloneDX"


def _purl(package: Package) -> str:
    purls = [each.locator for each in package.external_references if each.reference_type == "purl"]
    return purls[0] if purls else ""
