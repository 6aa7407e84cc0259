"""Start the platform on a free port, let schemathesis loose on it, and look at the books afterwards.

`python -m tests.fuzz [schemathesis' options]`, which `nox -s api_fuzz` runs. Exits with 0 only if no answer was wrong,
the ledger can still be proven, and (without options) money went all the way: reserved, captured, refunded.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from platform_site.local_postgres import running_postgres

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "reports"
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
# As many as there may be: what is looked for here is what the API does below its limit.
REQUESTS_PER_SECOND = "1000000"
# Disputes open, refunds come back and reports are made while the requests run.
SANDBOX_DAY_SECONDS = "2"
STOP_TIMEOUT_SECONDS = 60
POLL_SECONDS = 0.1


def main(options: Sequence[str]) -> int:
    """Serve, send requests, and judge; return the exit status."""
    REPORTS.mkdir(exist_ok=True)
    began = datetime.now(UTC)
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        demo = stack.enter_context(serving(folder))
        failed = send_requests(demo, options)
        refunded = payments_that_went_all_the_way(demo, since=began)
        print(f"\n{refunded} payments were reserved, then captured, then refunded.")
        proven = prove_the_ledger(folder, stack)
    # With options, it may have been about something else.
    return 0 if not failed and proven and (refunded or options) else 1


@contextmanager
def serving(folder: Path) -> Iterator[Mapping[str, str]]:
    """Yield demo.env of a running platform: its address and a key."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "PORT": str(port),
        "PAYMENTS_LOCAL_DIR": str(folder),
        "PAYMENTS_SANDBOX_DAY_SECONDS": SANDBOX_DAY_SECONDS,
        "PAYMENTS_RATE_LIMIT_PER_SECOND": REQUESTS_PER_SECOND,
        "PAYMENTS_RATE_LIMIT_BURST": REQUESTS_PER_SECOND,
    }
    log = REPORTS / "api_fuzz-server.log"
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            [sys.executable, "-m", "platform_site.local"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            # It gives itself a minute for each step, and then says why it ends.
            while "is running" not in log.read_text(encoding="utf-8"):
                if process.poll() is not None:
                    raise SystemExit(log.read_text(encoding="utf-8"))
                time.sleep(POLL_SECONDS)
            lines = (folder / "demo.env").read_text(encoding="utf-8").splitlines()
            yield dict(line.split("=", maxsplit=1) for line in lines)
        finally:
            process.terminate()
            process.wait(STOP_TIMEOUT_SECONDS)


def send_requests(demo: Mapping[str, str], options: Sequence[str]) -> bool:
    """Run schemathesis over every operation; tell whether it found anything."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)),
        *("run", f"{demo['PAYMENTS_URL']}/v1/openapi.json", "--checks=all"),
        *("--report=junit", f"--report-junit-path={REPORTS / 'api_fuzz-junit.xml'}"),
        *options,
    ]
    return subprocess.run(command, cwd=ROOT, env=os.environ | demo, check=False).returncode != 0


def payments_that_went_all_the_way(demo: Mapping[str, str], *, since: datetime) -> int:
    """Return how many payments were reserved, captured and refunded by the requests, one after the other."""
    headers = {"Authorization": f"Bearer {demo['PAYMENTS_API_KEY']}"}
    query = {"limit": "100", "created_at_gte": since.isoformat()}
    count = 0
    while True:
        with urlopen(Request(f"{demo['PAYMENTS_URL']}/v1/payments?{urlencode(query)}", headers=headers)) as response:
            page = json.load(response)
        for payment in page["data"]:
            count += payment["capture_method"] == "manual" and payment["amount_refunded"] > 0
        if not page["has_more"]:
            return count
        query["starting_after"] = page["data"][-1]["id"]


def prove_the_ledger(folder: Path, stack: ExitStack) -> bool:
    """Recompute the books from the journal, the calls and the events; tell whether nothing differs."""
    url = os.environ.get("DATABASE_URL") or stack.enter_context(running_postgres(folder / "postgres"))
    environment = os.environ | {"DATABASE_URL": url, "PAYMENTS_ENVIRONMENT": "local"}
    command = [sys.executable, "manage.py", "check_ledger"]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
