"""What passed a check before, remembered by a hash of all that the verdict came from."""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

# Enough for the project's files on several branches; the ones that were of use last are kept.
REMEMBERED_MAX = 20_000


class Verdicts:
    """The checks that passed, in a file below `.nox/`, where git does not look.

    A verdict's key is a hash of the check's name and of everything that the check read. Whatever changes gives another
    key, so a verdict never becomes wrong.
    """

    def __init__(self, file: Path, *basis: str) -> None:
        """Read the file, if there is one; `basis` is what every check depends on."""
        self.file = file
        self.basis = basis
        self._known: list[str] = json.loads(file.read_text(encoding="ascii")) if file.exists() else []
        self._passed = set(self._known)
        self._of_use: dict[str, None] = {}

    def key(self, check: str, inputs: Iterable[str]) -> str:
        """Return the key of a check that reads these inputs, given as text or as hashes."""
        return hashlib.sha256(json.dumps([check, self.basis, sorted(inputs)]).encode()).hexdigest()

    def passed(self, key: str) -> bool:
        """Tell whether the check of that key passed before."""
        if key in self._passed:
            self._of_use[key] = None
        return key in self._passed

    def remember(self, key: str) -> None:
        """Take down that the check of that key passes."""
        self._of_use[key] = None

    def save(self) -> None:
        """Write the file in one step: another run may read it meanwhile."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        written = self.file.with_name(f"{self.file.name}.{os.getpid()}")
        keys = [*(key for key in self._known if key not in self._of_use), *self._of_use]
        written.write_text(json.dumps(keys[-REMEMBERED_MAX:]), encoding="ascii")
        written.replace(self.file)
