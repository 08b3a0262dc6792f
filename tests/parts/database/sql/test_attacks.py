"""Attacks on ``sql``: whatever a text tries, it reads tables of databases and does nothing else."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import QueryRefusedError

TOKEN = "the-token-of-this-server"
secret_variable = [{"found": TOKEN}]

FILES = [
    "SELECT content FROM read_text('{token}')",
    "SELECT content FROM read_blob('{token}')",
    "SELECT * FROM read_csv('{csv}')",
    "SELECT * FROM read_csv_auto('{csv}')",
    "SELECT * FROM read_json('{json}')",
    "SELECT * FROM read_json_objects('{json}')",
    "SELECT * FROM read_ndjson('{json}')",
    "SELECT * FROM read_parquet('{parquet}')",
    "SELECT * FROM parquet_scan('{parquet}')",
    "SELECT * FROM parquet_metadata('{parquet}')",
    "SELECT * FROM parquet_schema('{parquet}')",
    "SELECT * FROM parquet_kv_metadata('{parquet}')",
    "SELECT * FROM parquet_file_metadata('{parquet}')",
    "SELECT * FROM sniff_csv('{csv}')",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM read_duckdb('{folder}/shop.duckdb')",
    "SELECT * FROM '{csv}'",
    "SELECT * FROM '{parquet}'",
    "SELECT * FROM '{folder}/*.csv'",
    "FROM plain.csv",
    'SELECT * FROM "plain.csv"',
    "SUMMARIZE '{csv}'",
    "DESCRIBE '{csv}'",
    "SUMMARIZE FROM read_text('{token}')",
    "EXPLAIN ANALYZE SELECT * FROM read_text('{token}')",
    "EXPLAIN SELECT * FROM '{csv}'",
    "SELECT (SELECT content FROM read_text('{token}')) AS inside",
    "SELECT id FROM shop.items WHERE name IN (SELECT content FROM read_text('{token}'))",
    "SELECT id FROM shop.items ORDER BY (SELECT content FROM read_text('{token}'))",
    "WITH a AS (SELECT content FROM read_text('{token}')) FROM a",
    'SELECT * FROM (WITH "{csv}" AS (SELECT 1) FROM "{csv}"), \'{csv}\'',
    "SELECT * FROM shop.items, LATERAL (SELECT content FROM read_text('{token}'))",
    "SELECT * FROM query('SELECT content FROM read_text(''{token}'')')",
    "SELECT * FROM query_table('{csv}')",
    "SELECT * FROM query_table(['{csv}'])",
    "SELECT * FROM histogram_values('{csv}', a)",
    "SELECT json_serialize_plan('SELECT * FROM read_csv(''{csv}'')')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "SELECT shop.leak('{token}')",
    "SELECT * FROM shop.leaks('{token}')",
    "SELECT * FROM shop.leaking",
    "SELECT shop.hidden('{token}')",
    "PIVOT '{csv}' ON a IN (1) USING count(*)",
]
WRITES = [
    "EXPLAIN ANALYZE COPY shop.items TO '{folder}/out.csv'",
    "EXPLAIN (ANALYZE) COPY shop.items TO '{folder}/out.csv'",
    "EXPLAIN /* SELECT */ ANALYZE -- SELECT\n COPY shop.items TO '{folder}/out.csv'",
    "COPY (SELECT 1) TO '{folder}/out.parquet' (FORMAT parquet)",
    "COPY shop.items FROM '{csv}'",
    "EXPORT DATABASE '{folder}/out'",
    "IMPORT DATABASE '{folder}'",
    "COPY FROM DATABASE shop TO memory",
    "ATTACH '{folder}/evil.duckdb' AS evil",
    "SELECT 1; ATTACH '{folder}/evil.duckdb' AS evil",
    "SELECT 1; COPY shop.items TO '{folder}/out.csv'",
    "COMMIT; INSERT INTO shop.items VALUES (3, 'x')",
    "/* SELECT */ DELETE FROM shop.items",
    "-- SELECT 1\nTRUNCATE shop.items",
    "WITH a AS (INSERT INTO shop.items VALUES (3, 'x') RETURNING id) SELECT * FROM a",
    "WITH a AS (DELETE FROM shop.items RETURNING id) SELECT * FROM a",
    "SELECT * FROM (WITH a AS (UPDATE shop.items SET id = 9 RETURNING id) FROM a)",
    "EXPLAIN ANALYZE INSERT INTO shop.items VALUES (3, 'x')",
    "EXPLAIN ANALYZE DELETE FROM shop.items",
    "CREATE TABLE shop.more AS SELECT 1",
    "CREATE OR REPLACE VIEW shop.leaking AS SELECT 1",
    "CREATE MACRO shop.mine(x) AS x",
    "CREATE TEMP TABLE more (i INTEGER)",
    "ALTER TABLE shop.items ADD COLUMN more INTEGER",
    "DROP TABLE shop.items",
    "SELECT nextval('shop.counter')",
    "SELECT * FROM shop.counting",
    "SELECT shop.count_up()",
    "VACUUM shop.items",
    "ANALYZE",
]
REACHES = [
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET threads = 1",
    "SET enable_external_access = true",
    "RESET threads",
    "SET VARIABLE x = 1",
    "PRAGMA threads = 1",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "PREPARE x AS SELECT 1",
    "EXECUTE x",
    "DEALLOCATE x",
    "USE shop",
    "BEGIN",
    "CHECKPOINT shop",
    "FORCE CHECKPOINT shop",
    "SELECT * FROM checkpoint('shop')",
    "SELECT * FROM force_checkpoint('shop')",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM truncate_duckdb_logs()",
    "SELECT write_log('x')",
    "SELECT * FROM duckdb_logs()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM which_secret('s3://x', 's3')",
    "SELECT * FROM duckdb_settings()",
    "FROM duckdb_settings",
    "FROM pg_settings",
    "SELECT getvariable('x')",
    "SELECT getenv('HOME')",
    "SELECT pg_sleep(100)",
    "SELECT sleep_ms(100000)",
    "SELECT setseed(0.5)",
    "CREATE SECRET s (TYPE s3)",
    "DETACH shop",
    "SHOW VARIABLES",
    "SELECT * FROM secret_variable",
    "SELECT * FROM duckdb_extensions()",
    "SELECT * FROM pandas_scan(1)",
    "SELECT * FROM python_arrow_scan(1)",
    "SELECT * FROM seq_scan('shop.items')",
    "KILL 1",
    "SELECT * FROM shop.slow",
]


@pytest.fixture
async def databases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Databases]:
    """A database with what a module may have made, and files beside it that a session may read."""
    folder = tmp_path / "data" / "databases"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "token").write_text(TOKEN)
    (tmp_path / "plain.csv").write_text(f"a,b\n1,{TOKEN}\n")
    (tmp_path / "plain.json").write_text(f'{{"a": "{TOKEN}"}}\n')
    async with Databases(folder, files=[tmp_path]) as databases:
        async with databases.session("shop", "fill", strict=True) as session:
            for statement in (
                "CREATE TABLE items (id INTEGER, name VARCHAR)",
                "INSERT INTO items VALUES (1, 'one'), (2, NULL)",
                "CREATE SEQUENCE counter",
                "CREATE MACRO leak(p) AS (SELECT content FROM read_text(p))",
                "CREATE MACRO leaks(p) AS TABLE SELECT content FROM read_text(p)",
                "CREATE MACRO hidden(p) AS leak(p)",
                "CREATE MACRO count_up() AS nextval('counter')",
                f"CREATE VIEW leaking AS SELECT content FROM read_text('{tmp_path}/data/token')",
                "CREATE VIEW counting AS SELECT nextval('counter') AS n",
                "CREATE VIEW slow AS SELECT sleep_ms(100000) AS n",
                "CREATE MACRO upper(x) AS (SELECT content FROM read_text('data/token'))",
                f"COPY (SELECT 1 AS a) TO '{tmp_path}/plain.parquet' (FORMAT parquet)",
            ):
                await session.execute(text(statement))
            await session.commit()
        yield databases


@pytest.mark.parametrize("attacks", [FILES, WRITES, REACHES], ids=["files", "writes", "reaches"])
async def test_attacks_are_refused(
    attacks: list[str], databases: Databases, tmp_path: Path
) -> None:
    """The first line says why; nothing is read or written, no file made; the next query works."""
    before = sorted(tmp_path.rglob("*"))
    places = {
        "{token}": tmp_path / "data" / "token",
        "{csv}": tmp_path / "plain.csv",
        "{json}": tmp_path / "plain.json",
        "{parquet}": tmp_path / "plain.parquet",
        "{folder}": tmp_path,
    }
    for query in attacks:
        for name, path in places.items():
            query = query.replace(name, str(path))
        with pytest.raises(QueryRefusedError) as info:
            pytest.fail(f"{query} answered {await databases.sql(query)}")
        assert TOKEN not in str(info.value)
        assert info.value.query == query
        assert info.value.cure
        rows = await databases.sql("SELECT * FROM shop.items ORDER BY id")
        assert rows.rows == [(1, "one"), (2, None)], query
        assert sorted(tmp_path.rglob("*")) == before, query


def test_there_are_enough_attacks() -> None:
    """The corpus doesn't shrink."""
    assert len({*FILES, *WRITES, *REACHES}) >= 57
    assert sys.modules[__name__].__dict__["secret_variable"]


