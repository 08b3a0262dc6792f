"""What a person reads after a fault: subject, fault, place and cure, and no line of modframe's."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import sqlite3
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import GraphError, LoadError, ModframeError, ServiceUnavailableError
from modframe.source import SourceFile
from tests.fakes import PACKAGE, simple
from tests.faults.processes import run_script
from tests.kernels import Kernel, kernel

ORDERS = simple(
    """
    async def total(self) -> dict:
        return {"ann": 1}

    async def add(self, name: str, amount: int = 1) -> int:
        return amount

    async def boom(self):
        raise ValueError("no such order")

    async def numbers(self, end: int):
        for number in range(end):
            yield number

    async def forgets(self):
        return self.app_context.get_service("orders").total()["ann"]

    async def drops(self):
        self.total()
    """,
    name="Orders",
)
DATABASE = {
    "db_models.py": (
        "from core.database import get_database_base\n"
        "from sqlalchemy import Column, Integer, String\n"
        'DATABASE_NAME = "users"\n'
        'Base = get_database_base("users")\n'
        "class User(Base):\n"
        '    __tablename__ = "users"\n'
        "    id = Column(Integer, primary_key=True)\n"
        "    email = Column(String, unique=True)\n"
        "    bio = Column(String)\n"
    ),
    "api.py": simple(
        """
        async def add(self, email: str, bio: str) -> None:
            session = self.app_context.database.integrity_session("users", "add")
            async with session as users:
                users.add(User(email=email, bio=bio))
                await users.commit()

        async def ask(self) -> None:
            session = self.app_context.database.integrity_session("users", "ask")
            async with session as users:
                await users.execute(text("select nme from users where id = :id"), {"id": 3})
        """,
        head="from sqlalchemy import text\nfrom .db_models import User",
    ),
}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with a module of orders."""
    with kernel(tmp_path_factory.mktemp("workspace")) as running:
        running.run("%load_ext modframe")
        running.run(f"%%module orders\n{ORDERS}")
        running.run("orders = app.get_service('orders')")
        yield running


def files_of(error: BaseException) -> list[str]:
    """Return the files of the frames in the tracebacks of an error and its causes."""
    files: list[str] = []
    one: BaseException | None = error
    while one is not None:
        files += [frame.filename for frame in traceback.extract_tb(one.__traceback__)]
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return files


def assert_no_frames(error: BaseException) -> None:
    """Check that only this file and texts of modules are in a traceback."""
    assert [file for file in files_of(error) if file != __file__ and not file.startswith("<")] == []


