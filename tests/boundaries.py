"""Where a process can die: round each of its commits and round each of its calls to a processor.

`watch` puts itself round every transaction that `payments.operations` opens and every method of every connector, so
that a test sees the process pass these boundaries one by one, kills it at any of them, or breaks the network.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final

import pytest

from django.db import transaction

import payments
from payments.connectors import base, registry

ROOT: Final = Path(payments.__file__).resolve().parent
# Every commit and every call to a processor is in one of these.
WATCHED: Final = ("payments.operations", "payments.tasks")
# What a processor does. The rest of a connector (its name, how it reads a payload) does not leave the process.
CALLS: Final = frozenset(
    name for name, member in vars(base.Connector).items() if callable(member) and not name.startswith("_")
) - {"read"}


class When(StrEnum):
    """On which side of a transaction or a call."""

    BEFORE = "before"
    INSIDE = "inside"
    AFTER = "after"


@dataclass(frozen=True, order=True)
class Site:
    """One place in the code: the transactions of a function are counted from 1, calls have the method's name."""

    function: str
    what: str

    def __str__(self) -> str:
        """Return how tables and stories name it."""
        return f"{self.function}: {self.what}"

    @property
    def is_transaction(self) -> bool:
        """Tell a transaction from a call."""
        return self.what.startswith("transaction")


@dataclass(frozen=True)
class Boundary:
    """One moment of a process. `INSIDE` a transaction everything is written and nothing is committed."""

    site: Site
    when: When

    def __str__(self) -> str:
        """Return how stories name it."""
        if not self.site.is_transaction:
            return f"{self.when} the processor got {self.site.what}"
        when = {
            When.BEFORE: "before it begins",
            When.INSIDE: "before it commits",
            When.AFTER: "after it committed",
        }[self.when]
        return f"{self.site}, {when}"


class Died(BaseException):
    """The process is dead. No `Exception`: nothing in the product may catch it."""

    def __init__(self, boundary: Boundary | str) -> None:
        """Say where."""
        super().__init__(str(boundary))
        self.boundary = boundary


class Network(StrEnum):
    """How a call to a processor breaks on its way."""

    REFUSED = "the connection is refused"
    REQUEST_LOST = "the request is lost on its way"
    ANSWER_LOST = "the answer is lost on its way"


@dataclass
class Watch:
    """What has been passed, and what happens at the next boundary."""

    passed: list[Boundary] = field(default_factory=list)
    at_boundary: Callable[[Boundary], None] | None = None
    network: Network | None = None

    def pass_by(self, boundary: Boundary) -> None:
        """Note the boundary, and do there what the test wants."""
        self.passed.append(boundary)
        if self.at_boundary is not None:
            self.at_boundary(boundary)

    @contextmanager
    def dying_at(self, number: int) -> Iterator[None]:
        """Kill the process at the boundary of this number, counted from 0 and from now on."""
        first = len(self.passed)

        def die(boundary: Boundary) -> None:
            if len(self.passed) - first > number:
                raise Died(boundary)

        with self.doing(die):
            yield

    @contextmanager
    def doing(self, action: Callable[[Boundary], None]) -> Iterator[None]:
        """Do this at every boundary."""
        before, self.at_boundary = self.at_boundary, action
        try:
            yield
        finally:
            self.at_boundary = before

    @contextmanager
    def breaking(self, network: Network | None) -> Iterator[None]:
        """Break every call to a processor."""
        before, self.network = self.network, network
        try:
            yield
        finally:
            self.network = before


