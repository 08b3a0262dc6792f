"""Checks names of databases, and quotes names for SQL; called by the files of this room."""

from __future__ import annotations

import re

from .errors import DatabaseNameError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
RESERVED = frozenset({"information_schema", "main", "memory", "pg_catalog", "system", "temp"})
"""Names of DuckDB's own catalogs and schemas."""


def check_name(name: object) -> str:
    """Return the name if it can be used for a database.

    Raises:
        DatabaseNameError: If it isn't a string of letters, digits and underscores, or is reserved.
    """
    if not isinstance(name, str):
        raise DatabaseNameError(
            f"a database's name is a text, not {name!r}",
            cure='write DATABASE_NAME = "my_module"',
            database=str(name),
        )
    if not _NAME.match(name):
        raise DatabaseNameError(
            f"{name!r} can't be a database's name",
            cure="use up to 63 letters, digits and underscores, no digit first, such as "
            "'my_module'; it names the file and stands before the tables in SQL",
            database=name,
        )
    if name.lower() in RESERVED:
        raise DatabaseNameError(
            f"{name!r} is a name that DuckDB uses itself",
            cure=f"choose another, such as '{name}_data'",
            database=name,
        )
    return name


def is_name(name: str) -> bool:
    """Return whether a name can be used for a database."""
    return bool(_NAME.match(name)) and name.lower() not in RESERVED


def quoted(name: str) -> str:
    """Return a name as an identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as a literal in SQL, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"
