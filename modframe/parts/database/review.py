"""What a person should know about the engine of a module's databases, as findings.

Comes in: what a module declares, and the environment. Goes out: a finding where the two differ,
where another engine keeps rows, and where an engine does something in its own way. Called by the
database part for a load, and by `check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING

from ...finding import Finding
from ...names import module_id_in
from .backend import BackendOptions, backend_class
from .choice import Choice, Chooser
from .discover import DatabaseSpec
from .foreign import check_references
from .home import Home
from .schema.support import check_support

if TYPE_CHECKING:
    from ...config import FrameworkSettings
    from .databases import Databases

RULE, NOTE = "database-engine", "database-note"


def note(spec: DatabaseSpec, text: str) -> Finding:
    """Return a finding about a schema that hinders nothing."""
    return Finding(NOTE, "warning", text, file=spec.file)


def check_models(
    specs: Iterable[DatabaseSpec], modules: Mapping[str, ModuleType], config: FrameworkSettings
) -> list[Finding]:
    """Return what the engines of a module's databases say about its models; opens none of them.

    Raises:
        DatabaseNameError: If an engine keeps a name for itself.
        DatabaseDefinitionError: If a foreign key can't be kept.
        SchemaConflictError: If an engine can't do what the models say.
    """
    chooser = Chooser(None, **config.database_places())
    findings = []
    for spec in specs:
        choice = chooser.choose(spec.name, spec.engine)
        backend = backend_class(choice.engine)(BackendOptions(), Home())
        backend.check_name(spec.name)
        check_references(spec, modules, type(backend))
        findings += _overruled(spec, choice)
        findings += [note(spec, text) for text in check_support(spec.name, backend, spec.metadata)]
    return findings


async def engine_findings(databases: Databases, spec: DatabaseSpec, *, user: str) -> list[Finding]:
    """Return what to know about the engine that keeps a database of the generation ``user``."""
    choice = databases.choice(spec.name, spec.engine)
    findings = _overruled(spec, choice)
    beside = databases.kept_beside(spec.name, choice.engine, user=user)
    if beside:
        findings.append(_divided(databases, spec, {module_id_in(user): choice.engine, **beside}))
    for other in await databases.left_behind(spec.name, choice.engine, user=user):
        message = (
            f"database {spec.name!r} is kept by {choice.engine} ({choice.source}), and the rows in "
            f"{other.place.path} are not in use"
        )
        to = choice.engine if choice.place.url is None else f"{choice.engine}://..."
        first = (
            ""
            if choice.source in ("moved", "file", "default")
            else f"take {choice.source} away, start, "
        )
        cure = (
            f'{first}carry them over with app.database.move("{spec.name}", to="{to}"), or move '
            "that file away"
        )
        findings.append(Finding(RULE, "warning", message, cure=cure, file=spec.file))
    return findings


def _divided(databases: Databases, spec: DatabaseSpec, engines: Mapping[str, str]) -> Finding:
    """Return the finding about modules that give one database several engines: id → engine."""
    kept = " and ".join(f"by {engine} for {module_id}" for module_id, engine in engines.items())
    message = (
        f"database {spec.name!r} is kept {kept}, so that each has rows of its own; "
        "app.database.sql() and app.database.backup() take those of the module that was loaded "
        f"last, now {databases.database(spec.name).backend.name}"
    )
    cure = (
        "give these modules the same DATABASE_ENGINE, or another DATABASE_NAME each, and load them "
        "again"
    )
    return Finding(NOTE, "warning", message, cure=cure, file=spec.file)


def _overruled(spec: DatabaseSpec, choice: Choice) -> list[Finding]:
    text = choice.overrules(spec.engine)
    cure = f"unset {choice.source} to follow the file"
    return [Finding(RULE, "warning", text, cure=cure, file=spec.file)] if text else []
