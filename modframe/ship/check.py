"""`check`: everything that can be said about a module without starting it.

In goes a source; out come findings: of its text, of what a load says, of its routes, and of what
the guide demands (`demands`). `app.check` and ``modframe compliance`` call it. No data is touched.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..config import read_settings
from ..errors import Finding, LoadError, ModframeError
from ..load import Loaded
from ..load.body import running_place
from ..runtime.failure import as_load_error
from ..source import Source
from .detached import DetachedModules
from .guide_rules import demands


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
            *_database(loaded, source),
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
        except BaseException as error:  # noqa: BLE001  # whatever a module's files let out
            outcome.append(_findings(source, as_load_error(source, "import", error)))

    timeout = read_settings().load_timeout
    thread = threading.Thread(target=run, name="modframe-check", daemon=True)
    thread.start()
    thread.join(timeout)
    if not outcome:
        file, line = running_place(source)
        late = ModframeError(
            f"the import of its files took longer than {timeout:g} s and was left behind",
            cure="a module's body must not wait; do that in initialize()",
            file=file,
            line=line,
        )
        return as_load_error(source, "import", late).findings
    return outcome[0]


def _findings(source: Source, error: LoadError) -> tuple[Finding, ...]:
    """What a load says; of another module, which this one imports, with its name."""
    if error.module_id == source.module_id:
        return error.findings
    named = f"imports from {error.module_id}, which does not load: "
    return tuple(
        replace(one, message=f"{named}{one.file} line {one.line}: {one.message}", file="", line=0)
        for one in error.findings
    )


def _database(loaded: Loaded, source: Source) -> Sequence[Finding]:
    """What is wrong with its models; SQLAlchemy is imported only if it did so itself."""
    named = loaded.spec.database_name
    if not named and "sqlalchemy" not in sys.modules:
        return []
    from ..parts.database.discover import discover

    try:
        discover(loaded.package.modules(), named=named)
    except ModframeError as error:
        return as_load_error(source, "database", error).findings
    return []


def _web(loaded: Loaded, source: Source) -> Sequence[Finding]:
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
        return as_load_error(source, "web", error).findings
    finally:
        forget()
    return []
