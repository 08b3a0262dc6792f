"""The gate: a module goes live only if its tests pass, and what they see; through `app.load`."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from tests import inside
from tests.fakes import ORDERS, simple

from .orders import load_outcome, number, red, tried


def test_green_goes_live(app: AppContext) -> None:
    """If all tests pass, the generation they ran on is live."""
    module = tried(app, "def test_it(service):\n    assert service.total().result() == 40\n")
    assert (module.state, module.generation) == ("LIVE", 1)
    assert module.error is None


def test_red_is_not_live(app: AppContext) -> None:
    """A failing test fails the swap; its error has the place and pytest's explanation."""
    app.load({"api.py": ORDERS}, id="orders")
    error = red(
        app,
        """
        def test_it(service):
            count = service.total().result()
            assert count == 41
        """,
        api=ORDERS.replace("= 40", "= 39"),
    )
    (finding,) = error.findings
    assert (finding.rule, finding.file, finding.line) == ("test-failed", "test_api.py", 4)
    assert finding.message == "test_it: assert 39 == 41"
    assert str(error) == (
        "standard.orders: test_api.py, line 4: test_it: assert 39 == 41\n"
        "Mend the module or its tests; nothing live has changed."
    )
    assert isinstance(error.__cause__, AssertionError)
    assert number(app) == 1
    assert app.get_service("orders").total().result() == 40
    assert app.modules["orders"].error is error


def test_the_tests_see_the_new_generation_and_nobody_else_does(app: AppContext) -> None:
    """Imports, service, client and context of a test lead to the generation under test."""
    app.load({"api.py": ORDERS}, id="orders")
    tried(
        app,
        """
        from core.app_context import app_context as mine
        from modules.standard.orders.api import Orders as same

        import modules.standard.orders.api as by_name
        from .api import Orders


        def test_imports(app_context):
            from modules.standard.orders.api import Orders as late
            from . import api

            assert Orders is same is late is by_name.Orders is api.Orders
            assert mine is app_context
            assert Orders().twice(1) == 3


        def test_sync(service, client):
            assert service.twice(1).result() == 3
            assert client.get("/api/v1/orders/total").json() == {"total": 43}
            assert client.get("/api/v1/orders/nope").status_code == 404
            assert client.get("/health/live").status_code == 200


        async def test_async(service, client, app_context):
            assert await service.twice(1) == 3
            assert await app_context.get_service("orders").twice(1) == 3
            assert (await client.get("/api/v1/orders/total")).json() == {"total": 43}


        def test_the_live_one_answers_on():
            import modframe.process

            assert modframe.process.current_app().get_service("orders").twice(1).result() == 2
        """,
        api=ORDERS.replace("= 40", "= 41").replace("2 * number", "3 * number"),
    )
    assert app.get_service("orders").twice(1).result() == 3


def test_what_pytest_offers(app: AppContext) -> None:
    """Fixtures, conftest, classes, marks, parameters, monkeypatch and tmp_path work."""
    outcome = load_outcome(
        app,
        {
            "api.py": ORDERS,
            "conftest.py": """
                import pytest

                @pytest.fixture
                def base():
                    return 1
            """,
            "tests/conftest.py": """
                import pytest

                @pytest.fixture
                async def prepared(service, base):
                    yield base + await service.total()
                    assert await service.total() == 40

                @pytest.fixture
                async def simple(base):
                    return base
            """,
            "tests/helpers.py": "def double(n):\n    assert n != 13\n    return 2 * n\n",
            "tests/test_deep.py": """
                import asyncio
                import logging
                import unittest

                import pytest

                from ..api import app_context as context
                from .helpers import double

                @pytest.mark.parametrize("n", [1, 2, 3])
                def test_numbers(n, base):
                    assert double(n) == n + n

                @pytest.mark.slow
                @pytest.mark.skip(reason="not today")
                def test_skipped():
                    raise AssertionError

                @pytest.mark.xfail(strict=True)
                def test_expected():
                    assert False

                class TestClass:
                    @pytest.fixture
                    async def mark(self):
                        self.mark = 3

                    def setup_method(self):
                        self.ready = True

                    async def test_method(self, mark, prepared, simple):
                        assert (self.ready, self.mark, prepared, simple) == (True, 3, 41, 1)

                class TestOld(unittest.TestCase):
                    def test_old(self):
                        self.assertEqual(double(1), 2)

                def test_files(tmp_path, request):
                    (tmp_path / "a").write_text("b")

                def test_logs(caplog):
                    logging.getLogger("x").warning("tea is out")
                    context.get_logger().warning("coffee too")
                    assert "tea is out" in caplog.text

                def test_output(capsys):
                    print("seen")
                    assert capsys.readouterr().out == "seen\\n"

                def test_warnings(recwarn):
                    import warnings
                    with pytest.warns(UserWarning, match="careful"):
                        warnings.warn("careful")

                @pytest.mark.filterwarnings("error")
                def test_filter():
                    import warnings
                    with pytest.raises(UserWarning):
                        warnings.warn("now an error")
            """,
        },
    )
    assert str(outcome.tests) == "10 tests passed, 1 skipped, 1 failed as expected"
    assert " · 10 tests passed, 1 skipped" in str(outcome)


