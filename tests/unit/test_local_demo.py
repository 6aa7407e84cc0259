"""What the demo keeps from one serve to the next."""

import re
import stat
from pathlib import Path

import pytest

from platform_site.local_demo import keep_demo, keep_secret_key

URL = "http://127.0.0.1:8000"


def test_a_first_demo_is_made_up_and_written_for_its_owner_alone(tmp_path: Path) -> None:
    demo = keep_demo(tmp_path / "demo.env", url=URL)

    assert re.fullmatch(r"sk_test_[A-Za-z0-9]{32}", demo.api_key)
    assert len(demo.admin_password) >= 12
    assert (tmp_path / "demo.env").read_text(encoding="utf-8").splitlines() == [
        f"PAYMENTS_URL={URL}",
        f"PAYMENTS_API_KEY={demo.api_key}",
        "PAYMENTS_ADMIN_USER=admin",
        f"PAYMENTS_ADMIN_PASSWORD={demo.admin_password}",
    ]
    assert stat.S_IMODE((tmp_path / "demo.env").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["demo.env"]


def test_a_second_demo_keeps_everything_but_the_url(tmp_path: Path) -> None:
    first = keep_demo(tmp_path / "demo.env", url=URL)

    second = keep_demo(tmp_path / "demo.env", url="http://127.0.0.1:9000")

    assert second.variables() == first.variables() | {"PAYMENTS_URL": "http://127.0.0.1:9000"}


@pytest.mark.parametrize("content", ["", "nonsense\n", "PAYMENTS_API_KEY=sk_test_short\nPAYMENTS_ADMIN_USER=\n"])
def test_what_is_missing_or_broken_is_made_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "demo.env").write_text(f"{content}PAYMENTS_ADMIN_PASSWORD=kept-from-before\n", encoding="utf-8")

    demo = keep_demo(tmp_path / "demo.env", url=URL)

    assert re.fullmatch(r"sk_test_[A-Za-z0-9]{32}", demo.api_key)
    assert demo.admin_user == "admin"
    assert demo.admin_password == "kept-from-before"


def test_the_secret_key_is_made_once(tmp_path: Path) -> None:
    first = keep_secret_key(tmp_path / "secret_key")

    assert keep_secret_key(tmp_path / "secret_key") == first
    assert len(first) >= 50
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
