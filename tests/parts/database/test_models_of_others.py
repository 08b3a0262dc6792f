"""Models of another module: imported, referred to, and kept apart, over swaps of either."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from modframe import AppContext
from modframe.errors import LoadError
from tests.waiting import wait_for

USER_MODELS = '''
from core.database import get_database_base
from sqlalchemy import Column, Integer, String

DATABASE_NAME = "users"
Base = get_database_base(DATABASE_NAME)


class User(Base):
    """Somebody."""

    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    name = Column(String(40))
'''
NOTE_MODELS = '''
from core.database import get_database_base
from sqlalchemy import Column, ForeignKey, Integer
from sqlalchemy.orm import relationship

DATABASE_NAME = "users"
Base = get_database_base(DATABASE_NAME)


class Note(Base):
    """Something about somebody."""

    __tablename__ = "notes"
    id = Column(Integer, primary_key=True)
    user_id = Column(ForeignKey("users.id"))
    user = relationship("User")
'''
USERS = '''
from core.app_context import app_context
from core.decorators import module

from .db_models import User
from .note_models import Note


@module("standard.users", database="users")
class Users:
    """Keeps users; edition {edition}."""

    async def add(self, name: str) -> None:
        async with app_context.database.integrity_session("users", "add") as session:
            session.add(Note(user=User(name=name)))
            await session.commit()
'''
ORDERS = '''
from core.app_context import app_context
from core.decorators import module
from sqlalchemy import select
from {models} import {model}


@module("standard.orders")
class Orders:
    """Reads the rows of another module; edition {edition}."""

    async def names(self) -> list:
        async with app_context.database.integrity_session("users", "names") as session:
            return list(await session.scalars(select(User.name).order_by(User.id)))
'''
ORDER_MODELS = '''
from core.database import get_database_base
from modules.standard.users.db_models import Base as UserBase
from modules.standard.users.db_models import User
from sqlalchemy import Column, ForeignKey, Integer

DATABASE_NAME = {database!r}
Base = get_database_base(DATABASE_NAME)


class Order({base}):
    """What somebody wants."""

    __tablename__ = "orders"
    id = Column(Integer, primary_key=True)
    user_id = Column(ForeignKey({key}))
'''


def load_users(app: AppContext, edition: int) -> None:
    """Load an edition of the module with the models."""
    files = {"db_models.py": USER_MODELS, "note_models.py": NOTE_MODELS}
    app.load({"api.py": USERS.format(edition=edition), **files}, id="users")


def load_orders(app: AppContext, edition: int, **models: str) -> None:
    """Load an edition of the module that uses them; ``models`` fills its own models."""
    if models:
        text = ORDERS.format(edition=edition, models=".db_models", model="Order, User")
        app.load({"api.py": text, "db_models.py": ORDER_MODELS.format(**models)}, id="orders")
    else:
        other = "modules.standard.users.db_models"
        app.load(
            {"api.py": ORDERS.format(edition=edition, models=other, model="User")}, id="orders"
        )


def names(app: AppContext) -> list[str]:
    """The names that the second module reads."""
    found: list[str] = app.get_service("orders").names().result(30)
    return found


@pytest.mark.parametrize("own", [None, {"database": "users", "base": "Base", "key": "User.id"}])
def test_models_are_imported_through_swaps_of_either(
    own: dict[str, str] | None, app: AppContext
) -> None:
    """Plainly, and referred to by a table of another module in the same database."""
    load_users(app, 1)
    load_orders(app, 1, **(own or {}))
    for edition in range(2, 5):
        app.get_service("users").add(f"n{edition}").result(30)
        load_users(app, edition)
        assert len(names(app)) == edition - 1
        load_orders(app, edition, **(own or {}))
        app.modules["orders"].reload()
        app.modules["users"].reload()
        assert names(app) == [f"n{number}" for number in range(2, edition + 1)]


@pytest.mark.soak
def test_a_closed_generation_leaves_no_models(app: AppContext) -> None:
    """Neither the references of a database nor its sessions keep the classes of old ones."""
    for edition in range(1, 5):
        load_users(app, edition)
        app.get_service("users").add(f"n{edition}").result(30)

    def left() -> int:
        gc.collect()
        kinds = [item for item in gc.get_objects() if isinstance(item, type)]
        return sum(kind.__name__ == "Note" and "users~" in kind.__module__ for kind in kinds)

    assert wait_for(lambda: left() <= 2)


REFUSED = {
    "another module's base": (
        {"database": "users", "base": "UserBase", "key": '"users.id"'},
        r"'Order' is derived from a base or model of module 'standard.users'.*"
        r'get_database_base\("users"\)',
    ),
    "another module's model": (
        {"database": "users", "base": "User", "key": '"users.id"'},
        r"'Order' is derived from a base or model of module 'standard.users'",
    ),
    "another module's table by name": (
        {"database": "users", "base": "Base", "key": '"users.id"'},
        r"orders.user_id refers to 'users.id', which no model of database 'users' has.*"
        r"ForeignKey\(Model.id\)",
    ),
    "another database": (
        {"database": "orders", "base": "Base", "key": "User.id"},
        r"orders.user_id refers to a table of database 'users'.*call of that module's service",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_work_is_refused_the_same_each_time(what: str, app: AppContext) -> None:
    """The error says what to write instead; the other module's tables are as they were."""
    models, sentence = REFUSED[what]
    load_users(app, 1)
    for edition in (1, 2):
        with pytest.raises(LoadError, match=f"(?s)db_models.py.*{sentence}"):
            load_orders(app, edition, **models)
    load_users(app, 2)
    tables = app.database.sql("SELECT table_name FROM duckdb_tables() WHERE database_name='users'")
    assert sorted(name for (name,) in tables.rows) == ["notes", "users"]


def test_a_check_says_it_without_a_load(app: AppContext, workspace: Path) -> None:
    """At the line of the model."""
    models = REFUSED["another database"][0]
    texts = {
        "users/api.py": USERS.format(edition=1),
        "users/db_models.py": USER_MODELS,
        "users/note_models.py": NOTE_MODELS,
        "orders/api.py": ORDERS.format(edition=1, models=".db_models", model="Order, User"),
        "orders/db_models.py": ORDER_MODELS.format(**models),
    }
    for name, text in texts.items():
        path = workspace / "modules/standard" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    faults = [finding for finding in app.check("orders") if finding.level == "error"]
    (fault,) = faults
    assert fault.file == "db_models.py"
    assert ORDER_MODELS.format(**models).splitlines()[fault.line - 1].startswith("class Order")
    assert "refers to a table of database 'users'" in fault.message
