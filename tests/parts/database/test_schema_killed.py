"""A process that is killed while it changes tables leaves tables and rows as they were."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import inspect, text

from tests.faults.processes import run_script
from tests.parts.database.conftest import MakeDatabases
from tests.parts.database.support import ONE_ENGINE

CHILD = """
    import asyncio, os, signal, sys
    from pathlib import Path
    from sqlalchemy import Column, Integer, String, event, text
    from sqlalchemy.engine import Engine
    from modframe.parts.database.databases import Databases
    from modframe.parts.database.errors import SchemaConflictError
    from modframe.parts.database.schema.request import Request
    from tests.parts.database.test_migrating import metadata_of

    folder, url, what, number = sys.argv[1:]


    def kill_at_statement(number):
        seen = []

        def count(connection, cursor, statement, *_):
            if statement.lstrip().startswith(("ALTER", "CREATE", "DROP", "INSERT", "UPDATE")):
                seen.append(statement)
                if len(seen) == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        event.listen(Engine, "after_cursor_execute", count)
        if number == 0:
            event.listen(Engine, "commit", lambda _: os.kill(os.getpid(), signal.SIGKILL))


    async def main():
        async with Databases(Path(folder), url=url) as databases:
            old = metadata_of(Column("a", Integer, index=True), Column("note", String))
            await databases.apply("shop", old)
            async with databases.session("shop", "rows", strict=True) as session:
                await session.execute(text("INSERT INTO t (a, note) VALUES (1, 'x'), (2, 'y')"))
                await session.commit()
            if what == "apply":
                new = metadata_of(
                    Column("a", Integer, index=True), Column("note", String, index=True),
                    Column("b", Integer, default=3, nullable=False), Column("c", String),
                )
                kill_at_statement(int(number))
                await databases.apply("shop", new)
                return
            new = metadata_of(Column("a", String, index=True), Column("remark", String))
            try:
                await databases.apply("shop", new)
            except SchemaConflictError:
                kill_at_statement(int(number))
                allow, rename = ("change type t.a",), {"t.note": "remark"}
                await databases.migrate("shop", Request(allow, rename))


    asyncio.run(main())
    print("not killed")
"""


@ONE_ENGINE
@pytest.mark.parametrize("what", ["apply", "migrate"])
@pytest.mark.parametrize("number", [1, pytest.param(2, marks=pytest.mark.soak), 0])
async def test_a_killed_change_leaves_all_as_it_was(
    what: str,
    number: int,
    folder: Path,
    database_url: str,
    make_databases: MakeDatabases,
    tmp_path: Path,
) -> None:
    """After the first statement, after the second, and before the commit."""
    arguments = [str(folder), database_url, what, str(number)]
    script = f"import sys\nsys.argv[1:] = {arguments!r}\n" + dedent(CHILD)
    child = run_script(script, tmp_path)
    assert (child.returncode, child.stdout) == (-9, ""), child.stderr
    async with make_databases() as databases, databases.session("shop", "look") as session:
        rows = await session.execute(text("SELECT * FROM t ORDER BY id"))
        assert tuple(rows.keys()) == ("id", "a", "note")
        assert rows.all() == [(1, 1, "x"), (2, 2, "y")]
        connection = await session.connection()
        indexes = await connection.run_sync(lambda sync: inspect(sync).get_indexes("t"))
        assert [index["name"] for index in indexes] == ["ix_t_a"]
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        assert tables == ["t"]
