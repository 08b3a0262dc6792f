"""A served app: revisions are run before modules load, and nothing else changes their tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest

import modframe
from modframe.app import AppContext
from modframe.process import current_app
from tests.parts.database.revisions.support import (
    ADD_TOTAL,
    CREATE,
    DROP_TOTAL,
    ModuleFolder,
    models,
)

API = '''
from fastapi import APIRouter
from modframe.decorators import module
from sqlalchemy import inspect
from core.app_context import app_context
from .db_models import DATABASE_NAME

router = APIRouter()


@router.get("/columns")
async def columns() -> list[str]:
    async with app_context.database.integrity_session(DATABASE_NAME, "look") as session:
        connection = await session.connection()
        return await connection.run_sync(
            lambda sync: sorted(one["name"] for one in inspect(sync).get_columns("orders"))
        )


@module
class Orders:
    """Counts what was ordered."""
'''
Serve = Callable[[], AbstractAsyncContextManager[tuple[AppContext, httpx.AsyncClient]]]


@pytest.fixture
def orders(workspace: Path) -> ModuleFolder:
    """The module in the workspace, without revisions yet."""
    module = ModuleFolder(workspace / "modules" / "standard" / "orders")
    module.home.mkdir(parents=True)
    (module.home / "api.py").write_text(API)
    write_models(module)
    return module


def write_models(module: ModuleFolder, *more: str) -> None:
    """Write the models, with more columns."""
    (module.home / "db_models.py").write_text(models("note = Column(String)", *more))


@pytest.fixture
def serve(workspace: Path) -> Serve:
    """Serve the workspace, as any ASGI server would."""

    @asynccontextmanager
    async def serving() -> AsyncIterator[tuple[AppContext, httpx.AsyncClient]]:
        hosted = modframe.create_app(workspace)
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(hosted), base_url="http://localhost"
        )
        async with client:
            await client.get("/health/live")
            app = current_app()
            assert app is not None
            yield app, client
        await hosted.aclose()

    return serving


async def columns(client: httpx.AsyncClient) -> object:
    return (await client.get("/api/v1/orders/columns")).json()


async def test_pending_revisions_are_run_before_modules_load(
    orders: ModuleFolder, serve: Serve, workspace: Path
) -> None:
    """A served app brings the database to the last revision, and says so in the log."""
    write_models(orders, "total = Column(Integer)")
    orders.write_both()
    async with serve() as (app, client):
        assert app.modules["orders"].state == "LIVE"
        assert await columns(client) == ["id", "note", "total"]
    log = (workspace / "data" / "logs" / "app.log").read_text()
    assert "database 'shop' was upgraded by its revisions: 0001_make, 0002_total" in log
    orders.write(
        "0003_size",
        'op.add_column("orders", sa.Column("size", sa.Integer()))',
        parent="0002_total",
    )
    async with serve() as (_, client):
        assert await columns(client) == ["id", "note", "size", "total"]


async def test_nothing_is_added_that_no_revision_adds(orders: ModuleFolder, serve: Serve) -> None:
    """Models that are ahead of the revisions don't load; the error says what to run."""
    orders.write("0001_make", CREATE, 'op.drop_table("orders")')
    write_models(orders, "total = Column(Integer)")
    async with serve() as (app, _):
        module = app.modules["orders"]
        assert module.state == "FAILED"
        assert "none of them does what its models need: add column orders.total" in str(
            module.error
        )
        assert "modframe db revision standard.orders" in str(module.error)
    write_models(orders)
    async with serve() as (_, client):
        assert await columns(client) == ["id", "note"]


async def test_a_revision_that_fails_fails_its_module_alone(
    orders: ModuleFolder, serve: Serve, workspace: Path
) -> None:
    """The database is as it was, other modules run, and the error names file and line."""
    other = workspace / "modules" / "standard" / "other"
    other.mkdir()
    (other / "api.py").write_text(
        "from modframe.decorators import module\n\n\n@module\nclass Other:\n"
        "    async def one(self) -> int:\n        return 1\n"
    )
    orders.write("0001_make", CREATE, 'op.drop_table("orders")')
    async with serve() as (_, client):
        assert await columns(client) == ["id", "note"]
    orders.write(
        "0002_total", f"{ADD_TOTAL}\nop.execute('SELECT 1 FROM nowhere')", parent="0001_make"
    )
    async with serve() as (app, _):
        assert app.modules["other"].state == "LIVE"
        assert app.modules["orders"].state == "FAILED"
        assert "migrations/versions/0002_total.py, line 11" in str(app.modules["orders"].error)
    (orders.versions / "0002_total.py").unlink()
    async with serve() as (_, client):
        assert await columns(client) == ["id", "note"]


async def test_a_database_without_revisions_beside_one_that_has_some(
    orders: ModuleFolder, serve: Serve
) -> None:
    """Of a module with two databases, only the one that has revisions is changed by them alone."""
    orders.write("0001_make", CREATE, 'op.drop_table("orders")')
    archived = models("note = Column(String)").replace('"shop"', '"archive"')
    (orders.home / "archived.py").write_text(archived)
    async with serve() as (app, client):
        assert app.modules["orders"].state == "LIVE"
        assert await columns(client) == ["id", "note"]
        async with app.database.integrity_session("archive", "look") as session:
            connection = await session.connection()
            found = await connection.exec_driver_sql("SELECT note FROM orders")
            assert found.all() == []


async def test_without_revisions_models_add_as_ever(orders: ModuleFolder, serve: Serve) -> None:
    """A module that has no revisions gets its tables from its models, served or not."""
    write_models(orders, "total = Column(Integer)")
    async with serve() as (_, client):
        assert await columns(client) == ["id", "note", "total"]


async def test_a_notebook_adds_by_itself_and_production_gets_it(
    orders: ModuleFolder, serve: Serve, workspace: Path
) -> None:
    """What an app in a kernel adds needs no revision there, and finds its revision later."""
    orders.write_both()
    write_models(orders, "total = Column(Integer)", "size = Column(Integer)")
    with modframe.start(workspace=workspace) as app:
        assert app.modules["orders"].state == "LIVE"
        assert "size" in app.database.sql("SELECT * FROM shop.orders").columns
    orders.write(
        "0003_size",
        'op.add_column("orders", sa.Column("size", sa.Integer()))',
        DROP_TOTAL.replace("total", "size"),
        parent="0002_total",
    )
    async with serve() as (_, client):
        assert await columns(client) == ["id", "note", "size", "total"]
    log = (workspace / "data" / "logs" / "app.log").read_text()
    assert "0003_size (column orders.size there already)" in log
