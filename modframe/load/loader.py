"""`load`: a source to an executed private package and its spec; synchronous, on the loader thread."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from types import TracebackType

from ..errors import Finding, LoadError, ModframeError
from ..source import Source
from ..spec import ModuleSpec
from .checks import check, import_cause, is_code
from .imports import Resolve, make_import
from .package import Package
from .reader import Reader

_PRIVATE = re.compile(r"(modules\.\w+\.\w+)~\d+")


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
    package = Package(name, source, importer=make_import(context, resolve), printer=printer)
    try:
        _execute(package)
        reader = Reader(source, package.modules())
        spec = reader.read()
        if spec is None or any(one.level == "error" for one in reader.findings):
            raise LoadError(source.module_id, "read", reader.findings)
    except BaseException:
        package.close()
        raise
    object.__setattr__(spec, "findings", (*findings, *reader.findings))
    return Loaded(package, spec)


def _execute(package: Package) -> None:
    files = sorted(filter(is_code, package.source.files), key=lambda file: file != "api.py")
    file = "api.py"
    try:
        package.open()
        for file in files:  # noqa: B007  # the error names the file that was being run
            package.import_file(file)
    except ModframeError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # Whatever a module's body raises, SystemExit included, is a fault of the module.
        raise LoadError(
            package.source.module_id, "import", [body_finding(package.source, error, file)]
        ) from error


def body_finding(source: Source, error: BaseException, file: str) -> Finding:
    """An exception out of module code as a finding, at its innermost line in the module."""
    line, cell = 0, ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        if found := source.file_named(frame.f_code.co_filename):
            file, line, cell = found, number, source.files[found].cell
    if isinstance(error, ImportError):
        _speak_plainly(error)
    if isinstance(error, ModuleNotFoundError):
        cure = import_cause(error)
    elif isinstance(error, RuntimeError) and "no running event loop" in str(error):
        cure = "a module's body has no event loop; start tasks in initialize()"
    else:
        cure = "correct it and run it again"
    detail = f": {error}" if str(error) else ""
    return Finding(
        "body-error", "error", f"{type(error).__name__}{detail}", cure, file, line, cell
    )


def _speak_plainly(error: ImportError) -> None:
    """Let an import error name modules as people do, without number and internal file."""
    error.msg = _PRIVATE.sub(r"\1", str(error.msg)).partition(" (/")[0].partition(" (<")[0]
    error.args = (error.msg,)


def module_traceback(source: Source, trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of modframe's and the import system's own."""
    frames = [step for step in _steps(trace) if not _is_internal(step)]
    own = [source.file_named(step.tb_frame.f_code.co_filename) != "" for step in frames]
    if True not in own:
        return trace
    shown = None
    for step in reversed(frames[own.index(True) :]):
        shown = TracebackType(shown, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return shown


def _steps(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _is_internal(step: TracebackType) -> bool:
    name = str(step.tb_frame.f_globals.get("__name__", ""))
    return name.startswith(("modframe.", "importlib.")) or name == "importlib"
