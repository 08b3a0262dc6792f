"""Operations that alembic lacks: sequences and schemas made and dropped.

Registered with alembic like its own: they can be invoked, reversed, and written into a revision.
"""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from sqlalchemy import Sequence
from sqlalchemy.schema import CreateSchema, CreateSequence, DropSchema, DropSequence


class _Named(MigrateOperation):
    """An operation on something that has a name, perhaps in a schema."""

    verb = ""

    def __init__(self, name: str, schema: str | None = None) -> None:
        self.name = name
        self.schema = schema

    @property
    def full_name(self) -> str:
        """Its name, after that of its schema if it has one."""
        return f"{self.schema}.{self.name}" if self.schema else self.name

    @classmethod
    def make(cls, operations: Operations, name: str, schema: str | None = None) -> Any:
        """Carry it out: what ``op.<verb>(...)`` of a revision calls."""
        return operations.invoke(cls(name, schema))


@Operations.register_operation("create_sequence", "make")
class CreateSequenceOp(_Named):
    """Make a sequence."""

    verb = "create_sequence"

    def reverse(self) -> DropSequenceOp:
        return DropSequenceOp(self.name, self.schema)


@Operations.register_operation("drop_sequence", "make")
class DropSequenceOp(_Named):
    """Drop a sequence."""

    verb = "drop_sequence"

    def reverse(self) -> CreateSequenceOp:
        return CreateSequenceOp(self.name, self.schema)


@Operations.register_operation("create_schema", "make")
class CreateSchemaOp(_Named):
    """Make a schema."""

    verb = "create_schema"

    def reverse(self) -> DropSchemaOp:
        return DropSchemaOp(self.name)


@Operations.register_operation("drop_schema", "make")
class DropSchemaOp(_Named):
    """Drop a schema, which has to be empty."""

    verb = "drop_schema"

    def reverse(self) -> CreateSchemaOp:
        return CreateSchemaOp(self.name)


@Operations.implementation_for(CreateSequenceOp)
def _create_sequence(operations: Operations, op: CreateSequenceOp) -> None:
    operations.execute(CreateSequence(Sequence(op.name, schema=op.schema)))


@Operations.implementation_for(DropSequenceOp)
def _drop_sequence(operations: Operations, op: DropSequenceOp) -> None:
    operations.execute(DropSequence(Sequence(op.name, schema=op.schema)))


@Operations.implementation_for(CreateSchemaOp)
def _create_schema(operations: Operations, op: CreateSchemaOp) -> None:
    operations.execute(CreateSchema(op.name))


@Operations.implementation_for(DropSchemaOp)
def _drop_schema(operations: Operations, op: DropSchemaOp) -> None:
    operations.execute(DropSchema(op.name))


@renderers.dispatch_for(CreateSequenceOp)
@renderers.dispatch_for(DropSequenceOp)
@renderers.dispatch_for(CreateSchemaOp)
@renderers.dispatch_for(DropSchemaOp)
def _render(context: AutogenContext, op: _Named) -> str:
    """Return the line of a revision: ``op.create_sequence('orders_id_seq')``."""
    _ = context
    schema = f", schema={op.schema!r}" if op.schema else ""
    return f"op.{op.verb}({op.name!r}{schema})"
