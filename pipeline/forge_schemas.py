"""Hold the files of both forges against the schemas that the forges publish, as check-jsonschema brings them along."""

import sys
from pathlib import Path

import check_jsonschema

SCHEMAS = {
    "github-workflows": ".github/workflows/*.yml",
    "gitlab-ci": ".gitlab-ci.yml",
    "github-issue-config": ".github/ISSUE_TEMPLATE/config.yml",
    "github-issue-forms": ".github/ISSUE_TEMPLATE/[!c]*.yml",
    "dependabot": ".github/dependabot.yml",
    "renovate": "renovate.json",
}


def main() -> int:
    """Check what is there of the files, all in one process, for it takes long to start; return the exit code."""
    worst = 0
    for schema, pattern in SCHEMAS.items():
        if files := [str(path) for path in sorted(Path().glob(pattern))]:
            print(*files)
            arguments = ["--builtin-schema", f"vendor.{schema}", *files]
            worst = max(worst, check_jsonschema.main.main(arguments, standalone_mode=False) or 0)
    return worst


if __name__ == "__main__":
    sys.exit(main())
