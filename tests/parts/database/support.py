"""Helpers of the database tests: other processes that hold files, fresh models."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from modframe.parts.database.databases import Databases

ONE_ENGINE = pytest.mark.parametrize(
    "engine",
    [
        "duckdb",
        pytest.param("sqlite", marks=pytest.mark.soak),
        pytest.param("postgresql", marks=pytest.mark.soak),
    ],
    indirect=True,
)
"""Runs a test that takes long on one engine, and on the others under the marker ``soak``."""
BOUND = 60.0
"""Seconds after which a poll fails; many, since the machine may be busy."""


async def until(condition: Callable[[], bool]) -> None:
    """Poll until a condition holds."""

    async def poll() -> None:
        while not condition():
            await asyncio.sleep(0.01)

    await asyncio.wait_for(poll(), BOUND)


def attached(databases: Databases, name: str) -> bool:
    """Whether a database's file is held."""
    return any(facts.attached for facts in databases.describe() if facts.database == name)


HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("CREATE TABLE IF NOT EXISTS theirs (i INTEGER)")
connection.execute("INSERT INTO theirs VALUES (1)")
print("held", flush=True)
sys.stdin.readline()
connection.close()
print("gone", flush=True)
"""


class Holder:
    """Another process that holds a database's file until it is released."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def release(self) -> None:
        """Close the file; returns when it is closed."""
        if self._process.poll() is None and self._process.stdin and self._process.stdout:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            self._process.stdout.read()
            self._process.wait(BOUND)


@contextmanager
def held_by_another(path: Path) -> Iterator[Holder]:
    """Another process that holds the file at ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdout is None or process.stdout.readline() != "held\n":
            raise RuntimeError("the other process could not open the file")
        holder = Holder(process)
        try:
            yield holder
        finally:
            holder.release()


def file_of(text: str, *, package: str, name: str = "db_models") -> ModuleType:
    """A module's file as the loader would run it: in a package, known to ``sys.modules``."""
    root = sys.modules.get(package)
    if root is None:
        root = ModuleType(package)
        root.__path__ = []
        root.__package__ = package
        sys.modules[package] = root
    module = ModuleType(f"{package}.{name}")
    module.__package__ = package
    sys.modules[module.__name__] = module
    source = textwrap.dedent(text)
    code = compile(source, f"<{module.__name__}>", "exec")
    exec(code, vars(module))
    return module


def forget_package(package: str) -> None:
    """Take a package and its files out of ``sys.modules``."""
    for name in [key for key in sys.modules if key == package or key.startswith(f"{package}.")]:
        del sys.modules[name]


def fresh_base(database: str) -> Any:
    """A base that no other test shares, as for a caller outside of any package."""
    namespace: dict[str, Any] = {"__name__": "loose"}
    exec(
        f"from modframe.database import get_database_base\nbase = get_database_base({database!r})",
        namespace,
    )
    return namespace["base"]