class TestTracebacks:
    """No frame of modframe is in the traceback of a fault that isn't its own."""

    def test_of_a_call(self, app: AppContext) -> None:
        """Awaited, waited for, gathered or run; and of a stream."""
        app.load({"api.py": ORDERS}, id="orders")
        orders = app.get_service("orders")

        async def awaited() -> None:
            await orders.boom()

        async def iterated() -> None:
            async for _ in orders.numbers(None):
                pass

        for call in (
            lambda: orders.boom().result(),
            lambda: app.run(orders.boom()),
            lambda: orders.add(nme="x").result(),
        ):
            with pytest.raises((ValueError, TypeError)) as caught:
                call()
            assert_no_frames(caught.value)
        for coroutine in (awaited, iterated):
            with pytest.raises((ValueError, TypeError)) as caught_here:
                asyncio.run(coroutine())
            assert not [file for file in files_of(caught_here.value) if PACKAGE in file]

    def test_of_a_verb(self, app: AppContext) -> None:
        """Names that lead nowhere, texts that don't load, attributes that aren't there."""
        app.load({"api.py": ORDERS}, id="orders")
        orders = app.get_service("orders")
        for verb in (
            lambda: app.load("nowhere"),
            lambda: app.load({"api.py": "1 / 0"}, id="bad"),
            lambda: app.modules["nowhere"],
            lambda: app.modules["orders"].rollback(77),
            lambda: app.get_service("nowhere"),
            lambda: app.database.sql("delete from users"),
            lambda: orders.nothing,
            lambda: setattr(orders, "count", 1),
            lambda: modframe.app_context.nothing,
            lambda: modframe.start(data="elsewhere"),
        ):
            with pytest.raises((ModframeError, AttributeError)) as caught:
                verb()
            assert_no_frames(caught.value)

    def test_in_a_script(self, tmp_path: Path) -> None:
        """What Python itself prints has the lines of the script and the module alone."""
        folder = tmp_path / "modules" / "standard" / "orders"
        folder.mkdir(parents=True)
        (folder / "api.py").write_text(ORDERS)
        done = run_script(
            """
            import modframe
            with modframe.start(data=":memory:") as app:
                app.get_service("orders").boom().result()
            """,
            tmp_path,
        )
        files = [Path(file).name for file in re.findall(r'File "([^"]+)"', done.stderr)]
        assert files == ["<string>", "api.py"]
        assert done.stderr.endswith("ValueError: no such order\n")

    @pytest.mark.kernel
    @pytest.mark.parametrize(
        "code",
        [
            "await orders.boom()",
            "orders.boom().result()",
            "import asyncio\nawait asyncio.gather(orders.boom())",
            "await orders.add(nme=1)",
            "orders.nothing",
            "app.nothing()",
            "app.load('nowhere')",
        ],
    )
    def test_in_a_cell(self, shell: Kernel, code: str) -> None:
        """Only cells are in it, and nothing was hidden."""
        cell = shell.run(code, fails=True)
        assert "modframe/" not in cell.traceback
        assert "hidden" not in cell.traceback
        assert len(cell.traceback.splitlines()) < 20

    def test_modframes_own_fault_keeps_its_frames(
        self, app: AppContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody could find it otherwise."""

        monkeypatch.setattr("modframe.app.parse_sources", "".index)
        with pytest.raises(TypeError) as caught:
            app.load("orders")
        assert any(file.endswith("modframe/app.py") for file in files_of(caught.value))


@pytest.fixture
def forgets(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Collect what a test forgets to await in its own teardown, where the warning is expected.

    It is set up before the app, so that only the captured log still keeps it, with its error.
    """
    yield
    caplog.get_records("call").clear()
    gc.collect()


class TestForgottenAwait:
    """It is said wherever a call is taken for its value."""

    @pytest.mark.parametrize(
        "use",
        [
            lambda call: call["ann"],
            len,
            list,
            bool,
            lambda call: call + 1,
            lambda call: "ann" in call,
            lambda call: call > 3,
        ],
    )
    def test_of_a_call_outside_modules(self, app: AppContext, use: object) -> None:
        """Calls refuse what only values can do."""
        app.load({"api.py": ORDERS}, id="orders")
        call = app.get_service("orders").total()
        assert callable(use)
        with pytest.raises(TypeError, match=r"^standard\.orders\.total\(\) gave a call, not its"):
            use(call)
        with pytest.raises(AttributeError, match=r"has no 'get'\. Await it: \(await \.\.\.\)\.get"):
            call.get("ann")
        assert call.result() == {"ann": 1}

    def test_a_call_is_still_a_call(self, app: AppContext) -> None:
        """It can be compared, kept in a set, gathered and put in a task."""
        app.load({"api.py": ORDERS}, id="orders")
        orders = app.get_service("orders")

        async def use() -> list[object]:
            calls = {orders.total(), orders.total()}
            first = orders.total()
            assert first == first  # by identity
            values = await asyncio.gather(*calls, asyncio.create_task(first))
            return list(values)

        assert asyncio.run(use()) == [{"ann": 1}] * 3

    @pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
    @pytest.mark.usefixtures("forgets")
    def test_in_a_module(self, app: AppContext) -> None:
        """The error of Python gets the cure, once."""
        app.load({"api.py": ORDERS}, id="orders")
        call = app.get_service("orders").forgets()
        for _ in range(2):
            with pytest.raises(TypeError, match="'coroutine' object is not subscr") as caught:
                call.result()
        cure = "A coroutine is not its value yet: write (await ...) around it, in an async def."
        assert caught.value.__notes__ == [cure]

    @pytest.mark.filterwarnings("ignore:unclosed database")  # from Python 3.13 on
    @pytest.mark.usefixtures("forgets")
    def test_a_connection_of_another_thread(self, app: AppContext) -> None:
        """SQLite's own message names two threads that the author doesn't know of."""
        text = simple(
            "def __init__(self):\n    self.connection = sqlite3.connect(':memory:')\n"
            "async def get(self):\n    return self.connection.execute('select 1').fetchall()",
            head="import sqlite3",
        )
        app.load({"api.py": text}, id="thing")
        with pytest.raises(sqlite3.ProgrammingError) as caught:
            app.get_service("thing").get().result()
        assert "with check_same_thread=False" in caught.value.__notes__[0]
        shares = text.replace("':memory:'", "':memory:', check_same_thread=False")
        app.load({"api.py": shares}, id="thing")
        assert app.get_service("thing").get().result() == [(1,)]

    @pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
    @pytest.mark.usefixtures("forgets")
    def test_in_a_route(self, workspace: Path) -> None:
        """So does what the log keeps of the request."""
        head = (
            "from fastapi import APIRouter\nfrom core.app_context import app_context\n"
            "router = APIRouter()\n@router.get('/total')\nasync def total():\n"
            "    return app_context.get_service('shop').total()['ann']\n"
        )
        with modframe.start(workspace=workspace, modules=[], data=workspace / "data") as app:
            app.load({"api.py": simple("async def total(self): return {}", head=head)}, id="shop")

            async def get() -> int:
                async with app.test_client() as http:
                    return int((await http.get("/api/v1/shop/total")).status_code)

            assert asyncio.run(get()) == 500
        recorded = (workspace / "data" / "logs" / "errors.jsonl").read_text()
        assert "A coroutine is not its value yet" in recorded

    @pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
    @pytest.mark.usefixtures("forgets")
    def test_in_a_phase(self, app: AppContext) -> None:
        """So does the error of the load."""
        text = ORDERS + (
            "    def initialize(self):\n"
            "        self.app_context.get_service('orders').total().result()\n"
        )
        line = len(text.splitlines())
        with pytest.raises(
            LoadError,
            match=rf"api\.py, line {line}: initialize\(\) \(phase 2\) raised AttributeError: "
            r"'coroutine' object has no attribute 'result'\. A coroutine is not its value yet",
        ) as caught:
            app.load({"api.py": text}, id="orders")
        del caught
        app.load({"api.py": ORDERS}, id="orders")  # so that the app doesn't hold the error

    def test_that_nobody_notices(self, tmp_path: Path) -> None:
        """The log of the module and the caller's stderr have the module's line."""
        folder = tmp_path / "modules" / "standard" / "orders"
        folder.mkdir(parents=True)
        (folder / "api.py").write_text(ORDERS)
        line = ORDERS.splitlines().index("        self.total()") + 1
        done = run_script(
            """
            import modframe, warnings
            with modframe.start(data=":memory:") as app:
                app.get_service("orders").drops().result()
                print([one.message for one in app.snapshot().log if one.level == "WARNING"])
                warnings.warn("of another kind")
            """,
            tmp_path,
        )
        said = f"api.py, line {line}: coroutine 'Orders.total' was never awaited. Write 'await'"
        assert said in done.stdout
        assert f"warning: standard.orders: {said}" in done.stderr
        assert "tracemalloc" not in done.stderr
        assert "UserWarning: of another kind" in done.stderr

    @pytest.mark.parametrize(("debug", "named"), [("", "def total"), ("1", "self.total()")])
    def test_that_is_kept_and_collected_elsewhere(
        self, tmp_path: Path, debug: str, named: str
    ) -> None:
        """It has the line where it is defined; where Python notes it, the one that made it."""
        folder = tmp_path / "modules" / "standard" / "orders"
        folder.mkdir(parents=True)
        text = simple(
            "async def total(self):\n    return 1\n"
            "async def keep(self, box):\n    box.append(self.total())"
        )
        (folder / "api.py").write_text(text)
        lines = text.splitlines()
        at = next(number for number, one in enumerate(lines, 1) if named in one)
        done = run_script(
            """
            import modframe
            with modframe.start(data=":memory:", strict=True) as app:
                box = []
                app.get_service("orders").keep(box).result()
                box.clear()
                print([one.message for one in app.snapshot().log if one.level == "WARNING"])
            """,
            tmp_path,
            env={**os.environ, "PYTHONASYNCIODEBUG": debug},
        )
        assert re.search(
            rf"api\.py, line {at}: coroutine '\w+\.total' was never awaited", done.stdout
        )

    @pytest.mark.kernel
    def test_that_nobody_notices_in_a_cell(self, shell: Kernel) -> None:
        """The cell that made the call says it, with the module's cell."""
        cell = shell.run("await orders.drops()")
        assert re.match(
            r"warning: standard\.orders: api\.py, Cell In\[2\], line \d+: coroutine "
            r"'Orders\.total' was never awaited\. Write 'await' before the call that gave it\.",
            cell.stderr,
        )


def test_a_wrong_argument_shows_the_signature(app: AppContext) -> None:
    """In a cell and in module code; a ``TypeError`` of the method's own is left alone."""
    app.load({"api.py": ORDERS}, id="orders")
    orders = app.get_service("orders")
    with pytest.raises(
        TypeError, match=r"'nme'\.? .*The method is add\(name: str, amount: int = 1\)"
    ):
        orders.add(nme="x").result()
    with pytest.raises(TypeError, match=r"given\. The method is add\(name: str"):
        orders.add(1, 2, 3, 4).result()

    async def of_numbers() -> None:
        async for _ in orders.numbers(stop=3):
            pass

    with pytest.raises(TypeError, match=r"'stop'\. The method is numbers\(end: int\)"):
        asyncio.run(of_numbers())
    app.load({"api.py": simple("async def add(self, n):\n    return n + ''")}, id="sums")
    with pytest.raises(TypeError) as caught:
        app.get_service("sums").add(1).result()
    assert "The method is" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "async def initialize(self):\n    raise OSError('no')  # here",
            "initialize() (phase 2) raised OSError: no",
        ),
        (
            "async def initialize(self):  # here\n    return False",
            "initialize() (phase 2) gave False",
        ),
        (
            "def initialize(self):\n    raise SystemExit(3)  # here",
            "initialize() (phase 2) raised SystemExit, which",
        ),
        (
            "async def initialize(self):\n    await asyncio.sleep(600)  # here",
            "initialize() (phase 2) took longer than its 0.2 s and was cancelled",
        ),
        ("def __init__(self):\n    1 / 0  # here", "Thing() (phase 1) raised ZeroDivisionError"),
        ("async def activate(self):\n    1 / 0  # here", "activate() raised ZeroDivisionError"),
        ("async def activate(self):  # here\n    return False", "activate() gave False"),
    ],
)
def test_a_failing_step_is_named_with_its_line(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    """In the words of the guide, also for a hang, ``False`` and ``SystemExit``."""
    monkeypatch.setenv("MODFRAME_PHASE_TIMEOUT", "0.2")
    text = simple(body, head="import asyncio\n")
    line = next(number for number, row in enumerate(text.splitlines(), 1) if "# here" in row)
    with (
        modframe.start(workspace=workspace, modules=[], data=":memory:") as app,
        pytest.raises(LoadError) as caught,
    ):
        app.load({"api.py": text}, id="thing")
    assert str(caught.value).startswith(f"standard.thing: api.py, line {line}: {said}")


@pytest.mark.kernel
@pytest.mark.parametrize("kind", ["async def", "def"])
def test_a_cell_says_what_it_waits_for(shell: Kernel, kind: str) -> None:
    """After a second, also for a step that keeps the app loop; a quick one says nothing."""
    call = "await asyncio.sleep" if kind == "async def" else "time.sleep"
    text = (
        "import asyncio\nimport time\nfrom modframe.decorators import module\n"
        f"@module\nclass Slow:\n    {kind} initialize(self):\n        {call}(%s)\n"
    )
    cell = shell.run(f"%%module slow\n{text % 0}")
    assert cell.stderr == ""
    cell = shell.run(f"%%module slow\n{text % 2.5}")
    assert cell.stderr == "waiting for standard.slow: initialize() (phase 2), up to 60 s\n"


SETTINGS = """
from pydantic import BaseModel, Field, SecretStr

class Inner(BaseModel):
    password: int = 1

class Settings(BaseModel):
    limit: int = 3
    key: SecretStr = Field(default="0123456789", min_length=10)
    api_token: int = 3
    inner: Inner = Inner()
    database: int = 3
"""


def test_a_bad_setting_shows_value_line_and_source(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for each field; secrets show none, by type or by name."""
    monkeypatch.setenv("THING_LIMIT", "many")
    monkeypatch.setenv("THING_KEY", "hunter2")
    monkeypatch.setenv("THING_API_TOKEN", "hunter2")
    text = simple("pass", head=SETTINGS, arguments="settings=Settings")
    first = text.splitlines().index("    limit: int = 3") + 1
    given = {
        "thing": {"inner": {"password": "hunter2"}, "database": "postgresql://ann:hunter2@host/db"}
    }
    with (
        modframe.start(workspace=workspace, modules=[], data=":memory:", settings=given) as app,
        pytest.raises(LoadError) as caught,
    ):
        app.load({"api.py": text}, id="thing")
    said = str(caught.value)
    assert (
        f"api.py, line {first}: limit = 'many' (environment THING_LIMIT): Input should be a valid "
        "integer, unable to parse string as an integer. Correct limit in THING_LIMIT."
    ) in said
    assert f"api.py, line {first + 1}: key: Value should have at least 10 items" in said
    assert f"api.py, line {first + 2}: api_token: Input should be a valid integer" in said
    assert f"api.py, line {first + 3}: inner.password: Input should be a valid integer" in said
    assert "database = 'postgresql://ann:**********@host/db' (start(settings=...)): Input" in said
    assert "hunter2" not in said
    assert said.count("many") == 1


class TestRequirements:
    """What is required and missing gets the advice that fits it."""

    def test_a_typo_gets_the_nearest_name(self, app: AppContext) -> None:
        """A cycle is not mentioned."""
        app.load({"api.py": ORDERS}, id="orders")
        with pytest.raises(GraphError) as caught:
            app.load({"api.py": simple(arguments='requires=["ordres"]')}, id="shop")
        assert str(caught.value) == (
            "standard.shop requires 'standard.ordres', which no module provides. Did you mean "
            "'standard.orders'? Otherwise write that module, or take the requirement out."
        )

    def test_a_cycle_is_told_to_add_no_module(self, app: AppContext) -> None:
        """It is broken up by a later look-up."""
        texts = [
            (one, {"api.py": simple(arguments=f'requires=["{two}"]')}) for one, two in ("ab", "ba")
        ]
        with pytest.raises(GraphError) as caught:
            app.load(texts)
        assert str(caught.value) == (
            "a cycle of requirements: standard.a → standard.b → standard.a. Let one side of a "
            "cycle look the other up when it is called."
        )

    def test_a_draft_is_a_draft(self, app: AppContext) -> None:
        """For a module that requires it, and for who asks for its service."""
        app.draft("notes", "api.py", SourceFile(simple(), "<cell>"))
        with pytest.raises(GraphError, match=r"'standard\.notes', which is a draft and not live"):
            app.load({"api.py": simple(arguments='requires=["notes"]')}, id="shop")
        with pytest.raises(
            ServiceUnavailableError, match=r"standard\.notes is a draft and not live"
        ):
            app.get_service("notes")

    def test_a_failed_module_is_a_failed_one(self, app: AppContext) -> None:
        """The requirement is fine; what it leads to is not."""
        with pytest.raises(LoadError):
            app.load({"api.py": "1 / 0"}, id="notes")
        with pytest.raises(GraphError, match=r"'standard\.notes', which is FAILED\. Mend standard"):
            app.load({"api.py": simple(arguments='requires=["notes"]')}, id="shop")


class TestDatabase:
    """Errors of a database are the module's lines, the message, the statement and its values."""

    def test_are_short(self, app: AppContext) -> None:
        """Each thing stands in them once, and long values are cut."""
        from sqlalchemy.exc import IntegrityError, ProgrammingError

        app.load(DATABASE, id="users")
        users = app.get_service("users")
        users.add("ann@example.org", "").result()
        with pytest.raises(IntegrityError) as caught:
            users.add("ann@example.org", "long " * 1000).result()
        assert_no_frames(caught.value)
        lines = traceback.format_exception(caught.value)
        text = "".join(lines)
        assert text.count("Duplicate key") == 1
        assert text.count("INSERT INTO users") == 1
        assert len(text.splitlines()) < 20
        assert len(text) < 2000
        assert caught.value.params is not None
        assert len(str(caught.value.params)) > 5000
        with pytest.raises(ProgrammingError, match=r"\"nme\" not found[\s\S]*parameters: \(3,\)"):
            users.ask().result()

    @pytest.mark.kernel
    def test_are_short_in_a_cell(self, shell: Kernel) -> None:
        """218 lines were too many."""
        for name, text in reversed(DATABASE.items()):
            shell.run(f"%%module --draft users {name}\n{text}")
        shell.run(f"%%module users\n{DATABASE['api.py']}")
        shell.run("users = app.get_service('users')\nawait users.add('ann', '')")
        cell = shell.run("await users.add('ann', '')", fails=True)
        assert cell.error == "IntegrityError"
        assert len(cell.traceback.splitlines()) <= 20
        assert re.search(r"Cell In\[\d+\], line \d+, in Thing\.add", cell.traceback)
        assert "sqlalchemy/" not in cell.traceback
        start = "    async def initialize(self):\n        await self.add('ann', '')\n"
        cell = shell.run(f"%%module users\n{DATABASE['api.py']}{start}", fails=True)
        assert cell.error == "LoadError"
        assert cell.traceback.count("Duplicate key") == 1


def test_a_start_names_only_the_modules_that_it_waits_for(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not those that have done the step, or have not begun it."""
    monkeypatch.setattr("modframe.runtime.loop.app_loop._LATER", 0.6)
    slow = simple("async def initialize(self):\n    await asyncio.sleep(2)", head=_SLEEPS)
    for name, text in {"early": simple(), "late": simple(), "middle": slow}.items():
        folder = workspace / "modules" / "standard" / name
        folder.mkdir(parents=True)
        (folder / "api.py").write_text(text)
    with modframe.start(workspace=workspace, data=":memory:"):
        lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "waiting for standard.middle: the import of its files, up to 60 s",
        "waiting for standard.middle: initialize() (phase 2), up to 60 s",
    ]


_SLEEPS = "import asyncio\nimport time\ntime.sleep(2)\n"
