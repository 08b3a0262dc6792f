"""`QueryTree`: what a reading statement names: tables, functions, and whether it would write.

Comes in: the syntax tree that DuckDB itself makes of a text, as JSON. Goes out: frozen names with
their places in the text. Called by `reading`; only what is known here is let through.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

NOWHERE = 2**64 - 1
"""DuckDB's place of what has none in the text."""
_QUERIES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_SOURCES = {
    "BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SHOW_REF", "SUBQUERY",
    "TABLE_FUNCTION",
}  # fmt: skip
_EXPRESSIONS = {
    "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT",
    "DEFAULT", "FUNCTION", "LAMBDA", "LAMBDA_REF", "OPERATOR", "PARAMETER", "POSITIONAL_REFERENCE",
    "STAR", "SUBQUERY", "TYPE", "WINDOW",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TableName:
    """A table as a query names it: ``("shop", "items")``. ``at``: its first byte in the text."""

    path: tuple[str, ...]
    at: int | None = None

    def __str__(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A function that a query calls.

    Attributes:
        qualified: Whether a schema or a database stands before it.
        table: Whether it stands where a table does.
        at: Its first byte in the text.
    """

    name: str
    qualified: bool
    table: bool
    at: int | None = None


@dataclass(frozen=True, slots=True)
class QueryTree:
    """What a query names.

    Attributes:
        shows: What it lists, as in ``SHOW ALL TABLES``.
        inner: The names that its ``WITH`` gives to parts of it, in lower case.
        unknown: The first thing in it that isn't known to only read; empty if there is none.
        every_column: Whether it may read columns that it doesn't name, as by ``*``.
    """

    tables: tuple[TableName, ...]
    functions: tuple[FunctionName, ...]
    shows: tuple[str, ...]
    inner: frozenset[str]
    unknown: str
    every_column: bool


def tree_of(native: duckdb.DuckDBPyConnection, query: str) -> QueryTree | None:
    """Return what a text names; ``None`` if it isn't a SELECT to DuckDB."""
    ((text,),) = native.execute("SELECT json_serialize_sql(?)", [query]).fetchall()
    try:
        answer = json.loads(text)
    except RecursionError:
        return QueryTree((), (), (), frozenset(), "too many levels of nesting", every_column=True)
    if answer["error"]:
        return None
    nodes = list(_nodes(answer["statements"]))
    return QueryTree(
        tables=tuple(name for node in nodes for name in _tables(node)),
        functions=tuple(name for node in nodes for name in _functions(node)),
        shows=tuple(_shown(node) for node in nodes if node.get("show_type") == "SHOW_SPECIAL"),
        inner=frozenset(
            str(entry["key"]).lower() for node in nodes for entry in _entries(node, "cte_map")
        ),
        unknown=next(filter(None, map(_unknown, nodes)), ""),
        every_column=any(map(_reads_all, nodes)) or bool(_alone(nodes) & _rows(nodes)),
    )


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all objects of the tree; without recursion, since queries nest deeply."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            parts = dict(value)
            if value.get("type") == "TABLE_FUNCTION":  # its function is no part of an expression
                parts |= value["function"] | {"class": None}
                del parts["function"]
            waiting += reversed(parts.values())
        elif isinstance(value, list):
            waiting += reversed(value)


def _entries(node: dict[str, Any], key: str) -> list[Any]:
    entries: list[Any] = (node.get(key) or {}).get("map", [])
    return entries


def _tables(node: dict[str, Any]) -> Iterator[TableName]:
    kind = node.get("type")
    if kind == "BASE_TABLE" or (node.get("show_type") == "SHOW" and node.get("query") is None):
        path = (node["catalog_name"], node["schema_name"], node["table_name"])
        yield TableName(tuple(filter(None, path)), _place(node))


def _functions(node: dict[str, Any]) -> Iterator[FunctionName]:
    if node.get("type") == "TABLE_FUNCTION":
        yield _function(node["function"], table=True, at=_place(node))
        return
    if node.get("class") in ("FUNCTION", "WINDOW"):
        yield _function(node, table=False, at=_place(node))


def _function(node: dict[str, Any], *, table: bool, at: int | None) -> FunctionName:
    qualified = bool(node.get("schema") or node.get("catalog"))
    return FunctionName(str(node["function_name"]).lower(), qualified, table, at)


def _shown(node: dict[str, Any]) -> str:
    return str(node["table_name"]).strip('"')


def _place(node: dict[str, Any]) -> int | None:
    at = int(node.get("query_location", NOWHERE))
    return None if at == NOWHERE else at


def _unknown(node: dict[str, Any]) -> str:
    """Return what of a node isn't known to only read."""
    kind, expression = node.get("type"), node.get("class")
    if expression is not None:
        return "" if expression in _EXPRESSIONS else str(expression)
    if isinstance(kind, str) and kind.endswith("_NODE"):
        return "" if kind in _QUERIES else kind.removesuffix("_QUERY_NODE").removesuffix("_NODE")
    if "sample" in node and "alias" in node:
        return "" if kind in _SOURCES else str(kind)
    return ""


def _alone(nodes: list[dict[str, Any]]) -> set[str]:
    """Return what stands alone where a column does."""
    names = (node["column_names"] for node in nodes if node.get("class") == "COLUMN_REF")
    return {str(name[0]).lower() for name in names if len(name) == 1}


def _rows(nodes: list[dict[str, Any]]) -> set[str]:
    """Return the names of tables that, alone, mean a whole row."""
    tables = [node for node in nodes if "sample" in node and "alias" in node]
    found = {str(node["alias"]).lower() for node in tables}
    return found | {str(node.get("table_name", "")).lower() for node in tables}


def _reads_all(node: dict[str, Any]) -> bool:
    return (
        node.get("class") == "STAR"
        or node.get("type") in ("SHOW_REF", "PIVOT")
        or node.get("ref_type") == "NATURAL"
    )
