"""`Alterations`: what differs between engines when tables change; each wing has one.

Comes in: alembic's operations, and a connection. Goes out: which of them only add, how types
compare, the transaction in which an engine alters, and what has to give way meanwhile. `schema`
calls it and knows no engine.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ClassVar

from alembic.operations import ops
from sqlalchemy import Column, Connection, FetchedValue, MetaData, Select, Table, inspect
from sqlalchemy.types import TypeEngine


class Alterations(ABC):
    """How an engine alters tables; the defaults are those of one that does all of it in place.

    A wing's own is named ``ALTERATIONS`` in its file ``alterations``.

    Attributes:
        title: The engine's name in sentences.
        references: Whether foreign keys are part of its tables.
        sequences: Whether it has sequences that are compared.
        in_place: How it alters a table that it needn't copy, in words.
    """

    title: ClassVar[str]
    sequences: ClassVar[bool] = False
    in_place: ClassVar[str] = "in place"

    def __init__(self, *, references: bool) -> None:
        self.references = references

    # -- comparing ------------------------------------------------------------------------

    def spelled(self, connection: Connection, metadata: MetaData) -> AbstractContextManager[None]:
        """Let a connection show names as models spell them, where the engine ignores case."""
        _ = connection, metadata
        return nullcontext()

    def same_type(
        self, connection: Connection, there: TypeEngine[Any], wanted: TypeEngine[Any]
    ) -> bool | None:
        """Return whether a column's type is what a model says; ``None`` leaves it to alembic."""
        _ = connection, there, wanted
        return None

    def type_name(self, connection: Connection, kind: TypeEngine[Any]) -> str:
        """Return the engine's name of a type, for sentences."""
        return str(connection.dialect.type_compiler_instance.process(kind))

    def index_names(self, connection: Connection, table: Table) -> set[str]:
        """Return the names of a table's indexes, those of expressions included."""
        indexes = inspect(connection).get_indexes(table.name, schema=table.schema)
        return {str(index["name"]) for index in indexes}

    @abstractmethod
    def state(self, connection: Connection, schemas: Collection[str]) -> str:
        """Return a text that changes whenever the tables do; one cheap statement.

        ``schemas`` are those that models name, besides the default one.
        """

    # -- adding ---------------------------------------------------------------------------

    def additive(
        self, op: ops.MigrateOperation, table: Table
    ) -> tuple[ops.MigrateOperation, ...] | str:
        """Return what carries out an operation that only adds to a table, or why it can't be.

        ``table`` is as it is in the database.
        """
        _ = table
        return (op,)

    def widens(self, op: ops.AlterColumnOp) -> bool:
        """Return whether a new type of a column takes all that the old one took, at no cost."""
        _ = op
        return False

    # -- altering -------------------------------------------------------------------------

    def copies(self, op: ops.MigrateOperation, table: Table) -> bool:
        """Return whether the engine has to copy a table, as it is, for an operation."""
        _ = op, table
        return False

    def changed_by_type(self, column: Column[Any], op: ops.AlterColumnOp) -> Select[Any] | None:
        """Return a query for the number of rows whose value a new type would change.

        ``None`` if the engine refuses those.
        """
        _ = column, op
        return None

    def native(self, connection: Connection, op: ops.MigrateOperation) -> ops.MigrateOperation:
        """Return an operation with what the engine has to be told besides."""
        _ = connection
        return op

    @contextmanager
    def transaction(self, connection: Connection, *, copying: bool) -> Iterator[None]:
        """Run a change in one transaction, committed at the end; ``copying``: it copies tables."""
        _ = copying
        with connection.begin():
            yield

    @contextmanager
    def detached(
        self,
        connection: Connection,
        table: Table,
        operations: Sequence[ops.MigrateOperation],
        *,
        copying: bool,
    ) -> Iterator[None]:
        """Take away what prevents operations on a table, and put it back after them.

        What can't be put back, such as an index of a dropped column, is left out. ``copying`` says
        that the table is copied meanwhile.
        """
        _ = connection, table, operations, copying
        yield

    def renamed(self, connection: Connection, key: tuple[str | None, str]) -> None:
        """Rename what goes by the names of a table, after it or a column of it was renamed."""
        _ = connection, key


def only_by_copy(title: str, what: str) -> str:
    """Return why a load doesn't add a column: the engine would have to copy the table for it."""
    return (
        f"the model has it as {what}, the table has it not, and {title} adds one only by copying "
        "the table"
    )


_CONSTANT = re.compile(
    r"\(*\s*(?:'(?:[^']|'')*'|[-+]?[\d.]+|NULL|TRUE|FALSE)\s*\)*\Z", re.IGNORECASE
)


def is_constant(default: FetchedValue | None) -> bool:
    """Return whether a server default is one value for all rows, or none."""
    argument = getattr(default, "arg", None)
    return argument is None or _CONSTANT.match(str(argument)) is not None
