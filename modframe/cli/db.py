"""``modframe db``: the commands that write, run and check the revisions of databases.

Registered by `commands`; `revisions` does the work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Format, Shape, Workspace

db = typer.Typer(help="Revisions of databases: files that change tables.", no_args_is_help=True)

_Notebooks = Annotated[
    list[Path] | None,
    typer.Option("--notebook", help="A notebook whose %%module cells are modules too."),
]
_Module = Annotated[str, typer.Argument(help="A module's id.")]
_Modules = Annotated[
    str | None, typer.Argument(help="A module's id; all that have revisions if left out.")
]
_Database = Annotated[
    str | None, typer.Option("--database", help="Which one, for a module that has several.")
]
_TARGETS = {"ignore_unknown_options": True}
"""Lets ``-1`` be an argument."""


@db.command()
def revision(
    module: _Module,
    message: Annotated[str, typer.Option("--message", "-m", help="What it does, in a few words.")],
    rename: Annotated[
        list[str] | None,
        typer.Option(help="A column or a table that was renamed: orders.note=remark."),
    ] = None,
    empty: Annotated[
        bool, typer.Option("--empty", help="Write one that does nothing, to be filled by hand.")
    ] = False,
    notebooks: _Notebooks = None,
    database: _Database = None,
    workspace: Workspace = None,
    format: Shape = Format.text,
) -> int:
    """Write a revision that makes of the last one what the module's models say."""
    from . import revisions

    wanted = revisions.Wanted(workspace, module, notebooks, database, format)
    return revisions.write(wanted, message, renames=tuple(rename or ()), empty=empty)


@db.command(context_settings=_TARGETS)
def upgrade(
    module: _Modules = None,
    target: Annotated[
        str, typer.Argument(help="A revision or its beginning, head, or +1 for one step.")
    ] = "head",
    notebooks: _Notebooks = None,
    database: _Database = None,
    workspace: Workspace = None,
    format: Shape = Format.text,
) -> int:
    """Run the revisions that were not run yet, all in one transaction."""
    from . import revisions

    wanted = revisions.Wanted(workspace, module, notebooks, database, format)
    return revisions.upgrade(wanted, target)


@db.command(context_settings=_TARGETS)
def downgrade(
    module: _Module,
    target: Annotated[
        str, typer.Argument(help="A revision or its beginning, base, or -1 for one step.")
    ] = "-1",
    notebooks: _Notebooks = None,
    database: _Database = None,
    workspace: Workspace = None,
    format: Shape = Format.text,
) -> int:
    """Take revisions back, all in one transaction; what they dropped is lost."""
    from . import revisions

    wanted = revisions.Wanted(workspace, module, notebooks, database, format)
    return revisions.downgrade(wanted, target)


@db.command()
def history(
    module: _Modules = None,
    notebooks: _Notebooks = None,
    database: _Database = None,
    workspace: Workspace = None,
    format: Shape = Format.text,
) -> int:
    """List revisions, the oldest first, and whether the database has them."""
    from . import revisions

    wanted = revisions.Wanted(workspace, module, notebooks, database, format)
    return revisions.history(wanted)


@db.command()
def check(
    module: _Modules = None,
    notebooks: _Notebooks = None,
    database: _Database = None,
    workspace: Workspace = None,
    format: Shape = Format.text,
) -> int:
    """Say whether the revisions make what the models need; touches no data."""
    from . import revisions

    wanted = revisions.Wanted(workspace, module, notebooks, database, format)
    return revisions.check(wanted)