READS = [
    ("SELECT upper('a'), lower('A')", [("A", "a")]),
    ("SELECT count(*) FROM shop.items", [(2,)]),
    ("FROM shop.main.items SELECT max(id)", [(2,)]),
    ("SELECT sum(range) FROM range(4)", [(6,)]),
    ("SELECT * FROM generate_series(1, 2)", [(1,), (2,)]),
    ("SELECT unnest([1, 2])", [(1,), (2,)]),
    ("VALUES (1), (2)", [(1,), (2,)]),
    ("TABLE shop.items", [(1, "one"), (2, None)]),
    ("PIVOT shop.items ON id IN (1) USING count(*)", None),
    ("SUMMARIZE shop.items", None),
    ("DESCRIBE shop.items", None),
    ("DESCRIBE SELECT 1 AS a", None),
    ("SHOW TABLES", None),
    ("SHOW DATABASES", None),
    ("SHOW ALL TABLES", None),
    ("SHOW shop.items", None),
    ("EXPLAIN SELECT * FROM shop.items", None),
    ("EXPLAIN ANALYZE SELECT * FROM shop.items", None),
    ("EXPLAIN (FORMAT json) SELECT * FROM shop.items", None),
    ("explain /* a */ -- b\n select 1", None),
    ("SELECT list_sum([1, 2]), list_transform([1], lambda x: x + 1)", [(3, [2])]),
    ("SELECT id, row_number() OVER (ORDER BY id), lag(id) OVER () FROM shop.items", None),
    ("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) FROM r", None),
    ("SELECT table_name FROM information_schema.tables WHERE table_name = 'items'", [("items",)]),
    ("SELECT table_name FROM duckdb_tables()", [("items",)]),
    ("SELECT shop.double(4)", [(8,)]),
    ("SELECT * FROM shop.named", [("one",)]),
    ("SELECT date_trunc('month', DATE '2026-01-31')::VARCHAR, 1.5 + 2, 'a' || 'b'", None),
    ("SELECT json_extract('{\"a\": 1}', '$.a')::INT, regexp_replace('a', 'a', 'b')", [(1, "b")]),
    ("SELECT now() IS NOT NULL, random() < 1, current_date IS NOT NULL", [(True, True, True)]),
]


async def test_what_reads_still_reads(databases: Databases) -> None:
    """Whatever only reads tables works, also by views and macros of modules."""
    async with databases.session("shop", "more", strict=True) as session:
        await session.execute(text("CREATE MACRO double(x) AS x * 2"))
        await session.execute(text("CREATE VIEW named AS SELECT name FROM items WHERE name <> ''"))
        await session.commit()
    for query, rows in READS:
        answer = await databases.sql(query)
        if rows is None:
            assert answer.columns, query
        else:
            assert answer.rows == rows, query
