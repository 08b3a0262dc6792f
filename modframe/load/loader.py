"""`load`: a source to an executed private package and its spec; on the loader thread."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from threading import current_thread, main_thread

from ..errors import BlockedError, LoadError
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
