"""What a lock of `requirements/` says: each package with its one version and the hashes that are accepted for it."""

from dataclasses import dataclass

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

HASH_OPTION = "--hash="


class LockError(Exception):
    """The text is no lock as `nox -s lock` writes it."""


@dataclass(frozen=True, kw_only=True, order=True)
class LockedPackage:
    """A package of a lock; `marker` says on which platforms and Pythons it is installed, None on all."""

    name: str
    version: str
    hashes: tuple[str, ...]
    marker: str | None = None

    def applies_to(self, platform: dict[str, str]) -> bool:
        """Tell whether it is installed there; what `platform` leaves out is as in this interpreter."""
        return self.marker is None or Marker(self.marker).evaluate(platform)

    def as_requirement(self) -> str:
        """Return it as a line of a requirements file, without the marker."""
        return " ".join([f"{self.name}=={self.version}", *(f"{HASH_OPTION}{value}" for value in self.hashes)])


def read_lock(text: str) -> list[LockedPackage]:
    """Return the packages of a lock, in its order; a LockError names what is not pinned or has no hash."""
    lines = (line.strip() for line in text.replace("\\\n", " ").splitlines())
    return [_read_line(line) for line in lines if line and not line.startswith("#")]


def _read_line(line: str) -> LockedPackage:
    stated, *hashes = (part.strip() for part in line.split(HASH_OPTION))
    try:
        requirement = Requirement(stated)
    except InvalidRequirement as error:
        raise LockError(f"not a line of a lock: {stated}") from error
    pins = [specifier.version for specifier in requirement.specifier if specifier.operator == "=="]
    if len(pins) != 1:
        raise LockError(f"{requirement.name} is not pinned to one version: {stated}")
    if not hashes:
        raise LockError(f"{requirement.name} {pins[0]} has no hash in the lock")
    return LockedPackage(
        name=canonicalize_name(requirement.name),
        version=pins[0],
        hashes=tuple(sorted(hashes)),
        marker=str(requirement.marker) if requirement.marker else None,
    )
