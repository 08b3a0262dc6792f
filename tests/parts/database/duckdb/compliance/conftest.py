"""Gives SQLAlchemy's test plugin an engine of modframe: one DuckDB database in memory.

Comes in: the plugin's hooks. Goes out: connections, schemas and statements of the dialect. The
plugin has global options and configuration, so only the run that `test_compliance.py` starts
loads it.
"""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import MetaData, Table, event
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.util import await_only

from modframe.parts.database.duckdb.catalog import Catalog
from modframe.parts.database.duckdb.dialect import NAME
from modframe.parts.database.duckdb.instance import Instance
from modframe.parts.database.duckdb.number_keys import number_keys

pytest.register_assert_rewrite("sqlalchemy.testing.assertions")

from sqlalchemy.testing import provision  # noqa: E402 - after its assertions are registered
from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: E402, F403 - SQLAlchemy's way

catalog = Catalog("suite", None, Instance(memory_limit=None, threads=2), lock_wait=5)


@event.listens_for(Table, "after_parent_attach")
def _number_keys(_table: Table, metadata: MetaData) -> None:
    """Number keys as modframe does before it makes tables."""
    number_keys(metadata)


def _connect() -> Any:
    await_only(catalog.open())  # attaches the database if it isn't
    return catalog._connect()


@provision.generate_driver_url.for_db(NAME)
def _url(url: Any, _driver: str, _query: str) -> Any:
    return url


@provision.update_db_opts.for_db(NAME)
def _options(_url: Any, options: dict[str, Any], _all: Any) -> None:
    options["creator"] = _connect


@provision.post_configure_engine.for_db(NAME)
def _make_schemas(_url: Any, engine: Any, _follower: Any) -> None:
    with engine.begin() as connection:
        for name in ("test_schema", "test_schema_2"):
            connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {name}")


@provision.temp_table_keyword_args.for_db(NAME)
def _temporary(_config: Any, _engine: Any) -> dict[str, Any]:
    return {"prefixes": ["TEMPORARY"]}


@provision.upsert.for_db(NAME)
def _upsert(
    _config: Any,
    table: Table,
    returning: Any,
    *,
    set_lambda: Any = None,
    sort_by_parameter_order: bool = False,
    index_elements: Any = None,
) -> Any:
    statement = insert(table)
    keys = list(table.primary_key)
    changes = set_lambda or (lambda excluded: {keys[0].name: excluded[keys[0].name]})
    return statement.on_conflict_do_update(
        index_elements=index_elements or keys, set_=changes(statement.excluded)
    ).returning(*returning, sort_by_parameter_order=sort_by_parameter_order)
