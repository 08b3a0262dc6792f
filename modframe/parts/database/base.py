"""`get_database_base`: the declarative base of a module's models; called by module files.

Each base has metadata of its own, so that the tables of a new generation never clash with those of
an old one. Files of one package that ask for the same name share a base, which is kept in the
package itself and is released with it.
"""

from __future__ import annotations

import sys
from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from ...names import module_id_in, package_in
from .errors import DatabaseDefinitionError
from .names import check_name

BASES = "__modframe_database_bases__"
"""Attribute of a module's package: database → the base that its files share."""
MADE_IN = "__modframe_made_in__"
"""Attribute of a base: ``__name__`` of each file that asked for it → the line of the call."""


def get_database_base(database_name: str) -> Any:
    """Return a declarative base for the models of one database.

    Args:
        database_name: The database, by convention the file's ``DATABASE_NAME``.

    Returns:
        A class to derive models from, with ``Column(...)`` or ``Mapped[...]``. It is one class
        for all files of a module that ask for the same name. Integer primary keys are filled
        from a sequence.

    Raises:
        DatabaseNameError: If the name can't be a database's.
    """
    check_name(database_name)
    caller = sys._getframe(1)
    name = str(caller.f_globals.get("__name__", ""))
    package = caller.f_globals.get("__package__") or ""
    root = sys.modules.get(".".join(package.split(".")[:3])) if package else None
    bases = vars(root).setdefault(BASES, {}) if root is not None else {}
    base = bases.get(database_name)
    if base is None:
        base = bases[database_name] = _make(database_name, name)
    getattr(base, MADE_IN).setdefault(name, caller.f_lineno)
    return base


def _make(database_name: str, module_name: str) -> type[DeclarativeBase]:
    body = {
        "__module__": module_name,
        "__doc__": f"Base of the models of database {database_name!r}.",
        "__allow_unmapped__": True,  # plain annotations beside Column(...) are allowed
        "metadata": MetaData(info={"database": database_name}),
        "__init_subclass__": classmethod(_check_heir),
        MADE_IN: {},
    }
    return type("DatabaseBase", (DeclarativeBase,), body)


def _check_heir(kind: type[DeclarativeBase], /, **kw: Any) -> None:
    """Map a new model, unless its base, and so its table, belongs to another module.

    Raises:
        DatabaseDefinitionError: If it does: the next generation would define the table again.
    """
    base: Any = next(each for each in kind.__mro__ if MADE_IN in vars(each))
    owner, heir = package_in(base.__module__), package_in(kind.__module__)
    if owner and heir and owner != heir:
        database = database_of(base.metadata)
        raise DatabaseDefinitionError(
            f"model {kind.__name__!r} is derived from a base or model of module "
            f"{module_id_in(owner)!r}, whose generations define those tables",
            file="",
            line=0,
            cure=f'write Base = get_database_base("{database}") here and derive it from that; '
            "refer to the other module's table by ForeignKey(Model.id)",
            database=str(database),
        )
    super(base, kind).__init_subclass__(**kw)


def database_of(metadata: MetaData) -> str | None:
    """Return the database of metadata that was made here; ``None`` for any other metadata."""
    name = metadata.info.get("database")
    return name if isinstance(name, str) else None
