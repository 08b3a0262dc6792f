"""Files with foreign keys, as earlier versions made them: carried over without losing a row."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from modframe.parts.database.databases import Databases

TABLES = (
    "CREATE SCHEMA s2",
    "CREATE SEQUENCE parents_id_seq",
    "CREATE TABLE parents (id INTEGER DEFAULT nextval('parents_id_seq') PRIMARY KEY, "
    "name VARCHAR NOT NULL UNIQUE)",
    'CREATE TABLE "the children" (id INTEGER PRIMARY KEY, "parent id" INTEGER NOT NULL, '
    "twice INTEGER GENERATED ALWAYS AS (id * 2), n INTEGER DEFAULT 5 CHECK (n > 1), "
    'elder INTEGER, FOREIGN KEY ("parent id") REFERENCES parents (id), '
    'FOREIGN KEY (elder) REFERENCES "the children" (id), UNIQUE (n, id))',
    'CREATE INDEX ix_elder ON "the children" (elder)',
    'CREATE UNIQUE INDEX ux_both ON "the children" ("parent id", id)',
    "CREATE TABLE pairs (a INTEGER, b INTEGER, child INTEGER REFERENCES "
    '"the children" (id), PRIMARY KEY (a, b))',
    "CREATE TABLE ends (a INTEGER, b INTEGER, FOREIGN KEY (a, b) REFERENCES pairs (a, b))",
    "CREATE TABLE s2.up (id INTEGER PRIMARY KEY)",
    "CREATE TABLE s2.down (id INTEGER REFERENCES s2.up (id))",
    "COMMENT ON TABLE pairs IS 'two numbers'",
    "COMMENT ON COLUMN pairs.a IS 'the first''s'",
    "INSERT INTO parents (name) SELECT 'p' || range FROM range(100)",
    'INSERT INTO "the children" (id, "parent id") SELECT range, range + 1 FROM range(100)',
    "INSERT INTO pairs SELECT range, 0, range FROM range(100)",
    "INSERT INTO ends SELECT range, 0 FROM range(100)",
    "INSERT INTO s2.up VALUES (1)",
    "INSERT INTO s2.down VALUES (1)",
)
FACTS = {
    "constraints": "SELECT table_name, constraint_type, constraint_text FROM duckdb_constraints() "
    "WHERE database_name = 'family' ORDER BY ALL",
    "indexes": "SELECT table_name, index_name, is_unique, sql FROM duckdb_indexes() "
    "WHERE database_name = 'family' ORDER BY ALL",
    "columns": "SELECT table_name, column_name, data_type, column_default, is_nullable, comment "
    "FROM duckdb_columns() WHERE database_name = 'family' ORDER BY ALL",
    "comments": "SELECT table_name, comment FROM duckdb_tables() WHERE database_name = 'family' "
    "ORDER BY ALL",
    "sequences": "SELECT sequence_name, last_value FROM duckdb_sequences() "
    "WHERE database_name = 'family' ORDER BY ALL",
    "the children": 'SELECT * FROM family."the children" ORDER BY id',
    "pairs": "SELECT * FROM family.pairs ORDER BY ALL",
    "ends": "SELECT * FROM family.ends ORDER BY ALL",
    "down": "SELECT * FROM family.s2.down ORDER BY ALL",
}


@pytest.fixture
def old_file(folder: Path) -> Path:
    """A database file with foreign keys of every kind."""
    folder.mkdir(parents=True)
    path = folder / "family.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in TABLES:
            connection.execute(statement)
    return path


def facts(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What is in a file that nobody holds."""
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"ATTACH '{path}' AS family")
        return {name: connection.execute(query).fetchall() for name, query in FACTS.items()}


def without_references(before: dict[str, list[tuple[Any, ...]]]) -> dict[str, Any]:
    """The same facts without foreign keys."""
    rows = [row for row in before["constraints"] if row[1] != "FOREIGN KEY"]
    return {**before, "constraints": rows}


async def test_foreign_keys_go_and_all_else_stays(old_file: Path) -> None:
    """Rows, defaults, sequences, checks, indexes, computed columns, comments, other schemas."""
    before = facts(old_file)
    async with Databases(old_file.parent) as databases, databases.session("family", "use"):
        pass
    assert facts(old_file) == without_references(before)
    async with Databases(old_file.parent) as databases:
        async with databases.session("family", "use", strict=True) as session:
            connection = await session.connection()
            await connection.exec_driver_sql("INSERT INTO parents (name) VALUES ('new')")
            await connection.exec_driver_sql("UPDATE parents SET name = 'other' WHERE id = 1")
            await session.commit()
        found = await databases.sql("SELECT max(id) FROM family.parents")
        assert found.rows == [(101,)]


DIE = """
import asyncio, os, signal, sys
from pathlib import Path
from modframe.parts.database.databases import Databases
from modframe.parts.database.duckdb import carry_over

copy, copied = carry_over._copy, []

def copy_or_die(cursor, table):
    copy(cursor, table)
    copied.append(table)
    if len(copied) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

carry_over._copy = copy_or_die

async def main():
    async with Databases(Path(sys.argv[1])) as databases:
        async with databases.session("family", "use"):
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [2, 99])
async def test_a_process_killed_in_the_middle_leaves_the_file_whole(
    after: int, old_file: Path
) -> None:
    """It is as before, or, if the transaction had ended, as after; the next use ends the work."""
    before = facts(old_file)
    ended = subprocess.run(
        [sys.executable, "-c", DIE, str(old_file.parent), str(after)], timeout=120, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert facts(old_file) == (without_references(before) if after == 99 else before)
    async with Databases(old_file.parent) as databases, databases.session("family", "use"):
        pass
    assert facts(old_file) == without_references(before)
