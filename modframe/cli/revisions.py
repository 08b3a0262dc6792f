"""What the commands of ``modframe db`` do.

In come a workspace, a module and a target; out go lines or JSON, and an exit status: 0 done, 1 a
failure or models that differ. Modules are read from their files and notebooks, and not started.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..config import read_settings
from ..errors import ModuleNotFoundInWorkspaceError
from ..source import OnDisk, Source
from ..source.workspace import data_folder
from ..spec import module_id_of
from ..wording import count, near, otherwise
from .options import Format
from .out import as_json, say, workspace_at

if TYPE_CHECKING:
    from ..parts.database.databases import Databases
    from ..parts.database.discover import DatabaseSpec
    from ..parts.database.revisions.files import Revisions

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a command is about; its options.

    Attributes:
        module: The module's id; ``None`` for all that have revisions.
        database: The one of a module's databases; ``None`` for its main one, or for all.
    """

    workspace: Path | None
    module: str | None
    notebooks: Sequence[Path] | None
    database: str | None
    format: Format

    @property
    def as_data(self) -> bool:
        """Whether JSON is printed."""
        return self.format is Format.json


@dataclass(frozen=True, slots=True)
class _Chain:
    """The revisions of one database of a module, and what its models say."""

    spec: DatabaseSpec
    revisions: Revisions

    @property
    def label(self) -> str:
        """How lines begin that are about it."""
        return f"{self.revisions.module_id}, database {self.spec.name!r}"


def write(wanted: Wanted, message: str, *, renames: tuple[str, ...], empty: bool) -> int:
    """Write a revision of a module's main database, or of the one that was named.

    Raises:
        LoadError: If the module can't be loaded.
        RevisionError: If its revisions can't be read or run, or a rename can't be meant.
    """
    from ..parts.database.revisions.propose import revise
    from ..parts.database.revisions.renames import Rename

    with _chains(wanted) as chains:
        chain = chains[0]
        meant = [Rename.parse(text, chain.revisions.module_id) for text in renames]

        async def run(databases: Databases) -> Any:
            return await revise(
                databases,
                chain.spec,
                chain.revisions,
                message=message,
                renames=meant,
                empty=empty,
            )

        proposal, path = _with_databases(wanted, run)
        facts = {
            "module": chain.revisions.module_id,
            "database": chain.spec.name,
            "file": str(path) if path else None,
            "operations": list(proposal.names),
            "hints": list(proposal.hints),
        }
    if wanted.as_data:
        as_json(facts)
    elif path is None:
        say(f"{chain.label}: nothing to do, the revisions make what the models say")
    else:
        say(f"wrote {path}")
        for sentence in proposal.names:
            say(f"  {sentence}")
        for hint in proposal.hints:
            say(f"look at it: {hint}")
        say(f"next: read it, then 'modframe db upgrade {chain.revisions.module_id}'")
    return 0


def upgrade(wanted: Wanted, target: str) -> int:
    """Run revisions that were not run yet, of one module or of all.

    Raises:
        RevisionError: If they can't be read or run; of each database, all or none are run.
    """
    from ..parts.database.revisions.run import upgrade as run_upgrade

    return _move(wanted, target, run_upgrade, done="upgraded", nothing="nothing to do")


def downgrade(wanted: Wanted, target: str) -> int:
    """Take revisions back.

    Raises:
        RevisionError: If they can't be read or taken back; nothing was changed then.
    """
    from ..parts.database.revisions.run import downgrade as run_downgrade

    return _move(wanted, target, run_downgrade, done="took back", nothing="nothing to take back")


def _move(
    wanted: Wanted, target: str, run: Callable[..., Awaitable[Any]], *, done: str, nothing: str
) -> int:
    wait = read_settings().database_upgrade_wait
    facts: list[dict[str, Any]] = []
    with _chains(wanted) as chains:

        async def run_all(databases: Databases) -> None:
            for chain in chains:
                database = databases.database(chain.spec.name, chain.spec.engine)
                steps = await run(database, chain.revisions, target, wait=wait)
                facts.append(
                    {
                        "module": chain.revisions.module_id,
                        "database": chain.spec.name,
                        "revisions": [step.revision.name for step in steps],
                        "there": [there for step in steps for there in step.there],
                    }
                )
                if not wanted.as_data:
                    say(f"{chain.label}: {done if steps else nothing}")
                    for step in steps:
                        say(f"  {step}")

        _with_databases(wanted, run_all)
    if wanted.as_data:
        as_json({"databases": facts})
    return 0


