"""The project's Python files, and which of the others each one's verdict depends on."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import grimp


class SourceGraph:
    """Files by path, with the hash of their content and the files that they import, directly or indirectly.

    pylint follows imports, and pylint-django also the name of a related model, which `payments.models` then imports.
    So a file depends on what it imports, and both on the packages around them.
    """

    def __init__(self, paths: Iterable[str], *, django_settings: str) -> None:
        """Read the files at and below the paths; every file depends on the settings, under which pylint starts Django.

        Raises grimp's SourceSyntaxError where a file is not Python.
        """
        roots = [Path(path) for path in paths]
        files = [file for root in roots for file in (sorted(root.rglob("*.py")) if root.is_dir() else [root])]
        self.contents = {str(file): file.read_bytes() for file in files}
        self.hashes = {file: hashlib.sha256(content).hexdigest() for file, content in self.contents.items()}
        self._file_of = {module_name(file): str(file) for file in files}
        packages = [root.name for root in roots if root.is_dir()]
        # Its own cache goes by the time of a change, which a copy may keep.
        self._graph = grimp.build_graph(*packages, include_external_packages=True, cache_dir=None)
        self._direct = {file: self._neighbors(module) for module, file in self._file_of.items()}
        self._settings = self._file_of[django_settings]

    def _neighbors(self, module: str) -> set[str]:
        if module not in self._graph.modules:
            # A script, which the graph leaves out: all may matter to it.
            return set(self.hashes)
        names = {module, *self._graph.find_modules_directly_imported_by(module)}
        around = {name.rsplit(".", count)[0] for name in names for count in range(name.count(".") + 1)}
        return {self._file_of[name] for name in around if name in self._file_of}

    def dependencies(self, file: str) -> set[str]:
        """Return the files on which pylint's verdict about this one depends, itself among them."""
        found = {file, self._settings}
        ahead = list(found)
        while ahead:
            new = self._direct[ahead.pop()] - found
            found |= new
            ahead += new
        return found

    def state(self, files: Iterable[str]) -> list[str]:
        """Return one text for each of the files: its path and the hash of its content."""
        return [f"{file} {self.hashes[file]}" for file in files]

    def is_current(self) -> bool:
        """Tell whether the files are still as they were read."""
        return all(Path(file).exists() and Path(file).read_bytes() == read for file, read in self.contents.items())


def module_name(file: Path) -> str:
    """Return the name under which the file is imported: `payments.api` for payments/api/__init__.py."""
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
