"""`manage.py sandbox_settlement` and `manage.py reconcile`."""

import json
from io import StringIO
from pathlib import Path

import pytest

from django.core.management import CommandError, call_command

from payments.models import Discrepancy
from tests.reports import charge_line, csv_of, receivable
from tests.shop import Shop


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(*arguments, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


def test_a_developer_settles_what_was_paid(shop: Shop, tmp_path: Path) -> None:
    shop.pay()
    report = tmp_path / "report.csv"

    report.write_text(run("sandbox_settlement")[0], encoding="utf-8")
    out, _ = run("reconcile", str(report))

    assert "1 lines, 1 of them new, 1 matched." in out
    assert "No discrepancies opened." in out
    assert receivable(shop) == {"EUR": 0}


def test_the_report_is_written_to_a_file(shop: Shop, tmp_path: Path) -> None:
    shop.pay()
    report = tmp_path / "report.csv"

    out, _ = run("sandbox_settlement", str(report))

    assert out == ""
    assert report.read_text(encoding="utf-8").count("\n") == 2


def test_where_nothing_moved_it_says_so(db: None) -> None:
    out, err = run("sandbox_settlement")

    assert out == ""
    assert "Nothing has moved" in err


def test_discrepancies_are_a_result_and_no_failure(shop: Shop, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    report.write_bytes(csv_of([charge_line(shop.pay().json(), gross=1)]))

    out, _ = run("reconcile", str(report))

    assert "1 discrepancies opened." in out


def test_the_summary_is_json_where_asked(shop: Shop, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    report.write_bytes(csv_of([charge_line(shop.pay().json())]))

    summary = json.loads(run("reconcile", str(report), "--json")[0])

    assert summary.pop("report").startswith("rpt_")
    assert summary == {
        "format": "settlement_csv",
        "lines": 1,
        "new": 1,
        "matched": 1,
        "opened": 0,
        "cleared": 0,
    }


def test_a_file_that_cannot_be_read_fails_with_its_line(db: None, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    report.write_bytes(csv_of([]) + b"wrong\n")

    with pytest.raises(CommandError, match="report.csv: line 2: 9 columns are needed"):
        run("reconcile", str(report))
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run("reconcile", str(tmp_path / "nothing"))
    assert not Discrepancy.objects.exists()
