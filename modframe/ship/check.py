"""`check`: everything that can be found out about a module without starting it.

In goes a source; out come findings about its text, its load, its database, its routes, and the
guide's rules. `app.check` and ``modframe compliance`` call it. No data is touched.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from ..config import read_settings
from ..errors import LoadError, ModframeError
from ..finding import Finding
from ..load import Loaded
from ..load.body import running_place
from ..runtime.failure import as_load_error
from ..source import Source
from .detached import DetachedModules
from .rules import ParsedModule, apply_rules


def check(source: Source, *, modules: Path) -> tuple[Finding, ...]:
    """Return what is wrong with a module, errors first; empty if it loads and follows the guide.

    ``modules`` is the folder of modules, for its imports from others.
    """
    detached = DetachedModules(modules, mark="check")
    try:
        loaded = load_in_time(detached, source)
        told = [*loaded.spec.findings, *_database(loaded, source), *_web(loaded, source)]
        return apply_rules(ParsedModule(source, loaded), told)
    except LoadError as error:
        return apply_rules(ParsedModule(source, None), _findings(source, error))
    finally:
        detached.close()


def load_in_time(detached: DetachedModules, source: Source) -> Loaded:
    """Load the source, on a thread that can be left behind if the module's body never ends.

    Raises:
        LoadError: If it can't be loaded, or is not loaded in time.
    """
    outcome: Future[Loaded] = Future()

    def run() -> None:
        try:
            outcome.set_result(detached.load(source))
        except BaseException as error:  # noqa: BLE001  # whatever a module's files raise
            outcome.set_exception(as_load_error(source, "import", error))

    timeout = read_settings().load_timeout
    threading.Thread(target=run, name="modframe-check", daemon=True).start()
    try:
        return outcome.result(timeout)
    except TimeoutError:
        file, line = running_place(source)
        late = ModframeError(
            f"the import of its files took longer than {timeout:g} s and was left behind",
            cure="a module's body must not wait; do that in initialize()",
            file=file,
            line=line,
        )
        raise as_load_error(source, "import", late) from None


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
    from ..parts.database.review import check_models

    try:
        modules = loaded.package.modules()
        return check_models(discover(modules, named=named), modules, read_settings())
    except ModframeError as error:
        return as_load_error(source, "database", error).findings


def _web(loaded: Loaded, source: Source) -> Sequence[Finding]:
    """Check the module's router as serving would; FastAPI is imported only if there is one."""
    router = loaded.spec.router
    if router is None:
        return []
    from ..parts.web.application import build_web
    from ..parts.web.check_router import empty_router
    from ..parts.web.errors import WebError
    from ..parts.web.forget import forget

    try:
        if not build_web(source.module_id, router, paths=loaded.spec.paths).routes:
            return [empty_router(router, source, loaded.package.modules())]
    except WebError as error:
        return as_load_error(source, "web", error).findings
    finally:
        forget()
    return []
