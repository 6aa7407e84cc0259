"""What the scanners find in which packages, or that they could not ask anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from pipeline.locks import LockedPackage, read_lock

# The lock whose packages are deployed; the others are for tools.
PRODUCTION = "production"


class NoAnswer(Exception):
    """A scanner could not reach its database, or did not learn from it about every package."""


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """A known vulnerability of a locked package; `ids` are the advisory's names, of which any may be ignored."""

    package: str
    version: str
    ids: tuple[str, ...]
    scanner: str
    summary: str
    fixed_in: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Pin:
    """Where a package of one version is locked."""

    package: LockedPackage
    locks: tuple[Path, ...]

    @property
    def place(self) -> tuple[Path, int]:
        """Return the file that matters most, and the line in it."""
        lock = next((lock for lock in self.locks if lock.stem == PRODUCTION), self.locks[0])
        lines = lock.read_text(encoding="utf-8").splitlines()
        names = [line.partition("==")[0].partition("[")[0] for line in lines]
        return lock, names.index(self.package.name) + 1


Pins = dict[tuple[str, str], Pin]


def read_pins(folder: Path) -> Pins:
    """Return what the locks of a folder pin, whatever platform it is for, by name and version."""
    packages: dict[tuple[str, str], LockedPackage] = {}
    locks: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(folder.glob("*.txt")):
        for package in read_lock(path.read_text(encoding="utf-8")):
            key = (package.name, package.version)
            packages[key] = package
            locks.setdefault(key, []).append(path)
    return {key: Pin(package=packages[key], locks=tuple(locks[key])) for key in sorted(packages)}


def requirement_texts(pins: Pins) -> list[str]:
    """Return requirements files that name every pin, and no package twice in one file."""
    versions: dict[str, list[LockedPackage]] = {}
    for pin in pins.values():
        versions.setdefault(pin.package.name, []).append(pin.package)
    rounds: Sequence[tuple[LockedPackage | None, ...]] = list(zip_longest(*versions.values()))
    return ["".join(f"{package.as_requirement()}\n" for package in each if package) for each in rounds]
