"""Says what a step loses, and how the engine does it; called by `migrate` for its plan."""

from __future__ import annotations

from typing import Any

from alembic.operations import ops
from sqlalchemy import Connection, MetaData, Table, func, select

from ....wording import count
from ..alterations import Alterations
from .changes import in_schema
from .compare import key_of
from .steps import Step


def loses(connection: Connection, step: Step, alterations: Alterations) -> str:
    """Return what rows lose by a step; empty if nothing."""
    if not step.ops:
        return ""
    op: Any = step.ops[0]
    if isinstance(op, ops.DropTableOp):
        table = Table(op.table_name, MetaData(), schema=op.schema)
        number = connection.execute(select(func.count()).select_from(table)).scalar_one()
        return count(number, "row") if number else ""
    if isinstance(op, ops.DropColumnOp):
        table = _reflect(connection, op)
        query = select(func.count()).where(table.columns[op.column_name].is_not(None))
        number = connection.execute(query).scalar_one()
        return f"a value in {count(number, 'row')}" if number else ""
    if isinstance(op, ops.AlterColumnOp) and op.modify_type is not None and not step.adds:
        changed = alterations.changed_by_type(_reflect(connection, op).columns[op.column_name], op)
        number = connection.execute(changed).scalar_one() if changed is not None else 0
        return f"the value in {count(number, 'row')}, which becomes another" if number else ""
    if isinstance(op, ops.DropConstraintOp) and op.constraint_type == "foreignkey":
        reference: Any = op.reverse()
        target = in_schema(reference.kw.get("referent_schema"), reference.referent_table)
        return f"the reference to {target} ({', '.join(reference.remote_cols)})"
    return ""


def way(connection: Connection, step: Step, alterations: Alterations) -> str:
    """Return how the engine carries out a step on a table that exists."""
    changes = [op for op in step.ops if not isinstance(op, ops.CreateTableOp | ops.DropTableOp)]
    changes = [op for op in changes if key_of(op)[1]]
    if not changes:
        return ""
    table = _reflect(connection, changes[0])
    if any(alterations.copies(op, table) for op in changes):
        return "the table is copied"
    return alterations.in_place


def _reflect(connection: Connection, op: ops.MigrateOperation) -> Table:
    schema, name = key_of(op)
    return Table(name, MetaData(), schema=schema, autoload_with=connection, resolve_fks=False)
