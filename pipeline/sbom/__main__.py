"""Write, verify and compare the bill of materials: `python -m pipeline.sbom --environment FOLDER`."""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from pipeline.locks import LockError, read_lock
from pipeline.sbom.cyclonedx import SbomError, as_text, make_document
from pipeline.sbom.difference import BaseError, components_of, describe_difference, read_base
from pipeline.sbom.licenses import read_reviews
from pipeline.sbom.spdx import convert
from pipeline.sbom.verification import verify

# This runs where there is no nox, so that it cannot ask the catalogue.
REPORTS = Path("reports")
LOCK = Path("requirements/production.txt")
REVIEWS = Path("pipeline/sbom.toml")
CYCLONEDX_NAME = "sbom.cdx.json"
SPDX_NAME = "sbom.spdx.json"


def main() -> int:
    """Return the exit code: 1 if the bill of materials is not right, 2 if it was asked for wrongly."""
    options = _parse()
    folder = options.verify or REPORTS
    base = None
    try:
        # Before the work, so that a mistyped base is known at once.
        if options.diff:
            base = read_base(options.diff, LOCK.as_posix())
        if not options.verify:
            _write(folder, lock_file=options.lock, environment=options.environment)
        problems = verify(folder / CYCLONEDX_NAME, folder / SPDX_NAME)
    except (SbomError, LockError) as error:
        problems = list(error.args)
    except (BaseError, ValueError, OSError) as error:
        print(f"sbom: {error}", file=sys.stderr)
        return 2
    for problem in problems:
        print(f"sbom: {problem}", file=sys.stderr)
    if problems:
        return 1
    document = json.loads((folder / CYCLONEDX_NAME).read_text(encoding="utf-8"))
    print(
        f"{len(document['components'])} components in {folder / CYCLONEDX_NAME} and {folder / SPDX_NAME}, both valid."
    )
    if base is not None:
        print(describe_difference(base, components_of(document), base=options.diff))
    return 0


def _write(folder: Path, *, lock_file: Path, environment: Path) -> None:
    """Make both documents and write them."""
    reviews = read_reviews(REVIEWS)
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    document = make_document(
        lock=read_lock(lock_file.read_text(encoding="utf-8")),
        environment=environment,
        pyproject=Path("pyproject.toml"),
        reviews=reviews,
        made_at=datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC).replace(microsecond=0),
    )
    folder.mkdir(exist_ok=True)
    (folder / CYCLONEDX_NAME).write_text(as_text(document), encoding="utf-8")
    (folder / SPDX_NAME).write_text(convert(document, reviews), encoding="utf-8")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s sbom --", description=__doc__)
    parser.add_argument("--environment", type=Path, help="the virtual environment in which the lock is installed")
    parser.add_argument("--lock", type=Path, default=LOCK, help="the lock to describe (default: %(default)s)")
    parser.add_argument("--diff", metavar="BASE", help="print what changed since a git revision or a CycloneDX file")
    parser.add_argument("--verify", metavar="FOLDER", type=Path, help="only look at the documents in this folder")
    options = parser.parse_args()
    if not (options.environment or options.verify):
        parser.error("--environment FOLDER or --verify FOLDER is needed")
    return options


if __name__ == "__main__":
    sys.exit(main())
