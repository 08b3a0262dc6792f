"""DuckDB's progress bar: it would stand in the output of whoever started the process."""

from __future__ import annotations

from pathlib import Path

from tests.faults.processes import run_script

SCRIPT = """
    import asyncio
    import duckdb
    from modframe.parts.database.duckdb.instance import Instance

    QUESTION = "SELECT current_setting('enable_progress_bar')"


    async def main():
        instance = Instance(memory_limit=None, threads=None)
        root = await instance.run(lambda: instance.root.execute(QUESTION).fetchall())
        cursor = await instance.run(lambda: instance.root.cursor().execute(QUESTION).fetchall())
        print(duckdb.sql(QUESTION).fetchall(), root, cursor)
        await instance.aclose()


    asyncio.run(main())
"""


def test_a_long_statement_draws_no_bar(tmp_path: Path) -> None:
    """In a process without a main file, as Python's prompt is, DuckDB draws one after 2 seconds."""
    child = run_script(SCRIPT, tmp_path)
    assert (child.stdout, child.stderr) == ("[(True,)] [(False,)] [(False,)]\n", "")
