"""`load`: a source to an executed private package and its spec; on the loader thread."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
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
from .text import is_code


@dataclass(frozen=True, slots=True)
class Loaded:
    """An executed package with its spec; whoever gets it closes the package."""

    package: Package
    spec: ModuleSpec


def load(
    source: Source,
    name: str,
    context: object,
    *,
    resolve: Resolve,
    printer: Callable[..., None],
    outer_names: Container[str] = (),
) -> Loaded:
    """Check, execute and read a source.

    Args:
        source: The text.
        name: The private package's name, for example ``modules.standard.orders~3``.
        context: What ``app_context`` is inside it.
        resolve: Module id → package name, for imports from other modules.
        printer: What ``print`` is inside it.
        outer_names: Names of the notebook that called, for better messages.

    Raises:
        LoadError: With all findings, if it can't become a spec; nothing of it stays behind.
    """
    findings = check(source, outer_names)
    if any(one.level == "error" for one in findings):
        raise LoadError(source.module_id, "check", findings)
    package = Package(name, source, context=context, resolve=resolve, printer=printer)
    try:
        _execute(package)
        package.complete = True
        reader = Reader(source, package.modules())
        spec = reader.read()
        if spec is None or any(one.level == "error" for one in reader.findings):
            raise LoadError(source.module_id, "read", reader.findings)
    except BaseException:
        package.close()
        raise
    said = (*findings, *reader.findings)
    return Loaded(package, replace(spec, findings=said) if said else spec)


def _execute(package: Package) -> None:
    files = sorted(filter(is_code, package.source.files), key=lambda file: file != "api.py")
    file = "api.py"
    try:
        package.open()
        for file in files:  # the error names the file that was being run
            package.import_file(file)
    except (LoadError, BlockedError):
        raise  # another module's, on whose import this one waited
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and current_thread() is main_thread():
            raise  # a person's Ctrl-C, unlike one that a body raises on the loader thread
        # Whatever else a module's body raises, SystemExit included, is a fault of the module.
        finding = body_finding(package.source, error, file)
        raise LoadError(package.source.module_id, "import", [finding]) from error


class LoadChain:
    """Module ids, outermost first."""

    def __init__(self) -> None:
        self._ids: list[str] = []

    @contextmanager
    def entered(self, module_id: str) -> Iterator[None]:
        """Count a module among them while it is loaded."""
        self._ids.append(module_id)
        try:
            yield
        finally:
            self._ids.remove(module_id)

    def refuse_circle(self, module_id: str) -> None:
        """Let an import pass that leads to a module which is not under way.

        Raises:
            ImportCircleError: If it is; with the way from it to itself.
        """
        if module_id in self._ids:
            raise ImportCircleError([*self._ids[self._ids.index(module_id) :], module_id])

    @property
    def innermost(self) -> str:
        """The module whose files are executed at the moment; empty if none is."""
        return self._ids[-1] if self._ids else ""

    def __contains__(self, module_id: object) -> bool:
        return module_id in self._ids

    def __repr__(self) -> str:
        return f"<LoadChain: {' → '.join(self._ids) or 'nothing under way'}>"
