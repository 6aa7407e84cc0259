"""Static analysis of the Python code for security: bandit over every file, each with the checks that fit its part.

The checks that a part goes without stand in pyproject.toml, with the reason.
"""

import argparse
import json
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

CONFIGURATION = Path("pyproject.toml")


def main() -> int:
    """Run bandit on all that git knows or would add, write the SARIF report, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.sast", description=__doc__)
    parser.add_argument("--sarif", type=Path, required=True, help="the report to write")
    arguments = parser.parse_args()
    paths = python_files()
    with ThreadPoolExecutor() as pool:
        report = joined(list(pool.map(looked_at, *zip(*by_skips(paths).items(), strict=True))))
    arguments.sarif.write_text(json.dumps(report, indent=2), encoding="utf-8")
    run = report["runs"][0]
    lines = sorted([*map(_as_line, run["results"]), *_unread(run)])
    print("\n".join(lines) if lines else f"bandit: nothing found in {len(paths)} files")
    return 1 if lines else 0


def python_files() -> list[str]:
    """Return the paths of the Python files, committed or not, without what git ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.py"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return sorted(path for path in set(listed.split("\0")) if Path(path).is_file())


def by_skips(paths: list[str]) -> dict[tuple[str, ...], list[str]]:
    """Return the files by the checks that their part, the first name of the path, goes without: none, if it is new."""
    skips = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))["tool"]["sast"]["skips"]
    grouped: dict[tuple[str, ...], list[str]] = {}
    for path in paths:
        grouped.setdefault(tuple(skips.get(PurePosixPath(path).parts[0], ())), []).append(path)
    return grouped


def looked_at(skips: tuple[str, ...], paths: list[str]) -> dict[str, Any]:
    """Return the SARIF log of bandit for the files: every severity and confidence, which is what it has by default."""
    command = ["bandit", "--quiet", "--configfile", str(CONFIGURATION), "--format", "sarif"]
    command += [f"--skip={','.join(skips)}"] if skips else []
    ended = subprocess.run([*command, *paths], capture_output=True, text=True, check=False)
    # 1: there are findings. What it says beside them counts nodes that a `nosec` covers in vain.
    if ended.returncode not in {0, 1}:
        sys.exit(f"bandit ended with {ended.returncode}: {ended.stderr}")
    log: dict[str, Any] = json.loads(ended.stdout)
    return log


def joined(logs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one log with one run, as the forges want it, of logs with a run each."""
    runs = [log["runs"][0] for log in logs]
    rules = {rule["id"]: rule for run in runs for rule in run["tool"]["driver"].get("rules", [])}
    index = {rule_id: number for number, rule_id in enumerate(rules)}
    results = [result | {"ruleIndex": index[result["ruleId"]]} for run in runs for result in run.get("results", [])]
    run = {
        "tool": {"driver": runs[0]["tool"]["driver"] | {"rules": list(rules.values())}},
        "invocations": [invocation for run in runs for invocation in run["invocations"]],
        "results": results,
    }
    return {key: value for key, value in logs[0].items() if key != "runs"} | {"runs": [run]}


def _as_line(result: dict[str, Any]) -> str:
    where = result["locations"][0]["physicalLocation"]
    known = result["properties"]
    return (
        f"{where['artifactLocation']['uri']}:{where['region']['startLine']}: {result['ruleId']}"
        f" {result['message']['text']} (severity {known['issue_severity']}, confidence {known['issue_confidence']})"
    )


def _unread(run: dict[str, Any]) -> list[str]:
    """Return a line for each file that bandit could not read: nothing is known of it."""
    notes = [note for each in run["invocations"] for note in each.get("toolConfigurationNotifications", [])]
    return [
        f"{note['locations'][0]['physicalLocation']['artifactLocation']['uri']}: not read: {note['message']['text']}"
        for note in notes
    ]


if __name__ == "__main__":
    sys.exit(main())
