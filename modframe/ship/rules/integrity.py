"""MF7..: test doubles in module code. Called by `check`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .parsed import ParsedModule
from .rule import Hit, Rule

_DOUBLES = (
    "unittest.mock",
    "mock",
    "pytest_mock",
    "asynctest",
    "respx",
    "responses",
    "requests_mock",
    "aioresponses",
    "freezegun",
    "time_machine",
)
"""Packages of which a module's tests may make use, and its code not."""


def _mocks(module: ParsedModule) -> Iterator[Hit]:
    if module.spec.integrity.anti_mock:
        for parsed in module.files:
            for node in parsed.nodes:
                name = next(filter(_is_double, _imports(node)), None)
                if name is not None:
                    yield Hit(
                        f"imports {name}, and @enforce_data_integrity(anti_mock=True) rules mocks "
                        "out of module code",
                        parsed.place(node),
                    )


def _is_double(name: str) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in _DOUBLES)


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


RULES = (
    Rule(
        "MF701",
        "anti-mock",
        "warning",
        what="Module code imports test doubles, and `@enforce_data_integrity(anti_mock=True)` "
        "stands at its class.",
        why="A double that is left in gives made-up data as if it were real.",
        example="from unittest.mock import AsyncMock",
        cure="move it to the module's tests, or set anti_mock=False",
        cured='with app.override("orders", FakeOrders()): ...  # in a test',
        check=_mocks,
        about="load",
    ),
)
