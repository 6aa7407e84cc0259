"""The SPDX document: the components of the CycloneDX document, written by spdx-tools.

Trivy converts too, but leaves out the hashes and each license that it cannot read, and names each document at random.
"""

import hashlib
import io
from datetime import datetime
from typing import Any

from spdx_tools.common.spdx_licensing import spdx_licensing
from spdx_tools.spdx.model import (
    Actor,
    ActorType,
    Checksum,
    ChecksumAlgorithm,
    CreationInfo,
    Document,
    ExternalPackageRef,
    ExternalPackageRefCategory,
    ExtractedLicensingInfo,
    Package,
    PackagePurpose,
    Relationship,
    RelationshipType,
    SpdxNoAssertion,
)
from spdx_tools.spdx.writer.json import json_writer

from pipeline.sbom.cyclonedx import PROPERTIES
from pipeline.sbom.licenses import ReviewedLicense, expression_of

DOCUMENT_ID = "SPDXRef-DOCUMENT"


def convert(cyclonedx: dict[str, Any], reviews: dict[str, ReviewedLicense]) -> str:
    """Return the SPDX document, 2.3 as JSON, of a CycloneDX document's components."""
    root = cyclonedx["metadata"]["component"]
    digest = cyclonedx["serialNumber"].removeprefix("urn:uuid:")
    creation = CreationInfo(
        spdx_version="SPDX-2.3",
        spdx_id=DOCUMENT_ID,
        name=f"{root['name']}-{root['version']}",
        document_namespace=f"https://spdx.org/spdxdocs/{root['name']}-{root['version']}-{digest}",
        creators=[Actor(ActorType.TOOL, "spdx-tools"), Actor(ActorType.TOOL, "cyclonedx-py")],
        created=datetime.fromisoformat(cyclonedx["metadata"]["timestamp"]).replace(tzinfo=None),
        document_comment="; ".join(f"{each['name']}: {each['value']}" for each in PROPERTIES),
    )
    document = Document(
        creation_info=creation,
        packages=[_package(component) for component in (root, *cyclonedx["components"])],
        relationships=[
            Relationship(DOCUMENT_ID, RelationshipType.DESCRIBES, _id(root["purl"])),
            *(
                Relationship(_id(entry["ref"]), RelationshipType.DEPENDS_ON, _id(needed))
                for entry in cyclonedx["dependencies"]
                for needed in entry["dependsOn"]
            ),
        ],
        extracted_licensing_info=_unlisted_licenses(cyclonedx["components"], reviews),
    )
    text = io.StringIO()
    json_writer.write_document_to_stream(document, text, validate=False)
    return text.getvalue() + "\n"


def _package(component: dict[str, Any]) -> Package:
    licenses = component.get("licenses", [])
    expression = spdx_licensing.parse(expression_of(licenses)) if licenses else SpdxNoAssertion()
    is_concluded = any(entry.get("acknowledgement") == "concluded" for entry in licenses)
    is_application = component["type"] == "application"
    return Package(
        spdx_id=_id(component["purl"]),
        name=component["name"],
        version=component["version"],
        description=component.get("description"),
        download_location=SpdxNoAssertion(),
        files_analyzed=False,
        checksums=[Checksum(ChecksumAlgorithm.SHA256, value) for value in hashes_of(component)],
        license_declared=SpdxNoAssertion() if is_concluded else expression,
        license_concluded=expression if is_concluded else SpdxNoAssertion(),
        copyright_text=SpdxNoAssertion(),
        external_references=[ExternalPackageRef(ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", component["purl"])],
        primary_package_purpose=PackagePurpose.APPLICATION if is_application else PackagePurpose.LIBRARY,
    )


def hashes_of(component: dict[str, Any]) -> list[str]:
    """Return the SHA-256 of each file that the lock accepts for a CycloneDX component."""
    return sorted(
        value["content"]
        for reference in component.get("externalReferences", [])
        if reference["type"] == "distribution"
        for value in reference.get("hashes", [])
        if value["alg"] == "SHA-256"
    )


def _id(purl: str) -> str:
    """Return an SPDX identifier for a purl: letters, digits, dots and hyphens only, and different for each purl."""
    return f"SPDXRef-{hashlib.sha256(purl.encode()).hexdigest()[:16]}"


def _unlisted_licenses(
    components: list[dict[str, Any]], reviews: dict[str, ReviewedLicense]
) -> list[ExtractedLicensingInfo]:
    """Return what SPDX wants to know of licenses outside its list: where each is to be read."""
    names = {component["name"] for component in components}
    return [
        ExtractedLicensingInfo(license_id=key, extracted_text=review.reason)
        for review in reviews.values()
        for key in spdx_licensing.license_keys(review.expression, unique=True)
        if review.component in names and key.startswith("LicenseRef-")
    ]
