"""The nouns of trials: `Subject`, what a run tests, and `Failure`, one thing that failed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..names import MODULE_TYPES
from ..runtime.loop.app_loop import AppLoop
from ..source import Source

if TYPE_CHECKING:
    from ..load import Package
    from ..parts.web.problem import ASGIApp


@dataclass(frozen=True, slots=True)
class Subject:
    """A generation under test and what its tests can reach.

    Attributes:
        source: The module's text, tests included.
        package: Its private package; the tests are files of it.
        app_loop: Where module code and async tests run.
        app_context: The generation's own.
        package_of: Module id → the package that this generation sees for it.
        asgi: Makes the ASGI application in which this generation answers.
        module_ids: The modules of that application.
        prefix_of: Module id → the main prefix of its routes there.
    """

    source: Source
    package: Package
    app_loop: AppLoop
    app_context: Any
    package_of: Callable[[str], str | None]
    asgi: Callable[[], ASGIApp]
    module_ids: Collection[str]
    prefix_of: Callable[[str], str]

    @property
    def folder(self) -> Path:
        """The module's folder, which may not exist."""
        folder: Path = self.app_context.path
        return folder

    def lookup(self, dotted: str) -> Any:
        """Return what ``"modules.standard.orders.services.RATE"`` leads to for this generation.

        Raises:
            ImportError: If there is no such module.
            AttributeError: If it has no such name.
        """
        _, kind, short, *rest = dotted.split(".")
        package = self.package_of(f"{kind}.{short}")
        if package is None:
            raise ModuleNotFoundError(f"No module named {dotted!r}", name=dotted)
        target: Any = importlib.import_module(package)
        for depth, name in enumerate(rest, 1):
            if not hasattr(target, name) and isinstance(target, ModuleType):
                with suppress(ModuleNotFoundError):  # getattr then raises AttributeError
                    importlib.import_module(".".join((package, *rest[:depth])))
            target = getattr(target, name)
        return target


def names_a_module(dotted: str) -> bool:
    """Return whether a dotted text is the plain name of a workspace's module, or below one.

    >>> names_a_module("modules.standard.orders.RATE"), names_a_module("os.path.sep")
    (True, False)
    """
    head, *rest = dotted.split(".")
    return head == "modules" and len(rest) > 1 and rest[0] in MODULE_TYPES


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that failed, or a file whose tests could not be read.

    Attributes:
        rule: The rule of the finding it becomes.
        name: The test, for example ``TestTotals.test_sum[3]``, or what else failed.
        text: pytest's explanation, in lines.
        line: The failing line in the file or cell.
        error: The exception, for the traceback.
        nodeid: What pytest calls the test; empty if it is no single one.
    """

    rule: str
    name: str
    text: str
    file: str = ""
    line: int = 0
    cure: str = ""
    error: BaseException | None = None
    nodeid: str = ""
