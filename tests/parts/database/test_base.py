"""Bases: shared within a package, gone with it; the guide's files as printed; discovery."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from modframe.parts.database.base import database_of
from modframe.parts.database.databases import Databases
from modframe.parts.database.discover import DatabaseSpec, discover
from modframe.parts.database.errors import DatabaseDefinitionError, DatabaseNameError
from tests.parts.database.support import file_of, forget_package, fresh_base

MODELS = """
    from sqlalchemy import Column, Integer, String, DateTime, Boolean
    from modframe.database import get_database_base
    from datetime import datetime

    # Required: Define database name for auto-discovery
    DATABASE_NAME = "my_module"

    # Create base class for this module's models
    MyModuleBase = get_database_base(DATABASE_NAME)

    class MyRecord(MyModuleBase):
        __tablename__ = "my_records"

        id = Column(Integer, primary_key=True)
        name = Column(String(100), nullable=False)
        created_at = Column(DateTime, default=datetime.now)
        active = Column(Boolean, default=True)
"""


def found_in(**files: ModuleType) -> tuple[DatabaseSpec, ...]:
    """What discovery finds in files given without their endings."""
    named: Mapping[str, ModuleType] = {f"{name}.py": module for name, module in files.items()}
    return discover(named)


async def test_the_guides_model_runs_as_printed(package: str, folder: Path) -> None:
    """The model of the guide: made, written with a key of its own, read back."""
    module = file_of(MODELS, package=package)
    (spec,) = found_in(db_models=module)
    assert (spec.name, spec.file, set(spec.metadata.tables)) == (
        "my_module",
        "db_models.py",
        {"my_records"},
    )
    async with Databases(folder) as databases:
        await databases.apply(spec.name, spec.metadata)
        async with databases.session("my_module", "create_record") as session:
            record = module.MyRecord(name="first")
            session.add(record)
            await session.commit()
            assert {"id": record.id, "name": record.name} == {"id": 1, "name": "first"}


def test_files_of_one_package_share_a_base(package: str) -> None:
    """Models in two files can refer to each other; it is one database with one metadata."""
    one = file_of(MODELS, package=package)
    two = file_of(MODELS.replace("MyRecord", "Other").replace("my_records", "others"),
                  package=package, name="more_models")  # fmt: skip
    assert one.MyModuleBase is two.MyModuleBase
    (spec,) = found_in(db_models=one, more_models=two)
    assert set(spec.metadata.tables) == {"my_records", "others"}


def test_generations_and_loose_callers_do_not_share(package: str) -> None:
    """Each generation has its own base, and each call from outside of a package."""
    one = file_of(MODELS, package=package)
    try:
        other = file_of(MODELS, package=package.replace("~1", "~2"))
        assert one.MyModuleBase is not other.MyModuleBase
        assert one.MyModuleBase.metadata is not other.MyModuleBase.metadata
    finally:
        forget_package(package.replace("~1", "~2"))
    assert fresh_base("x") is not fresh_base("x")
    assert database_of(fresh_base("x").metadata) == "x"


async def test_a_generation_is_collected_after_use(folder: Path) -> None:
    """Sessions and schema changes keep no class of an old generation alive after `forget`."""
    package = "modules.standard.my_module~9"
    module = file_of(MODELS, package=package)
    model = module.MyRecord
    async with Databases(folder) as databases:
        await databases.apply("my_module", module.MyModuleBase.metadata)
        async with databases.session("my_module", "add") as session:
            session.add(model(name="one"))
            await session.commit()
        reference = weakref.ref(model)
        del module, model, session
        forget_package(package)
        databases.forget()
        gc.collect()
        assert reference() is None


@pytest.mark.parametrize("name", ["my-module", "", "temp", 7])
def test_a_bad_name_is_refused_by_the_base(name: Any) -> None:
    """The name is checked where it is written."""
    with pytest.raises(DatabaseNameError, match=r".+\. .+"):
        fresh_base(name)


def test_a_constant_without_models_is_a_database(package: str) -> None:
    """A module may have a database and no models."""
    (spec,) = found_in(database=file_of('DATABASE_NAME = "bare"', package=package))
    assert (spec.name, spec.file, dict(spec.metadata.tables)) == ("bare", "database.py", {})


def test_an_imported_constant_is_no_second_database(package: str) -> None:
    """A file that imports the constant doesn't hide the file that has the models."""
    models = file_of(MODELS, package=package)
    user = file_of('DATABASE_NAME = "my_module"', package=package, name="database")
    (spec,) = found_in(database=user, db_models=models)
    assert spec.file == "db_models.py"


def test_a_decorators_name_counts_if_no_file_has_the_constant(package: str) -> None:
    """`@register_database` alone declares a database; the constant may be missing."""
    empty = file_of("x = 1", package=package, name="api")
    (spec,) = discover({"api.py": empty}, named="named")
    assert (spec.name, spec.file) == ("named", "")
    models = file_of(MODELS.replace('DATABASE_NAME = "my_module"', 'NAME = "my_module"')
                     .replace("(DATABASE_NAME)", "(NAME)"), package=package)  # fmt: skip
    (spec,) = discover({"db_models.py": models}, named="my_module")
    assert set(spec.metadata.tables) == {"my_records"}


WRONG_BASE = """
    from sqlalchemy import Column, Integer
    from sqlalchemy.orm import DeclarativeBase

    DATABASE_NAME = "my_module"

    class Base(DeclarativeBase):
        pass

    class Stray(Base):
        __tablename__ = "strays"
        id = Column(Integer, primary_key=True)
"""


def test_a_model_on_a_foreign_base_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error gives class, file, line and the cure."""
    module = file_of(WRONG_BASE, package=package)
    monkeypatch.setattr("inspect.getsourcelines", lambda _: (WRONG_BASE.splitlines(), 0))
    with pytest.raises(
        DatabaseDefinitionError, match=r"'Stray'.*'db_models.py'.*wrong base"
    ) as info:
        found_in(db_models=module)
    assert info.value.file == "db_models.py"
    assert info.value.line == 10 if sys.version_info < (3, 13) else info.value.line > 0
    assert "get_database_base(DATABASE_NAME)" in info.value.cure


def test_a_base_without_the_constant_is_named(package: str) -> None:
    """The error gives the line of the call, and the line to write."""
    text = MODELS.replace('DATABASE_NAME = "my_module"', "").replace(
        "(DATABASE_NAME)", '("my_module")'
    )
    module = file_of(text, package=package)
    with pytest.raises(DatabaseDefinitionError, match="no DATABASE_NAME constant") as info:
        found_in(db_models=module)
    assert (info.value.file, info.value.line) == ("db_models.py", 10)
    assert 'DATABASE_NAME = "my_module"' in str(info.value)


def test_a_constant_that_differs_from_the_base_is_named(package: str) -> None:
    """Both names are in the error."""
    text = MODELS.replace("(DATABASE_NAME)", '("other")')
    module = file_of(text, package=package)
    with pytest.raises(DatabaseDefinitionError, match=r"'my_module'.*'other'"):
        found_in(db_models=module)


def test_a_constant_that_is_no_name_is_an_error(package: str) -> None:
    """The error names the file."""
    module = file_of('DATABASE_NAME = "my-module"', package=package)
    with pytest.raises(DatabaseDefinitionError, match=r"DATABASE_NAME in 'db_models.py'.*'my-mod"):
        found_in(db_models=module)
