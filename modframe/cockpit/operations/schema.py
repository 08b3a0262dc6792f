"""The tab *Data*, how the tables of a database fit its models: `app.database.migrate`, revisions.

A migration's steps are chosen one by one, and carried out once their plan was seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...names import short_id
from ...parts.database.part import declared_by
from ...parts.database.schema.plan import MigrationPlan, PlannedStep
from ...wording import count
from .. import blocks as ui
from ..asks import Ask, Operation
from ..rows import error_facts
from .data import in_session

if TYPE_CHECKING:
    from sqlalchemy import Connection

Allowed = Mapping[str, bool]
Typed = Mapping[str, str]
_STEPS = (("step", "mono"), "state", "choose", "loses", "how")
_REVISIONS = ("state", ("revision", "mono"), "message", "module")
_PENDING = (
    "Pending ones run when modframe serve starts or reloads the module, or by modframe db upgrade."
)


def schema(
    ask: Ask,
    database: str,
    *,
    allow: Allowed | None = None,
    rename: Typed | None = None,
    fill: Typed | None = None,
) -> ui.View:
    """Show the steps from the tables to the models, and the revisions.

    Args:
        allow: Name of a step → whether it is allowed.
        rename: Name of a step that adds a column → the old column it is made of, or nothing.
        fill: Column → the value for rows that have none, as it was typed.
    """
    args = _arguments(database, allow, rename, fill)
    planned = ask.app.database.migrate(plan=True, **args)
    refused = _refused(ask, database)
    why = ui.Note("These models were refused, since they don't fit the tables:")
    fit = ui.Note("The tables fit the models.", "good")
    return ui.View([
        *([ui.Row((why, ui.Link(refused)))] if refused else []),
        *(_steps(planned, args, rename or {}) if planned.steps else [fit]),
        *_revisions(ask, database),
    ])  # fmt: skip


def _arguments(
    database: str, allow: Allowed | None, rename: Typed | None, fill: Typed | None
) -> dict[str, Any]:
    """Return what was chosen as the arguments of ``app.database.migrate``; none is empty."""
    asked = {
        "database": database,
        "allow": [name for name, allowed in (allow or {}).items() if allowed],
        "rename": {old: name.rpartition(".")[2] for name, old in (rename or {}).items() if old},
        "fill": {column: _typed(text) for column, text in (fill or {}).items() if text},
    }
    return {name: value for name, value in asked.items() if value}


def _typed(text: str) -> Any:
    """Return what a person typed for a column: JSON if it is, else the text itself."""
    try:
        return json.loads(text, parse_constant=str)
    except ValueError:
        return text


def _refused(ask: Ask, database: str) -> str:
    """Return the module whose last load the tables didn't fit; empty if there is none."""
    known = (one for one in ask.facts.databases.describe() if one.database == database)
    return next((one.refused for one in known), "")


def _steps(
    planned: MigrationPlan, args: Mapping[str, Any], renamed: Mapping[str, str]
) -> Iterator[ui.Block]:
    rows = [
        (
            step.name,
            ui.State(step.status),
            tuple(_choices(step, args, renamed)) or "",
            step.loses,
            step.way,
        )
        for step in planned.steps
    ]
    yield ui.Table("Steps", _STEPS, rows)
    some, missing = any(step.chosen for step in planned.steps), len(planned.missing)
    left = f"{count(missing, 'step')} still to be allowed" if missing else ""
    database = {"database": planned.database}
    plan, call = ui.Call("migrate", {**database, "plan": True}), ui.Call("migrate", database)
    title, disabled = f"Migrate {planned.database}", bool(missing) or not some
    yield ui.Row((
        ui.Button("Migrate …", "migrate", call, plan, title=title, deed="Migrate", chosen=True,
                  style="primary", danger=True, disabled=disabled),
        ui.Button("Start over", does="anew"),
        ui.Copy(_code(args), "To cell"),
        ui.Text(left or ("" if some else "Nothing is chosen"), "muted", status=True),
    ))  # fmt: skip


