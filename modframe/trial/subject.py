"""The nouns of trials: `Subject`, what a run of tests is about; `Failure`, a thing it found."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..names import MODULE_TYPES
from ..runtime.loop import AppLoop
from ..source import Source

if TYPE_CHECKING:
    from ..load import Package
    from ..parts.web.problem import ASGIApp


@dataclass(frozen=True, slots=True)
class Subject:
    """A generation under test, as its tests see the world.

    Attributes:
        source: The module's text, tests included.
        package: Its private package; the tests are files of it.
        app_loop: Where module code and async tests run.
        app_context: The generation's own.
        folder: Where the module's files lie, or would.
        package_of: Module id → the package that this generation is to see for it.
        asgi: Makes the ASGI application in which this generation answers already.
    """

    source: Source
    package: Package
    app_loop: AppLoop
    app_context: Any
    folder: Path
    package_of: Callable[[str], str | None]
    asgi: Callable[[], ASGIApp]

    def lookup(self, dotted: str) -> Any:
        """What ``"modules.standard.orders.services.RATE"`` leads to from here.

        Raises:
            ImportError: If there is no such module.
            AttributeError: If it has no such name.
        """
        _, kind, short, *rest = dotted.split(".")
        package = self.package_of(f"{kind}.{short}")
        if package is None:
            raise ModuleNotFoundError(f"No module named {dotted!r}", name=dotted)
        found: Any = importlib.import_module(package)
        for at, name in enumerate(rest, 1):
            if not hasattr(found, name) and isinstance(found, ModuleType):
                with suppress(ModuleNotFoundError):  # then it has no such attribute, said below
                    importlib.import_module(".".join((package, *rest[:at])))
            found = getattr(found, name)
        return found


def names_a_module(dotted: str) -> bool:
    """Whether a dotted text is the plain name of a module of a workspace, or below one.

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
        name: The test, as ``TestTotals.test_sum[3]``, or what else failed.
        text: pytest's explanation, in lines.
        file: The module's file; ``line``: the failing line in its place.
        cure: What to do, where that can be said.
        error: The exception, for the traceback.
    """

    rule: str
    name: str
    text: str
    file: str = ""
    line: int = 0
    cure: str = ""
    error: BaseException | None = None