def test_what_skips_itself_is_no_failure(app: AppContext) -> None:
    """A file or all its tests may be skipped without a failure."""
    texts = {"api.py": ORDERS, "test_api.py": "import pytest\npytest.importorskip('nowhere')\n"}
    assert str(load_outcome(app, texts).tests) == "0 tests passed, 1 skipped"


def test_names_in_texts_mean_what_is_tried(app: AppContext) -> None:
    """monkeypatch and mock.patch by name change the generation under test, never the live one."""
    app.load({"api.py": ORDERS + "\nRATE = 1\n"}, id="orders")
    before: Any = inside.generation(app, "orders")
    live = before.package.modules()["api.py"]
    import modules.standard.orders.api as plain  # the plain name is taken already

    assert plain.RATE == 1
    tried(
        app,
        """
        from unittest import mock

        from modframe.process import current_app
        from tests import inside
        from . import api


        def live():
            return inside.generation(current_app(), "orders").package.modules()["api.py"]


        def test_monkeypatch(monkeypatch):
            monkeypatch.setattr("modules.standard.orders.api.RATE", 5)
            assert (api.RATE, live().RATE) == (5, 1)
            monkeypatch.delattr("modules.standard.orders.api.RATE")
            assert not hasattr(api, "RATE")


        @mock.patch("modules.standard.orders.api.RATE", 7)
        def test_mock():
            assert (api.RATE, live().RATE) == (7, 1)


        def test_afterwards():
            assert api.RATE == 2
        """,
        api=ORDERS + "\nRATE = 2\n",
    )
    assert live.RATE == 1


def test_other_modules_are_those_of_the_change(app: AppContext) -> None:
    """Modules loaded together are tested with each other's new generation, all or none."""
    stock = simple("async def left(self):\n    return LEFT", head="LEFT = 1", name="Stock")
    app.load([("stock", {"api.py": stock}), ("orders", {"api.py": ORDERS})])
    tests = """
        async def test_left(app_context):
            from modules.standard.stock import api
            assert api.LEFT == 2
            assert await app_context.get_service("stock").left() == 2
    """
    change = [
        (
            "stock",
            {"api.py": stock.replace("LEFT = 1", "LEFT = 2"), "test_a.py": "def test_a(): pass"},
        ),
        ("orders", {"api.py": ORDERS, "test_api.py": dedent(tests)}),
    ]
    app.load(change, test=True)
    assert app.get_service("stock").left().result() == 2
    change[0][1]["test_a.py"] = "def test_a(): assert 0"
    with pytest.raises(LoadError, match=r"standard.stock: test_a.py, line 1: test_a: assert 0"):
        app.load(change, test=True)
    assert [app.modules[one].generation for one in ("stock", "orders")] == [2, 2]


