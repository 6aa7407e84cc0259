"""Which files may have duplicate code, found in a moment because what a file looks like to pylint is remembered.

pylint itself has to read and parse everything to compare anything, which takes most of its time.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pylint.checkers.symilar import stripped_lines

IGNORED = ("ignore_comments", "ignore_docstrings", "ignore_imports", "ignore_signatures")


def suspects(contents: Mapping[str, bytes], remembered: Path, *, settings: Mapping[str, Any]) -> set[str]:
    """Return the files that share enough successive lines with another for pylint to look at them.

    `settings` are pylint's section `similarities`. What is returned may be too much: pylint does not count lines
    without a word, nor those where the check is disabled.
    """
    known: dict[str, list[str]] = json.loads(remembered.read_text(encoding="ascii")) if remembered.exists() else {}
    # The settings decide what is seen in a file, so they are a part of its name here.
    look = json.dumps(settings, sort_keys=True)
    names = {file: f"{hashlib.sha256(content).hexdigest()} {look}" for file, content in contents.items()}
    windows = {
        name: known[name] if name in known else windows_of(contents[file].decode(), settings)
        for file, name in names.items()
    }
    _save(remembered, windows)
    files_with: dict[str, set[str]] = {}
    for file, name in names.items():
        for window in windows[name]:
            files_with.setdefault(window, set()).add(file)
    return {file for files in files_with.values() if len(files) > 1 for file in files}


def windows_of(text: str, settings: Mapping[str, Any]) -> list[str]:
    """Return a hash for every run of as many lines as make a duplicate, in whatever order, as pylint compares them."""
    size = settings["min-similarity-lines"]
    ignored = {name: settings.get(name.replace("_", "-"), True) for name in IGNORED}
    lines = [line.text for line in stripped_lines(text.splitlines(keepends=True), **ignored)]
    runs = {"\n".join(sorted(lines[start : start + size])) for start in range(len(lines) - size + 1)}
    return sorted(hashlib.sha256(run.encode()).hexdigest()[:16] for run in runs)


def _save(file: Path, windows: Mapping[str, list[str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_name(f"{file.name}.{os.getpid()}")
    written.write_text(json.dumps(windows), encoding="ascii")
    written.replace(file)