def history(wanted: Wanted) -> int:
    """Print the revisions, the oldest first, and which of them the database has.

    Raises:
        RevisionError: If they can't be read.
    """
    from ..parts.database.revisions.run import state_of

    facts: list[dict[str, Any]] = []
    with _chains(wanted) as chains:

        async def run(databases: Databases) -> None:
            for chain in chains:
                database = databases.database(chain.spec.name, chain.spec.engine)
                state = await state_of(database, chain.revisions)
                pending = {one.id for one in state.pending}
                facts.append(
                    {
                        "module": chain.revisions.module_id,
                        "database": chain.spec.name,
                        "revisions": [
                            {
                                "id": one.id,
                                "file": one.file.name,
                                "message": one.message,
                                "done": one.id not in pending,
                            }
                            for one in chain.revisions.ordered
                        ],
                    }
                )

        _with_databases(wanted, run)
    if wanted.as_data:
        as_json({"databases": facts})
        return 0
    for one in facts:
        number = count(len(one["revisions"]), "revision")
        say(f"{one['module']}, database {one['database']!r}: {number}")
        for revision in one["revisions"]:
            mark = "done   " if revision["done"] else "pending"
            say(f"  {mark}  {revision['file']}  {revision['id']}  {revision['message']}")
    return 0


def check(wanted: Wanted) -> int:
    """Print whether revisions make what models need; return 1 if any doesn't.

    Raises:
        RevisionError: If they can't be read or run.
    """
    from ..parts.database.revisions.propose import propose

    facts: list[dict[str, Any]] = []
    with _chains(wanted) as chains:

        async def run(databases: Databases) -> None:
            for chain in chains:
                proposal = await propose(databases, chain.spec, chain.revisions)
                facts.append(
                    {
                        "module": chain.revisions.module_id,
                        "database": chain.spec.name,
                        "lacking": list(proposal.names),
                        "hints": list(proposal.hints),
                    }
                )

        _with_databases(wanted, run)
    if wanted.as_data:
        as_json({"databases": facts})
    for one in facts if not wanted.as_data else ():
        label = f"{one['module']}, database {one['database']!r}"
        if not one["lacking"]:
            say(f"{label}: the revisions make what the models say")
            continue
        say(f"{label}: the models have what no revision makes:")
        for sentence in (*one["lacking"], *one["hints"]):
            say(f"  {sentence}")
        say(f'next: modframe db revision {one["module"]} -m "..."')
    return int(any(one["lacking"] for one in facts))


# -- modules and databases ---------------------------------------------------------------------


@contextlib.contextmanager
def _chains(wanted: Wanted) -> Iterator[list[_Chain]]:
    """Yield the revisions of the module that was named, or of all that have some.

    Raises:
        ModuleNotFoundInWorkspaceError: With the nearest name, if there is no such module.
        LoadError: If a module can't be loaded.
        DatabaseNameError: If it has no database, or none of that name.
        RevisionError: If revisions can't be read.
    """
    from ..parts.database.revisions.files import read_revisions
    from ..parts.database.revisions.place import has_revisions, home_of, revisions_folders
    from ..ship.declared import declared_databases

    modules = workspace_at(wanted.workspace) / "modules"
    disk = OnDisk(modules, wanted.notebooks or ())
    disk.refuse_unreadable()
    chains: list[_Chain] = []
    with contextlib.ExitStack() as stack:
        for source in _sources(wanted, disk):
            home = home_of(source, modules)
            if wanted.module is None and not has_revisions(home):
                continue
            with contextlib.redirect_stdout(sys.stderr):  # what module bodies print
                specs = stack.enter_context(declared_databases(source, modules=modules))
            folders = revisions_folders(home, specs)
            for spec in _chosen(wanted, source.module_id, specs):
                read = read_revisions(
                    source.module_id, spec.name, home=home, folder=folders[spec.name]
                )
                chains.append(_Chain(spec, read))
        if not chains and not wanted.as_data:
            say(
                f"no module in {modules} has revisions; 'modframe db revision MODULE -m \"...\"' "
                "writes the first"
            )
        chains.sort(key=lambda chain: len(chain.revisions.folder.parts))  # the main one first
        yield chains


def _sources(wanted: Wanted, disk: OnDisk) -> Iterator[Source]:
    ids = disk.ids() if wanted.module is None else [module_id_of(wanted.module)]
    for module_id in ids:
        if (source := disk.source(module_id)) is None:
            raise ModuleNotFoundInWorkspaceError(
                f"there is no module {module_id!r} in {disk.modules}",
                cure=otherwise(
                    near(module_id, disk.ids()),
                    "name the notebook that has its cells with --notebook",
                ),
            )
        yield source


def _chosen(wanted: Wanted, module_id: str, specs: tuple[DatabaseSpec, ...]) -> list[DatabaseSpec]:
    from ..parts.database.errors import DatabaseNameError

    chosen = [spec for spec in specs if wanted.database in (None, spec.name)]
    if not chosen and wanted.module is not None:
        what = f"no database {wanted.database!r}" if wanted.database else "no database"
        raise DatabaseNameError(
            f"{module_id} has {what}",
            cure=near(wanted.database or "", [spec.name for spec in specs])
            or "a module declares one by DATABASE_NAME beside its models",
            database=wanted.database or "",
        )
    return chosen


def _with_databases(wanted: Wanted, run: Callable[[Databases], Awaitable[T]]) -> T:
    """Return what a coroutine function returns that gets the workspace's databases."""
    from ..parts.database.lazy import LazyDatabases

    home = workspace_at(wanted.workspace)
    databases = LazyDatabases(data_folder(None, home), read_settings(), lambda: ())

    async def main() -> T:
        async with databases.get() as opened:
            return await run(opened)

    return asyncio.run(main())
