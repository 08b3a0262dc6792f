"""`check`: everything that can be said about a module without starting it.

In goes a source; out come findings: of its text, of what a load says, of its routes, and of what
the guide demands (`demands`). `app.check` and ``modframe compliance`` call it. No data is touched.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from pathlib import Path

from ..config import FrameworkSettings
from ..errors import Finding, LoadError, ModframeError
from ..load import Loaded
from ..source import Source
from .demands import demands
from .detached import DetachedModules


def check(source: Source, *, modules: Path) -> tuple[Finding, ...]:
    """What is wrong with a module, errors first; nothing means that it would load and complies.

    Args:
        source: The module's text.
        modules: The folder of modules, for what it imports from others.
    """
    detached = DetachedModules(modules, mark="check")
    try:
        loaded = _load(detached, source)
        if isinstance(loaded, tuple):
            return loaded
        found = [
            *loaded.spec.findings,
            *_database(loaded),
            *_web(loaded, source),
            *demands(loaded.spec, source, loaded.package.modules()),
        ]
    finally:
        detached.close()
    return tuple(sorted(found, key=lambda one: one.level != "error"))


def _load(detached: DetachedModules, source: Source) -> Loaded | tuple[Finding, ...]:
    """The load, on a thread that can be left behind if the module's body never ends."""
    outcome: list[Loaded | tuple[Finding, ...]] = []

    def run() -> None:
        try:
            outcome.append(detached.load(source))
        except ModframeError as error:
            outcome.append(_findings(error, source))
        except BaseException as error:  # noqa: BLE001  # whatever a module's files let out
            message = f"{type(error).__name__}: {error}"
            outcome.append((Finding("load-failed", "error", message),))

    timeout = FrameworkSettings().load_timeout
    thread = threading.Thread(target=run, name="modframe-check", daemon=True)
    thread.start()
    thread.join(timeout)
    if not outcome:
        message = f"the import of its files took longer than {timeout:g} s and was left behind"
        cure = "a module's body must not wait; do that in initialize()"
        return (Finding("load-timeout", "error", message, cure),)
    return outcome[0]


def _findings(error: ModframeError, source: Source) -> tuple[Finding, ...]:
    if not isinstance(error, LoadError):
        place = {key: vars(error)[key] for key in ("file", "line") if key in vars(error)}
        return (Finding("load-failed", "error", error.message, error.cure, **place),)
    if error.module_id == source.module_id:
        return error.findings
    named = f"imports from {error.module_id}, which does not load: "
    return tuple(
        replace(one, message=f"{named}{one.file} line {one.line}: {one.message}", file="", line=0)
        for one in error.findings
    )


def _database(loaded: Loaded) -> list[Finding]:
    """What is wrong with its models; SQLAlchemy is imported only if it did so itself."""
    named = loaded.spec.database_name
    if not named and "sqlalchemy" not in sys.modules:
        return []
    from ..parts.database.discover import discover

    try:
        discover(loaded.package.modules(), named=named)
    except ModframeError as error:
        return [
            Finding(
                "database",
                "error",
                error.message,
                error.cure,
                getattr(error, "file", ""),
                getattr(error, "line", 0),
            )
        ]
    return []


def _web(loaded: Loaded, source: Source) -> list[Finding]:
    """What serving its router would refuse; FastAPI is imported only if there is one."""
    router = loaded.spec.router
    if router is None:
        return []
    from ..parts.web.application import build_web
    from ..parts.web.errors import WebError
    from ..parts.web.forget import forget

    try:
        build_web(source.module_id, router)
    except WebError as error:
        return [
            replace(
                one,
                file=source.file_named(one.file) or one.file,
                cell=_cell(source, one.file),
            )
            for one in error.findings
        ]
    finally:
        forget()
    return []


def _cell(source: Source, filename: str) -> str:
    file = source.file_named(filename)
    return source.files[file].cell if file else ""
