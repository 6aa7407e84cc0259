"""The CycloneDX document: cyclonedx-bom reads the lock for components and hashes, the environment for the rest."""

import hashlib
import json
import subprocess
import sys
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from pipeline.locks import LockedPackage
from pipeline.sbom.licenses import ReviewedLicense, apply_reviews

SPEC_VERSION = "1.7"
# What a marker of the lock asks about the platform; the version of Python is the environment's.
PLATFORM = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
}
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
PROPERTIES = [
    {"name": "payment-platform:platform", "value": f"CPython {PYTHON_VERSION} on Linux"},
    {
        "name": "payment-platform:hashes",
        "value": "A component's hashes are those of every file that the lock accepts for it; one of them is installed.",
    },
]

Document = dict[str, Any]


class SbomError(Exception):
    """The bill of materials cannot be made, or is not right; each argument is a finding."""


def make_document(
    *,
    lock: list[LockedPackage],
    environment: Path,
    pyproject: Path,
    reviews: dict[str, ReviewedLicense],
    made_at: datetime,
) -> Document:
    """Return the document; raise SbomError where lock and environment differ or a license is missing."""
    installable = [package for package in lock if package.applies_to(PLATFORM)]
    requirements = "".join(f"{package.as_requirement()}\n" for package in installable)
    document = _run("requirements", f"--pyproject={pyproject}", "-", text=requirements)
    installed = _run("environment", f"--pyproject={pyproject}", str(environment))
    _refuse_difference(document, installed)

    described = {component["purl"]: component for component in installed["components"]}
    for component in document["components"]:
        component["bom-ref"] = component["purl"]
        component["description"] = described[component["purl"]].get("description", "")
    found = {str(canonicalize_name(each["name"])): each.get("licenses", []) for each in installed["components"]}
    if problems := apply_reviews(document["components"], reviews, found):
        raise SbomError(*problems)

    root = document["metadata"]["component"]
    root["purl"] = root["bom-ref"] = f"pkg:generic/{root['name']}@{root['version']}"
    document["dependencies"] = _dependencies(installed, root["bom-ref"])
    document["metadata"]["properties"] += PROPERTIES
    document["components"].sort(key=lambda component: component["purl"])
    document["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, _digest(document)).urn
    document["metadata"]["timestamp"] = made_at.isoformat()
    return document


def as_text(document: Document) -> str:
    """Return the document as JSON, the same for the same document."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _digest(document: Document) -> str:
    """Return a hash of the document, which has no time and no serial number yet."""
    return hashlib.sha256(as_text(document).encode()).hexdigest()


def _run(source: str, *arguments: str, text: str = "") -> Document:
    """Run cyclonedx-bom; it need not validate, for the finished document is validated."""
    command = [sys.executable, "-m", "cyclonedx_py", source, f"--spec-version={SPEC_VERSION}"]
    options = ["--output-reproducible", "--no-validate"]
    ended = subprocess.run([*command, *options, *arguments], input=text, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SbomError(f"cyclonedx-py {source} failed: {ended.stderr.strip()}")
    document: Document = json.loads(ended.stdout)
    # The time is ours to set, in every document alike.
    document["metadata"].pop("timestamp", None)
    return document


def _refuse_difference(locked: Document, installed: Document) -> None:
    """Raise an SbomError unless the environment has what the lock says, no more and no less."""
    one, other = ({component["purl"] for component in document["components"]} for document in (locked, installed))
    if one != other:
        raise SbomError(
            *(f"{purl} is in the lock and not in the environment" for purl in sorted(one - other)),
            *(f"{purl} is in the environment and not in the lock" for purl in sorted(other - one)),
        )


def _dependencies(installed: Document, root: str) -> list[dict[str, Any]]:
    """Return who needs whom, in terms of purls."""
    purls = {component["bom-ref"]: component["purl"] for component in installed["components"]}
    purls[installed["metadata"]["component"]["bom-ref"]] = root
    edges = [
        {"ref": purls[entry["ref"]], "dependsOn": sorted(purls[ref] for ref in entry.get("dependsOn", []))}
        for entry in installed["dependencies"]
    ]
    return sorted(edges, key=lambda edge: str(edge["ref"]))