def test_those_that_import_from_it_are_tried_as_well(app: AppContext) -> None:
    """A module that is rebuilt with the loaded one must pass its own tests, if it has any."""
    base = simple("pass", head="LIMIT = 3", name="Base")
    user = simple("pass", head="from modules.standard.base.api import LIMIT", name="User")
    app.load({"api.py": base, "test_b.py": "def test_b(): pass"}, id="base")
    tests = "from ..api import LIMIT\ndef test_limit(): assert LIMIT < 10\n"
    app.load({"api.py": user, "tests/test_u.py": tests}, id="user")
    with pytest.raises(LoadError, match=r"standard.user: tests/test_u.py, line 2.*assert 30 < 10"):
        app.load(
            {"api.py": base.replace("= 3", "= 30"), "test_b.py": "def test_b(): pass"},
            id="base",
            test=True,
        )
    assert app.modules["base"].generation == 1
    app.load({"api.py": base + "\n", "test_b.py": "def test_b(): pass"}, id="base", test=True)
    assert [app.modules[one].generation for one in ("base", "user")] == [2, 2]


def test_equal_text_is_tried_again(app: AppContext) -> None:
    """Loading equal text with `test=True` runs its tests on a new generation."""
    for expected in (1, 2):
        assert tried(app, "def test_it(): pass").generation == expected


def test_without_the_gate_tests_are_only_text(app: AppContext) -> None:
    """Tests are not run unless they are asked for."""
    app.load({"api.py": ORDERS, "test_api.py": "def test_it(): assert 0"}, id="orders")
    assert number(app) == 1


STORE = """
from core.app_context import app_context
from core.database import get_database_base
from fastapi import APIRouter
from modframe.decorators import module
from sqlalchemy import Column, Integer, func, select

DATABASE_NAME = "store"
Base = get_database_base(DATABASE_NAME)
router = APIRouter()


class Row(Base):
    __tablename__ = "rows"
    id = Column(Integer, primary_key=True)


@router.post("/rows")
async def add() -> int:
    return await app_context.get_service("store").add()


@module
class Store:
    async def initialize(self):
        await self.add()

    async def add(self) -> int:
        async with app_context.database.integrity_session("store", "add") as session:
            session.add(Row())
            await session.commit()
            return (await session.execute(select(func.count()).select_from(Row))).scalar_one()
"""


def test_what_tests_store_is_not_kept(app: AppContext) -> None:
    """Tests write to databases of their own, in memory and empty at first; nothing live changes."""
    other = simple(
        "async def add(self):\n    return await app_context.get_service('store').add()",
        head="from core.app_context import app_context",
        arguments="requires=['store']",
    )
    app.load([("store", {"api.py": STORE}), ("other", {"api.py": other})])
    tests = """
        def test_sync(service, client):
            assert service.add().result() == 1
            assert client.post("/api/v1/store/rows").json() == 2

        async def test_async(service, client, app_context):
            assert (await client.post("/api/v1/store/rows")).json() == 1
            assert await app_context.get_service("other").add() == 2
    """
    app.load({"api.py": STORE + "\n", "test_it.py": dedent(tests)}, id="store", test=True)
    rows = app.database.sql("select count(*) as n from store.rows").rows
    assert [list(row.values()) if isinstance(row, dict) else list(row) for row in rows] == [[2]]
    assert app.get_service("store").add().result() == 3


def test_its_own_tests_reach_a_module_where_it_lives(app: AppContext) -> None:
    """The new generation answers at its new path, other modules at theirs, and the old one is gone."""
    app.load({"api.py": ORDERS.replace("@module", '@module(path="/tea")')}, id="tea")
    tried(app, "def test_it(): pass")
    tests = """
        def test_it(client, module_client):
            assert module_client("orders").get("/total").json() == {"total": 42}
            assert str(module_client("orders").base_url) == "http://localhost/shop/"
            assert module_client("tea").get("/total").status_code == 200
            assert client.get("/tea/total").status_code == client.get("/s/total").status_code == 200
            assert client.get("/api/v1/orders/total").status_code == 404
    """
    tried(app, tests, api=ORDERS.replace("@module", '@module(path=("/shop", "/s"))'))
    assert number(app) == 2
