"""Helpers of the tests of revisions: a module's folder with revisions, and models."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

from sqlalchemy import MetaData

from modframe.parts.database.discover import DatabaseSpec
from modframe.parts.database.revisions.files import Revisions, read_revisions

HEAD = '''"""{message}"""

import sqlalchemy as sa
from alembic import op

revision = {id!r}
down_revision = {parent!r}

'''
_MODELS = """
from core.database import get_database_base
from sqlalchemy import Column, Integer, String

DATABASE_NAME = "shop"
Base = get_database_base(DATABASE_NAME)


class Order(Base):
    __tablename__ = "orders"
    id = Column(Integer, primary_key=True)
    {columns}
"""
CREATE = """
op.create_table(
    "orders",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("note", sa.String()),
    sa.PrimaryKeyConstraint("id"),
)
"""
ADD_TOTAL = 'op.add_column("orders", sa.Column("total", sa.Integer()))'
DROP_TOTAL = 'op.drop_column("orders", "total")'


def models(*columns: str) -> str:
    """Return the ``db_models.py`` of ``standard.orders``, with columns beside its key."""
    return _MODELS.format(columns="\n    ".join(columns))


class ModuleFolder:
    """The folder of ``standard.orders``, whose database is ``shop``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.versions = home / "migrations" / "versions"

    def write(
        self, name: str, up: str, down: str = "pass", *, id: str = "", parent: str | None = None
    ) -> Path:
        """Write a revision; its id is its name unless another is given."""
        body = f"def upgrade():\n{indent(dedent(up).strip(), '    ')}\n\n\n"
        body += f"def downgrade():\n{indent(dedent(down).strip(), '    ')}\n"
        return self.write_text(name, HEAD.format(message=name, id=id or name, parent=parent) + body)

    def write_text(self, name: str, text: str) -> Path:
        """Write a revision's file as it is given."""
        self.versions.mkdir(parents=True, exist_ok=True)
        path = self.versions / f"{name}.py"
        path.write_text(text)
        return path

    def write_both(self) -> None:
        """Write two revisions: the table, and a column of it."""
        self.write("0001_make", CREATE, 'op.drop_table("orders")')
        self.write("0002_total", ADD_TOTAL, DROP_TOTAL, parent="0001_make")

    def read(self) -> Revisions:
        """Read the revisions as they are now."""
        return read_revisions("standard.orders", "shop", home=self.home, folder=self.versions)


def spec_of(metadata: MetaData) -> DatabaseSpec:
    """Return what a module declares whose models are these."""
    return DatabaseSpec("shop", metadata, "db_models.py")