def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Stand round every transaction and every call, for the length of a test."""
    watching = Watch()
    monkeypatch.setattr(transaction, "atomic", _watched_atomic(watching))
    connectors = registry._CONNECTORS  # pylint: disable=protected-access
    for name, connector in connectors.items():
        monkeypatch.setitem(connectors, name, _WatchedConnector(connector, watching))
    for_account = registry.connector_with
    monkeypatch.setattr(registry, "connector_with", lambda account: _WatchedConnector(for_account(account), watching))
    return watching


@cache
def sites() -> dict[Site, str]:
    """Return every place where operations and tasks commit or call a processor, with its file and line."""
    found: dict[Site, str] = {}
    for path in sorted([*(ROOT / "operations").rglob("*.py"), ROOT / "tasks.py"]):
        module = ".".join(("payments", *path.relative_to(ROOT).with_suffix("").parts))
        for function, line, what in _calls_in(ast.parse(path.read_text(encoding="utf-8"))):
            found[Site(f"{module.removeprefix('payments.')}.{function}", what)] = (
                f"{path.relative_to(ROOT.parent)}:{line}"
            )
    return found


def _calls_in(module: ast.Module) -> Iterator[tuple[str, int, str]]:
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        number = 0
        for call in _own_calls(function):
            name = ast.unparse(call.func)
            if name.endswith("transaction.atomic"):
                number += 1
                yield function.name, call.lineno, f"transaction {number}"
            elif isinstance(call.func, ast.Attribute) and call.func.attr in CALLS and _is_connector(call.func.value):
                yield function.name, call.lineno, call.func.attr


def _own_calls(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.Call]:
    """Return the calls in a function's own lines, in their order, and not those of functions within it."""
    waiting: list[ast.AST] = list(function.body)
    calls = []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Call):
            calls.append(node)
        waiting.extend(ast.iter_child_nodes(node))
    return sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def _is_connector(node: ast.expr) -> bool:
    """Tell whether an expression is a connector, by its name: `connector`, or `source.connector`."""
    text = ast.unparse(node)
    return text.rpartition(".")[2] == "connector"


def _site_at(frame: FrameType, what: str | None = None) -> Site | None:
    """Return which site a frame stands at; `what` is None for a transaction, whose number its line tells."""
    module = frame.f_globals.get("__name__", "")
    if not module.startswith(WATCHED):
        return None
    function = f"{module.removeprefix('payments.')}.{frame.f_code.co_name}"
    if what is not None:
        return Site(function, what)
    for site, place in sites().items():
        if site.function == function and site.is_transaction and place.endswith(f":{frame.f_lineno}"):
            return site
    raise AssertionError(f"{function} opens a transaction in line {frame.f_lineno} that `sites` does not find")


def _watched_atomic(watching: Watch) -> Callable[..., Any]:
    real = transaction.atomic

    def atomic(using: Any = None, savepoint: bool = True, durable: bool = False) -> Any:
        block = real(using, savepoint, durable)
        site = _site_at(sys._getframe(1))  # pylint: disable=protected-access
        return block if site is None else _WatchedBlock(block, site, watching)

    return atomic


@dataclass
class _WatchedBlock:
    block: Any
    site: Site
    watching: Watch

    def __enter__(self) -> None:
        self.watching.pass_by(Boundary(self.site, When.BEFORE))
        self.block.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            try:
                self.watching.pass_by(Boundary(self.site, When.INSIDE))
            except BaseException as died:
                self.block.__exit__(type(died), died, died.__traceback__)
                raise
        self.block.__exit__(kind, error, traceback)
        if error is None:
            self.watching.pass_by(Boundary(self.site, When.AFTER))


class _WatchedConnector:
    """A connector, watched, with a network that can break."""

    def __init__(self, connector: base.Connector, watching: Watch) -> None:
        self._connector = connector
        self._watching = watching

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._connector, name)
        if name not in CALLS:
            return member

        def call(*args: Any, **kwargs: Any) -> Any:
            site = _site_at(sys._getframe(1), name)  # pylint: disable=protected-access
            assert site is not None, "processors are asked by operations alone"
            self._watching.pass_by(Boundary(site, When.BEFORE))
            network = self._watching.network
            if network is Network.REFUSED:
                if name in ("due_notices", "acknowledge"):
                    raise ConnectionError(network)
                return base.NotSent("Connection refused.")
            if network is Network.REQUEST_LOST:
                raise TimeoutError(network)
            answer = member(*args, **kwargs)
            self._watching.pass_by(Boundary(site, When.AFTER))
            if network is Network.ANSWER_LOST:
                raise TimeoutError(network)
            return answer

        return call
