"""`load`: turns a source into an executed private package and its spec.

Called by a batch on the loader thread, by exports and by detached modules.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from threading import current_thread, main_thread

from ..errors import BlockedError, ImportCircleError, LoadError
from ..source import Source
from ..spec import ModuleSpec
from .body import body_finding
from .checks import check
from .imports import Resolve
from .package import Package
from .reader import Reader
from .requirements import refuse_unmet
from .text import is_code


@dataclass(frozen=True, slots=True)
class Loaded:
    """An executed package with its spec; the caller of `load` closes the package."""

    package: Package
    spec: ModuleSpec


def load(
    source: Source,
    name: str,
    context: object,
    *,
    resolve: Resolve,
    printer: Callable[..., None],
    folder: str,
    outer_names: Container[str] = (),
) -> Loaded:
    """Check, execute and read a source.

    Args:
        source: The module's source.
        name: The private package's name, for example ``modules.standard.orders~3``.
        context: Its ``app_context``.
        resolve: Module id → package name, for imports from other modules.
        printer: Its ``print``.
        folder: The module's folder, whether there is one or not; for its requirements.
        outer_names: Names of the notebook that called, for better messages.

    Raises:
        LoadError: With all findings, if there is no spec; the package is closed then.
        RequirementsError: If a package that it requires is not installed; nothing was executed.
    """
    findings = check(source, outer_names)
    if any(finding.level == "error" for finding in findings):
        raise LoadError(source.module_id, "check", findings)
    findings += refuse_unmet(source, folder)
    package = Package(name, source, context=context, resolve=resolve, printer=printer)
    try:
        _execute(package)
        package.complete = True
        reader = Reader(source, package.modules())
        spec = reader.read()
        if spec is None or any(finding.level == "error" for finding in reader.findings):
            raise LoadError(source.module_id, "read", reader.findings)
    except BaseException:
        package.close()
        raise
    warnings = (*findings, *reader.findings)
    return Loaded(package, replace(spec, findings=warnings) if warnings else spec)


def _execute(package: Package) -> None:
    files = sorted(filter(is_code, package.source.files), key=lambda file: file != "api.py")
    file = "api.py"
    try:
        package.open()
        for file in files:  # the error names the file that was executed
            package.import_file(file)
    except (LoadError, BlockedError):
        raise  # the error of another module that this one imports from
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and current_thread() is main_thread():
            raise  # a person's Ctrl-C; on the loader thread only a body can raise it
        # Everything else that a module's body raises is its fault, SystemExit included.
        finding = body_finding(package.source, error, file)
        raise LoadError(package.source.module_id, "import", [finding]) from error


class LoadChain:
    """The modules whose files are being executed, one importing the next; outermost first."""

    def __init__(self) -> None:
        self._ids: list[str] = []

    def enter(self, module_id: str) -> None:
        """Add a module, which is loaded now."""
        self._ids.append(module_id)

    def leave(self, module_id: str) -> None:
        """Remove a module, whose load has ended."""
        self._ids.remove(module_id)

    def refuse_circle(self, module_id: str) -> None:
        """Check that a module which is to be imported isn't being executed already.

        Raises:
            ImportCircleError: If it is, with the chain of imports from it to itself.
        """
        if module_id in self._ids:
            raise ImportCircleError([*self._ids[self._ids.index(module_id) :], module_id])

    @property
    def innermost(self) -> str:
        """The module whose files are executed now; empty if none is."""
        return self._ids[-1] if self._ids else ""

    def __contains__(self, module_id: object) -> bool:
        return module_id in self._ids

    def __repr__(self) -> str:
        return f"<LoadChain: {' → '.join(self._ids) or 'nothing under way'}>"