def _choices(
    step: PlannedStep, args: Mapping[str, Any], renamed: Mapping[str, str]
) -> Iterator[ui.Block]:
    """Yield what may be said of a step: that it is done, a value for its rows, another name."""
    allowed = step.name in args.get("allow", ())
    if allowed or step.hint.startswith("allow="):
        yield ui.Check("allow", "allow", allowed, step.name)
    if step.fill:
        label = f"Value for {step.fill}"
        yield ui.Field("fill", label, item=step.fill, hint="value for its rows")
    if step.renames:
        options = [("", "new"), *((old, f"was {old}") for old in step.renames)]
        was, label = renamed.get(step.name, ""), f"{step.name}: renamed from"
        yield ui.Select("rename", label, options, was, step.name)


def migrate(
    ask: Ask,
    database: str,
    *,
    plan: bool = False,
    allow: Allowed | None = None,
    rename: Typed | None = None,
    fill: Typed | None = None,
) -> ui.View:
    """Change the tables, or only plan it, with what was chosen as in `schema`."""
    args = _arguments(database, allow, rename, fill)
    refused = _refused(ask, database)
    found = ask.app.database.migrate(plan=plan, **args)
    chosen = [step for step in found.steps if step.chosen]
    lost = any(step.loses for step in chosen)
    loss = "What is lost only a backup brings back." if lost else "No row loses anything."
    then = " Load its module again now." if refused else ""
    done = ui.Note(f"The database was migrated.{then}", "good")
    return ui.View([
        *([done] if found.done else []),
        *(ui.Row((ui.Text(step.name, "mono"), ui.Text(_about(step), "muted"))) for step in chosen),
        *([] if found.done else [ui.Text(f"All in one transaction, or nothing. {loss}")]),
        ui.Code(_code(args), "The same in a cell"),
    ])  # fmt: skip


def _about(step: PlannedStep) -> str:
    return "; ".join(filter(None, [f"loses {step.loses}" if step.loses else "", step.way]))


def _code(args: Mapping[str, Any]) -> str:
    database, *more = args.items()
    given = [repr(database[1]), *(f"{name}={value!r}" for name, value in more)]
    return f"app.database.migrate({', '.join(given)})"


# -- revisions ---------------------------------------------------------------------------------


def _revisions(ask: Ask, database: str) -> Iterator[ui.Block]:
    """Yield the revisions of each live module for a database, and which of them it has."""
    try:
        rows = list(_revision_rows(ask, database))
    except Exception as error:  # noqa: BLE001  # they are people's files
        yield ui.Error(error_facts(error), "Its revisions")
        return
    if rows:
        table = ui.Table("Revisions", _REVISIONS, rows)
        note = ui.Text(_PENDING, "muted")
        yield ui.Section("Revisions", (ui.Heading("Revisions"), table, note))


def _revision_rows(ask: Ask, database: str) -> Iterator[tuple[ui.Cell, ...]]:
    from ...parts.database.revisions.files import read_revisions
    from ...parts.database.revisions.place import home_of, revisions_folders
    from ...parts.database.revisions.run import state_from

    for module_id, generation in ask.facts.live.generations.items():
        specs = [spec for _, spec in declared_by([generation])]
        if database not in (spec.name for spec in specs):
            continue
        home = home_of(generation.source, Path(ask.facts.workspace) / "modules")
        folder = revisions_folders(home, specs)[database]
        read = read_revisions(module_id, database, home=home, folder=folder)
        if not read.ordered:
            continue
        state = state_from(read, in_session(ask, database, partial(_recorded, table=read.table)))
        for one in read.ordered:
            word = "pending" if one in state.pending else "done"
            yield ui.State(word), one.file.name, one.message, short_id(module_id)


def _recorded(connection: Connection, table: str) -> tuple[str, ...]:
    """Return the ids of the revisions that a database has recorded in a table."""
    from sqlalchemy import column, inspect, select
    from sqlalchemy import table as named

    if not inspect(connection).has_table(table):
        return ()
    query: Any = select(column("version_num")).select_from(named(table))
    return tuple(connection.execute(query).scalars())


OPERATIONS: Mapping[str, Operation] = {"schema": schema, "migrate": migrate}
