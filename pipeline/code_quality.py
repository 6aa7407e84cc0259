"""Turn a SARIF file into a code quality report, which GitLab shows in merge requests where it takes no SARIF.

`python -m pipeline.code_quality reports/sast.sarif reports/sast-code-quality.json`; it needs nothing but Python.
"""

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

# By the level of SARIF, which is `warning` where none is given.
SEVERITIES = {"error": "critical", "warning": "major", "note": "minor", "none": "info"}


def issues(sarif: dict[str, Any], project: Path) -> Iterator[dict[str, Any]]:
    """Yield what the tools found, and nobody suppressed, in the project's files."""
    seen: Counter[str] = Counter()
    for run in sarif["runs"]:
        for result in run.get("results", ()):
            if result.get("suppressions") or not result.get("locations"):
                continue
            place = result["locations"][0]["physicalLocation"]
            check = result.get("ruleId", run["tool"]["driver"]["name"])
            path = _path(place["artifactLocation"]["uri"], project)
            text = result["message"]["text"]
            # Not the line: what moved is no new finding.
            finding = f"{check}\n{path}\n{text}"
            seen[finding] += 1
            yield {
                "description": text,
                "check_name": check,
                "fingerprint": hashlib.sha256(f"{finding}\n{seen[finding]}".encode()).hexdigest(),
                "severity": SEVERITIES[result.get("level", "warning")],
                "location": {"path": path, "lines": {"begin": place.get("region", {}).get("startLine", 1)}},
            }


def _path(uri: str, project: Path) -> str:
    path = Path(unquote(urlsplit(uri).path))
    return (path.relative_to(project) if path.is_relative_to(project) else path).as_posix()


def main() -> int:
    """Read the one file and write the other; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.code_quality", description=__doc__)
    parser.add_argument("sarif", type=Path)
    parser.add_argument("report", type=Path)
    arguments = parser.parse_args()
    try:
        found = list(issues(json.loads(arguments.sarif.read_text(encoding="utf-8")), Path.cwd()))
    except OSError as error:
        print(f"There are no findings to turn into a report: {error}", file=sys.stderr)
        return 1
    arguments.report.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
