"""`check`: everything that can be found out about a module without starting it.

In goes a source; out come findings about its text, its load, its database, its routes, and the
guide's rules. `app.check` and ``modframe compliance`` call it. No data is touched.
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
from .guide_rules import check_guide_rules


def check(source: Source, *, modules: Path) -> tuple[Finding, ...]:
    """Return what is wrong with a module, errors first; empty if it loads and follows the guide.

    Args:
        source: The module's text.
        modules: The folder of modules, for its imports from others.
    """
    detached = DetachedModules(modules, mark="check")
    try:
        loaded = _load(detached, source)
        if isinstance(loaded, tuple):
            return loaded
        findings = [
            *loaded.spec.findings,
            *_database(loaded, source),
            *_web(loaded, source),
            *check_guide_rules(loaded.spec, source, loaded.package.modules()),
        ]
    finally:
        detached.close()
    return tuple(sorted(findings, key=lambda finding: finding.level != "error"))


def _load(detached: DetachedModules, source: Source) -> Loaded | tuple[Finding, ...]:
    """Load the source, on a thread that can be left behind if the module's body never ends."""
    outcome: list[Loaded | tuple[Finding, ...]] = []

    def run() -> None:
        try:
            outcome.append(detached.load(source))
        except BaseException as error:  # noqa: BLE001  # whatever a module's files raise
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
    """Return the findings of a failed load; those of an imported module with its name."""
    if error.module_id == source.module_id:
        return error.findings
    named = f"imports from {error.module_id}, which does not load: "
    return tuple(
        replace(
            finding,
            message=f"{named}{finding.file} line {finding.line}: {finding.message}",
            file="",
            line=0,
        )
        for finding in error.findings
    )


def _database(loaded: Loaded, source: Source) -> Sequence[Finding]:
    """Check the module's models; SQLAlchemy is imported only if the module imports it."""
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
    """Check the module's router as serving would; FastAPI is imported only if there is one."""
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
