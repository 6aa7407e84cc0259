"""Versions of files, as git has them: those of all commits, those in the working tree, those that are staged."""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_NONE = "0" * 40
_SUBMODULE = "160000"
_RAW = ("--raw", "--no-renames", "--no-abbrev", "--no-color", "--diff-filter=d")


@dataclass(frozen=True, slots=True)
class Version:
    """One content of a file: git's id of it, a path it has or had, and the commit that brought it, if one has."""

    blob: str
    path: str
    commit: str | None


def of_all_commits() -> list[Version]:
    """Return what each commit that leads to HEAD has brought, the oldest first; also what merges have.

    The program ends where git has only the newest commits.
    """
    if not _git("rev-list", "--all", "--max-count=1"):
        return []
    if _git("rev-parse", "--is-shallow-repository").strip() == "true":
        sys.exit("there is only a part of the history: fetch the rest with `git fetch --unshallow`")
    options = ("--topo-order", "--reverse", "-m", "--root", "--no-show-signature", "--format=%H")
    return list(_changes(_git("log", *options, *_RAW, "HEAD")))


def staged() -> list[Version]:
    """Return what the next commit would bring."""
    return list(_changes(_git("diff", "--cached", *_RAW)))


def of_the_tree() -> list[Version]:
    """Return the files as they are on the disk, committed or not, without what git ignores."""
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    paths = sorted(path for path in set(listed) if Path(path).is_file() and not Path(path).is_symlink())
    return [Version(_id_of(Path(path).read_bytes()), path, None) for path in paths]


def contents(blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the contents that git keeps under the ids; some it may not have."""
    with tempfile.TemporaryFile() as wanted:
        wanted.write("\n".join(blobs).encode())
        wanted.seek(0)
        with subprocess.Popen(["git", "cat-file", "--batch"], stdin=wanted, stdout=subprocess.PIPE) as git:
            assert git.stdout is not None
            for answer in git.stdout:
                blob, *kind_and_size = answer.decode().split()
                if kind_and_size != ["missing"]:
                    yield blob, git.stdout.read(int(kind_and_size[1]))
                    # A line feed ends each.
                    git.stdout.read(1)


def _changes(listed: str) -> Iterator[Version]:
    """Read lines of `--raw`, `:100644 100644 OLD NEW M<tab>PATH`, each below its commit's id if there is one."""
    commit = None
    for line in listed.splitlines():
        if line.startswith(":"):
            change, _, path = line.partition("\t")
            _, mode, _, blob, _ = change.split()
            if mode != _SUBMODULE and blob != _NONE:
                yield Version(blob, path, commit)
        elif line:
            commit = line


def _git(*arguments: str) -> str:
    # Otherwise it would spell what is beyond ASCII in octal figures.
    command = ["git", "-c", "core.quotePath=off", *arguments]
    ended = subprocess.run(command, capture_output=True, check=False)
    if ended.returncode:
        sys.exit(f"git {arguments[0]}: {ended.stderr.decode().strip()}")
    # Names of files are bytes.
    return os.fsdecode(ended.stdout)


def _id_of(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
