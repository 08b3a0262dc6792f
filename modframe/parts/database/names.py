"""Names of databases, checked once; called by bases, discovery and `Databases`."""

from __future__ import annotations

import re

from .errors import DatabaseNameError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
TAKEN = frozenset({"information_schema", "main", "memory", "pg_catalog", "system", "temp"})
"""What DuckDB calls its own catalogs and schemas."""


def check_name(name: object) -> str:
    """The name, if it can be a database's.

    Raises:
        DatabaseNameError: If it isn't a text of letters, digits and underscores, or is DuckDB's.
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
    if name.lower() in TAKEN:
        raise DatabaseNameError(
            f"{name!r} is a name that DuckDB uses itself",
            cure=f"choose another, such as '{name}_data'",
            database=name,
        )
    return name


def is_name(name: str) -> bool:
    """Whether a text can be a database's name."""
    return bool(_NAME.match(name)) and name.lower() not in TAKEN


def quoted(name: str) -> str:
    """A name as an identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a literal in SQL, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"
