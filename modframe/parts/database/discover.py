"""Finds the databases of a module: its files come in, frozen `DatabaseSpec`s go out.

Called by the database part when a generation is built. A file that holds ``DATABASE_NAME`` has a
database; models on any other base, and bases in a file without that constant, are errors.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import ModuleType

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from .backend import ENGINES
from .base import MADE_IN, database_of
from .errors import DatabaseDefinitionError, DatabaseNameError
from .names import check_name
from .seeding import FUNCTION, Seed

CONSTANT = "DATABASE_NAME"
ENGINE_CONSTANT = "DATABASE_ENGINE"
SEED_FILE = "database.py"


@dataclass(frozen=True)
class DatabaseSpec:
    """One database of a module.

    Attributes:
        metadata: The tables of its models; empty if the module has none.
        file: The file that declares it, for example ``"db_models.py"``.
        engine: The ``DATABASE_ENGINE`` of that file; ``None`` leaves the choice to the environment.
        seed: The function that fills it once; ``None`` if the module has none.
    """

    name: str
    metadata: MetaData
    file: str
    engine: str | None = None
    seed: Seed | None = None


def discover(
    modules: Mapping[str, ModuleType], *, named: str | None = None
) -> tuple[DatabaseSpec, ...]:
    """Return the databases of a loaded module's files.

    ``named`` is the name given to ``@register_database``; used if no file has the constant.

    Raises:
        DatabaseDefinitionError: If a file's models or constants can't work.
    """
    constants = {file: _constant(file, module) for file, module in modules.items()}
    specs: dict[str, DatabaseSpec] = {}
    for file, module in modules.items():
        _check_models(file, module)
        for base in _bases_made_in(module):
            _check_base(file, module, base, name=constants[file], named=named)
            database = base.metadata.info["database"]
            engine = _engine(file, module)
            specs.setdefault(database, DatabaseSpec(database, base.metadata, file, engine))
    declared = [(name, file) for file, name in constants.items() if name is not None]
    if named is not None and not specs and not declared:
        declared = [(_checked(named, "", 0), "")]
    for name, file in declared:  # those without models
        engine = _engine(file, modules[file]) if file else None
        metadata = MetaData(info={"database": name})
        specs.setdefault(name, DatabaseSpec(name, metadata, file, engine))
    for file, module in modules.items():
        if (seed := _seed(file, module, {spec.file for spec in specs.values()})) is not None:
            name = _seeded(seed, constants[file], specs)
            specs[name] = replace(specs[name], seed=seed)
    return tuple(specs.values())


def _seed(file: str, module: ModuleType, declaring: Collection[str]) -> Seed | None:
    """Return the ``seed(session)`` of ``database.py``, or of a file that declares a database."""
    function = vars(module).get(FUNCTION)
    if not inspect.isfunction(function) or (file != SEED_FILE and file not in declaring):
        return None
    parameters = list(inspect.signature(function).parameters)
    if inspect.iscoroutinefunction(function) and parameters == ["session"]:
        return Seed(function, file, function.__code__.co_firstlineno)
    if file != SEED_FILE:
        return None  # another function of that name
    raise DatabaseDefinitionError(
        f"seed() in {file!r} can't fill a database: it is "
        f"{'' if inspect.iscoroutinefunction(function) else 'not async, '}"
        f"seed({', '.join(parameters)})",
        file=file,
        line=function.__code__.co_firstlineno,
        cure="write `async def seed(session)`, or give the function another name",
        database="",
    )


def _seeded(seed: Seed, named: str | None, specs: Mapping[str, DatabaseSpec]) -> str:
    """Return the database that a seed fills: that of its file, or the module's only one."""
    name = named if named in specs else next(iter(specs)) if len(specs) == 1 else None
    if name is not None and specs[name].seed is None:
        return name
    raise DatabaseDefinitionError(
        f"seed() in {seed.file!r} "
        + (f"is a second one for {name!r}" if name else "does not say which database it fills"),
        file=seed.file,
        line=seed.line,
        cure="a database has one seed(session); where there are several databases, its file "
        f"imports the {CONSTANT}",
        database=name or "",
    )


