"""`Rename`: a column or table that a person says was renamed; nobody guesses it.

In comes ``orders.note=remark`` or ``orders=sales``; out goes alembic's operation. `suggestions`
says, for what looks like a rename, how to write it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alembic.operations import MigrateOperation, ops
from sqlalchemy import Inspector

from ....wording import near
from ..discover import DatabaseSpec
from .errors import RevisionError

_TEXT = re.compile(r"(?P<table>\w+)(\.(?P<column>\w+))?=(?P<new>\w+)\Z")


@dataclass(frozen=True, slots=True)
class Rename:
    """A rename.

    Attributes:
        table: The table, by its old name.
        column: The column, by its old name; ``None`` if the table is renamed.
        new: The new name.
    """

    table: str
    column: str | None
    new: str

    @classmethod
    def parse(cls, text: str, module_id: str) -> Rename:
        """Read what a person wrote.

        Raises:
            RevisionError: If it is no rename.
        """
        if (found := _TEXT.match(text.strip())) is None:
            raise RevisionError(
                f"{text!r} is no rename",
                cure="write table.old=new for a column, old=new for a table",
                database="",
                module_id=module_id,
                usage=True,
            )
        return cls(found["table"], found["column"], found["new"])

    def __str__(self) -> str:
        return (
            f"{self.table}.{self.column}={self.new}" if self.column else f"{self.table}={self.new}"
        )

    @property
    def words(self) -> str:
        """What it does: ``rename column orders.note to remark``."""
        what = f"column {self.table}.{self.column}" if self.column else f"table {self.table}"
        return f"rename {what} to {self.new}"

    def operation(self, inspector: Inspector) -> MigrateOperation:
        """Return the operation that carries it out."""
        if self.column is None:
            return ops.RenameTableOp(self.table, self.new)
        there = {one["name"]: one for one in inspector.get_columns(self.table)}[self.column]
        return ops.AlterColumnOp(
            self.table,
            self.column,
            modify_name=self.new,
            existing_type=there["type"],
            existing_nullable=there["nullable"],
        )

    def back(self, operation: MigrateOperation) -> MigrateOperation:
        """Return the operation that takes it back."""
        if isinstance(operation, ops.AlterColumnOp):
            return ops.AlterColumnOp(
                self.table,
                self.new,
                modify_name=self.column,
                existing_type=operation.existing_type,
                existing_nullable=operation.existing_nullable,
            )
        return ops.RenameTableOp(self.new, self.table)

    def refuse_unfit(self, inspector: Inspector, spec: DatabaseSpec, module_id: str) -> None:
        """Check that the revisions make the old name, and the models have the new one.

        Raises:
            RevisionError: If not.
        """
        tables = inspector.get_table_names()
        if self.table not in tables:
            what, known = f"the revisions make no table {self.table!r}", tables
        elif self.column is None:
            known = list(spec.metadata.tables)
            what = f"the models have no table {self.new!r}" if self.new not in known else ""
        else:
            old = [one["name"] for one in inspector.get_columns(self.table)]
            table = spec.metadata.tables.get(self.table)
            new = [column.name for column in table.columns] if table is not None else []
            what, known = "", old
            if self.column not in old:
                what = f"the revisions make no column {self.table}.{self.column}"
            elif self.new not in new:
                what, known = f"the models have no column {self.table}.{self.new}", new
        if what:
            raise RevisionError(
                f"--rename {self}: {what}",
                subject=module_id,
                cure=f"{near(self.column or self.table, known)}write it as the models and the last "
                "revision have it",
                database=spec.name,
                module_id=module_id,
            )


def suggestions(found: Iterable[MigrateOperation]) -> tuple[str, ...]:
    """Return how to write what looks like a rename: something goes, something like it comes."""
    found = list(found)
    texts = []
    for gone in found:
        if isinstance(gone, ops.DropColumnOp):
            texts += [
                f"{gone.table_name}.{gone.column_name}={new.column.name}"
                for new in _added(found, gone)
            ]
        elif isinstance(gone, ops.DropTableOp):
            texts += [
                f"{gone.table_name}={new.table_name}"
                for new in found
                if isinstance(new, ops.CreateTableOp)
            ]
    return tuple(
        f"if this is a rename, which keeps the values, write it with --rename {text}"
        for text in texts
    )


def _added(found: Sequence[MigrateOperation], gone: ops.DropColumnOp) -> list[ops.AddColumnOp]:
    return [
        one
        for one in found
        if isinstance(one, ops.AddColumnOp) and one.table_name == gone.table_name
    ]