def _constant(file: str, module: ModuleType) -> str | None:
    """Return the file's constant; ``None``, as in the guide's decorator, means no database."""
    value = vars(module).get(CONSTANT)
    return None if value is None else _checked(value, file, _line_of(module, f"{CONSTANT} "))


def _engine(file: str, module: ModuleType) -> str | None:
    engine = vars(module).get(ENGINE_CONSTANT)
    if engine is None or (isinstance(engine, str) and engine in ENGINES):
        return engine
    raise DatabaseDefinitionError(
        f"{ENGINE_CONSTANT} in {file!r} is {engine!r}, and there is no such engine",
        file=file,
        line=_line_of(module, f"{ENGINE_CONSTANT} "),
        cure=f"choose one of: {', '.join(ENGINES)}",
        database="",
    )


def _checked(name: object, file: str, line: int) -> str:
    try:
        return check_name(name)
    except DatabaseNameError as exc:
        raise DatabaseDefinitionError(
            f"{CONSTANT} in {file!r}: {exc.message}" if file else exc.message,
            file=file,
            line=line,
            cure=exc.cure,
            database=str(name),
        ) from None


def _bases_made_in(module: ModuleType) -> list[type[DeclarativeBase]]:
    bases: dict[int, type[DeclarativeBase]] = {}
    for value in vars(module).values():
        for kind in value.__mro__ if isinstance(value, type) else ():
            if module.__name__ in kind.__dict__.get(MADE_IN, ()):
                bases[id(kind)] = kind
    return list(bases.values())


def _check_base(
    file: str,
    module: ModuleType,
    base: type[DeclarativeBase],
    *,
    name: str | None,
    named: str | None,
) -> None:
    database = base.metadata.info["database"]
    line = getattr(base, MADE_IN)[module.__name__]
    if name is None and named != database:
        raise DatabaseDefinitionError(
            f"{file!r} has a base for database {database!r} but no {CONSTANT} constant",
            file=file,
            line=line,
            cure=f'write {CONSTANT} = "{database}" above get_database_base({CONSTANT})',
            database=database,
        )
    if name is not None and name != database:
        raise DatabaseDefinitionError(
            f"{CONSTANT} in {file!r} is {name!r}, but its base is for database {database!r}",
            file=file,
            line=line,
            cure=f"call get_database_base({CONSTANT}); a second database goes to a file of its own",
            database=database,
        )


def _check_models(file: str, module: ModuleType) -> None:
    for value in list(vars(module).values()):
        if not isinstance(value, type) or value.__module__ != module.__name__:
            continue
        metadata = getattr(value, "metadata", None)
        if "__mapper__" not in vars(value) or not isinstance(metadata, MetaData):
            continue
        if database_of(metadata) is None:
            raise DatabaseDefinitionError(
                f"model {value.__name__!r} in {file!r} has the wrong base: its tables belong to "
                "no module database",
                file=file,
                line=class_line(value, module),
                cure=f"derive it from get_database_base({CONSTANT}), imported from "
                "core.database or modframe.database",
                database="",
            )


def class_line(kind: type, module: ModuleType) -> int:
    """Return the line of a class in its file, from 1; 0 if unknown."""
    line = getattr(kind, "__firstlineno__", 0)  # there from Python 3.13 on
    return int(line) or _line_of(module, f"class {kind.__name__}")


def _line_of(module: ModuleType, start: str) -> int:
    try:
        lines, first = inspect.getsourcelines(module)
    except (OSError, TypeError):
        return 0
    for number, line in enumerate(lines, start=max(first, 1)):
        if line.lstrip().startswith(start.rstrip()):
            return number
    return 0
