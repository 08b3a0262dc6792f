"""What fails in module code is found under the id that the answer names, and looks as in a cell."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx
import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import ModframeError
from modframe.observe import (
    EventLog,
    correlation_id,
    get_framework_logger,
    record_failure,
)
from tests.cli.conftest import Shell, shell  # noqa: F401  # a fixture
from tests.fakes import simple
from tests.kernels import kernel

SHOP = dedent(
    '''
    from fastapi import APIRouter
    from fastapi.responses import StreamingResponse
    from core.app_context import app_context
    from core.logging import get_framework_logger
    from modframe.decorators import module

    router = APIRouter()


    @router.get("/total")
    async def total() -> int:
        get_framework_logger("shop").info("adding up")
        return add(["tea", 3])


    @router.get("/blocking")
    def blocking() -> int:
        return add([None])


    @router.get("/wrong")
    async def wrong() -> list[int]:
        return "no list"


    @router.get("/half")
    async def half() -> StreamingResponse:
        async def parts():
            yield "one"
            raise ValueError("two")

        return StreamingResponse(parts())


    def add(prices: list) -> int:
        return sum(prices)


    @module
    class Shop:
        """Sells."""
    '''
).lstrip()


def line_of(text: str, part: str) -> int:
    """Return the number of the first line that has a text in it."""
    return next(at for at, line in enumerate(text.splitlines(), 1) if part in line)


def get(value: object) -> str:
    """Return a module that answers a value."""
    return simple(f"async def get(self):\n    return {value!r}")


@pytest.fixture
def shop(workspace: Path) -> Iterator[AppContext]:
    """A shop that keeps its log."""
    with modframe.start(workspace=workspace) as app:
        app.load({"api.py": SHOP}, id="shop")
        yield app


def errors(folder: Path) -> list[dict[str, Any]]:
    """Return what stands in errors.jsonl."""
    path = folder / "data/logs/errors.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("path", ["total", "blocking"])
def test_a_routes_exception_is_found_under_the_id_of_the_answer(
    shop: AppContext, workspace: Path, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The log, the errors, the snapshot and the shell have it, and no console."""
    server = shop.serve(port=0)
    answer = httpx.get(f"{server.url}/api/v1/shop/{path}")
    correlation = answer.json()["correlation_id"]
    assert answer.status_code == 500
    assert correlation in answer.json()["detail"]
    [line] = [line for line in shop.snapshot().log if line.level == "ERROR"]
    assert (line.module_id, line.correlation_id) == ("standard.shop", correlation)
    assert line.message.startswith(f"GET /api/v1/shop/{path} failed with TypeError: unsupported")
    shop.stop()
    [entry] = errors(workspace)
    assert entry["module_id"] == "standard.shop"
    assert entry["correlation_id"] == correlation
    assert entry["generation"] == 1
    assert entry["place"] == f"api.py, line {line_of(SHOP, 'return sum')}"
    assert entry["type"] == "TypeError"
    assert entry["fingerprint"]
    assert entry["time"].endswith("Z")
    for frame in ("starlette", "fastapi", "anyio", "modframe/"):
        assert frame not in entry["traceback"]
    assert "return sum(prices)" in entry["traceback"]
    assert "TypeError" not in "".join(capfd.readouterr())


def test_an_answer_that_does_not_fit_its_model_names_the_endpoint(
    shop: AppContext, workspace: Path
) -> None:
    """FastAPI raises it behind the endpoint; the place is the endpoint's."""
    answer = httpx.get(f"{shop.serve(port=0).url}/api/v1/shop/wrong")
    shop.stop()
    [entry] = errors(workspace)
    assert entry["correlation_id"] == answer.json()["correlation_id"]
    assert entry["place"] == f"api.py, line {line_of(SHOP, '/wrong')}"
    assert entry["message"].endswith("failed with ResponseValidationError: 1 validation error")


def test_an_answer_that_broke_off_is_recorded_once_and_printed_nowhere(
    shop: AppContext, workspace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The connection ends, the log has the reason, and the server prints no traceback of its own."""
    server = shop.serve(port=0)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{server.url}/api/v1/shop/half")
    shop.stop()
    [entry] = errors(workspace)
    assert (entry["type"], entry["generation"]) == ("ValueError", 1)
    assert "ValueError" not in "".join(capfd.readouterr())


LATER = dedent(
    """
    import asyncio
    from fastapi import APIRouter, BackgroundTasks
    from modframe.decorators import module

    router = APIRouter()


    @router.get("/task")
    async def task(tasks: BackgroundTasks) -> int:
        tasks.add_task(send, "ann")
        return 7


    @router.get("/callback")
    async def callback() -> int:
        asyncio.get_running_loop().call_soon(send, "ann")
        return 7


    def send(name: str) -> None:
        raise ConnectionError("no post")


    @module
    class Shop:
        pass
    """
).lstrip()


def test_a_background_task_that_fails_is_said_as_one(shop: AppContext, workspace: Path) -> None:
    """By the name of its function and its line: the request itself was answered."""
    shop.load({"api.py": LATER}, id="shop")
    answer = httpx.get(f"{shop.serve(port=0).url}/api/v1/shop/task")
    assert answer.json() == 7
    shop.stop()
    [entry] = errors(workspace)
    assert entry["message"] == (
        "the background task send() of GET /api/v1/shop/task failed with ConnectionError: no post"
    )
    assert entry["place"] == f"api.py, line {line_of(LATER, 'raise')}"
    assert entry["correlation_id"]


async def test_a_callback_that_raises_on_the_loop_of_a_server_is_recorded(
    workspace: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As on modframe's own loop; what is no module's goes where it went before."""
    folder = workspace / "modules/standard/shop"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(LATER)
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    app = modframe.create_app(workspace)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        assert (await http.get("/api/v1/shop/callback")).json() == 7
    loop.call_soon({}.__getitem__, "key")
    await asyncio.sleep(0)
    await app.aclose()
    [entry] = errors(workspace)
    assert entry["module_id"] == "standard.shop"
    assert entry["message"].startswith("Exception in callback send(")
    assert entry["place"] == f"api.py, line {line_of(LATER, 'raise')}"
    assert [record.exc_info[0] for record in caplog.records if record.name == "asyncio"] == [
        KeyError
    ]
    assert loop.get_exception_handler() is before


def test_what_a_module_logs_while_it_answers_carries_the_id(shop: AppContext) -> None:
    """So the lines of one request are found together; those outside of it carry none."""
    url = f"{shop.serve(port=0).url}/api/v1/shop/total"
    httpx.get(url, headers={"X-Correlation-ID": "mine"})
    lines = shop.snapshot().log
    assert next(line.message for line in lines if line.correlation_id == "mine") == "adding up"
    assert len([line for line in lines if line.correlation_id]) == 2


FAILING = simple(
    """
    async def initialize(self):
        if self.app_context.path.name == "broken":
            raise ValueError("no table")
        self.held = asyncio.create_task(self.work())

    async def work(self):
        raise KeyError("gone")

    async def cleanup_resources(self):
        raise OSError("no disk")
    """,
    head="import asyncio",
)


def test_errors_of_tasks_phases_checks_and_stops_are_recorded_alike(workspace: Path) -> None:
    """Each with its module, place and fingerprint, its code, and the generation that was live."""
    with modframe.start(workspace=workspace) as app:
        app.load({"api.py": FAILING}, id="thing")
        for name, text in (("broken", FAILING), ("unread", "def x(:")):
            with pytest.raises(ModframeError):
                app.load({"api.py": text}, id=name)
        wait = threading.Event()
        while not any("died" in line.message for line in app.snapshot().log):
            wait.wait(0.01)
    found = {(one["module_id"], one["type"]): one for one in errors(workspace)}
    task = found["standard.thing", "KeyError"]
    assert task["place"] == f"api.py, line {line_of(FAILING, 'KeyError')}"
    stop = found["standard.thing", "OSError"]
    assert (task["generation"], stop["generation"]) == (1, 1)
    phase = found["standard.broken", "ValueError"]
    assert (phase["generation"], phase["code"]) == (None, "phase2-failed")
    assert phase["traceback"].count("File ") == 1
    check = found["standard.unread", "LoadError"]
    assert (check["code"], check["place"]) == ("syntax-error", "api.py, line 1")
    assert all(one["fingerprint"] for one in found.values())


def test_a_fault_keeps_its_fingerprint_and_place_names_the_module_that_raised(
    app: AppContext,
) -> None:
    """It doesn't change with text or line; an error of another module's code says whose."""
    inner = "async def get(self, what):\n    raise ValueError(what)"
    outer = (
        "async def get(self, what):\n"
        "    return await self.app_context.get_service('inner').get(what)"
    )
    app.load({"api.py": simple(inner)}, id="inner")
    app.load({"api.py": simple(outer)}, id="outer")
    events = []
    for what in ("one", "two"):
        if what == "two":
            app.load({"api.py": f"# a line more\n{simple(inner)}"}, id="inner")
        try:
            app.get_service("outer").get(what).result()
        except ValueError as error:
            record_failure("outer", what, error)
        events.append(app._engine.log.tail(1)[0])
    one, two = (event.fields for event in events)
    assert one["fingerprint"] == two["fingerprint"]
    line = line_of(simple(inner), "ValueError")
    assert one["place"] == f"standard.inner api.py, line {line}"
    assert two["place"] == f"standard.inner api.py, line {line + 1}"


# -- changes -----------------------------------------------------------------------------------


def test_changes_are_events_with_the_words_of_their_outcome(
    workspace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Loads, swaps, rollbacks, refusals, exports and unloads: one line each."""
    with modframe.start(workspace=workspace) as app:
        for number in (1, 2):
            app.load({"api.py": get(number)}, id="orders")
        orders = app.modules["orders"]
        orders.rollback()
        with pytest.raises(ModframeError):
            app.load({"api.py": "import nowhere\n"}, id="orders")
        user = simple("async def get(self):\n    return 1", arguments="requires=['orders']")
        app.load({"api.py": user}, id="shop")
        with pytest.raises(ModframeError):
            orders.unload()
        orders.export()
        (workspace / "modules/standard/orders/api.py").write_text("# mine\n")
        with pytest.raises(ModframeError):
            orders.export()
        app.modules["shop"].unload()
        told = [
            f"{line.level} {line.module_id} {line.message}"
            for line in app.snapshot().log
            if line.module_id.startswith("standard.")
        ]
    starts = (
        "INFO standard.orders 1 · live in ",
        "INFO standard.orders 1 → 2 · live in ",
        "INFO standard.orders rollback to 1 · standard.orders 2 → 3 · live in ",
        "ERROR standard.orders 3 stays live · api.py, line 1: ModuleNotFoundError: ",
        "INFO standard.shop 1 · live in ",
        "WARNING standard.orders stays live · standard.orders can't be unloaded: standard.shop ",
        "INFO standard.orders exported · 1 file, 1 written, in ",
        "WARNING standard.orders was not exported · ",
        "INFO standard.shop stopped",
    )
    assert len(told) == len(starts)
    for line, start in zip(told, starts, strict=True):
        assert line.startswith(start)
    assert (workspace / "data/logs/app.log").read_text().splitlines()[-1].count(" stopped ")
    assert not "".join(capfd.readouterr())


def test_what_is_kept_nowhere_makes_no_file(workspace: Path) -> None:
    """A start that loads no module of a person's leaves no log."""
    modframe.start(workspace=workspace).stop()
    assert not (workspace / "data").exists()


# -- in the shell ------------------------------------------------------------------------------


@pytest.fixture
def told(shell: Shell) -> Shell:  # noqa: F811
    """A workspace with the log of some requests, the older half in a file put aside."""
    with EventLog(shell.folder / "data/logs", max_bytes=1000) as log:
        for number in range(20):
            token = correlation_id.set(f"request{number}")
            get_framework_logger("orders" if number % 2 else "shop").log(
                logging.WARNING if number == 3 else logging.INFO, "line %d", number
            )
            correlation_id.reset(token)
        record_failure("shop", "it failed", deep_error(), correlation_id="the-id")
        assert log.describe()["problem"] == ""
    return shell


def deep_error() -> Exception:
    """Return an exception that a library raised for module code."""
    namespace = {"__name__": "modules.standard.shop~1.api"}
    exec("import json\ndef read(text): return json.loads(text)", namespace)
    try:
        namespace["read"]("no json \x1b[2J")  # type: ignore[operator]
    except ValueError as error:
        return error
    raise AssertionError


def test_logs_print_tracebacks_below_their_line_with_frameworks_folded(told: Shell) -> None:
    """Newest last; what a text has in it can't control the terminal."""
    lines = told.run("logs", "--id", "the-id").stdout.splitlines()
    assert " ERROR standard.shop it failed correlation_id=the-id " in lines[0]
    assert lines[1:] == [
        "    Traceback (most recent call last):",
        '      File "<string>", line 2, in read',
        "      ... 3 frames of json",
        "    json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
    ]
    whole = told.run("--debug", "logs", "--id", "the-id").stdout
    assert "json/decoder.py" in whole


def test_logs_are_chosen_by_module_level_time_and_id(told: Shell) -> None:
    """Also from files put aside; -n takes the newest of them."""

    def numbers(*options: str) -> list[str]:
        done = told.run("logs", "--format", "json", *options)
        assert done.returncode == 0, done.stderr
        return [json.loads(line)["message"].split()[-1] for line in done.stdout.splitlines()]

    assert (told.folder / "data/logs/app.log.1").exists()
    assert numbers() == [*map(str, range(20)), "failed"]
    assert numbers("-m", "orders", "-n", "2") == ["17", "19"]
    assert numbers("--level", "warning") == ["3", "failed"]
    assert numbers("--level", "ERROR") == ["failed"]
    assert numbers("--id", "request7") == ["7"]
    assert numbers("--since", "10m", "-m", "orders") == [str(n) for n in range(20) if n % 2]
    assert numbers("--since", (datetime.now(UTC) + timedelta(hours=1)).isoformat()) == []
    assert numbers("--since", "2020-01-01", "-n", "1") == ["failed"]


def test_logs_say_what_cannot_be_meant(told: Shell) -> None:
    """A time that is none is a wrong use; an id that no event has is a failure."""
    wrong = told.run("logs", "--since", "yesterday")
    assert wrong.returncode == 2
    assert "'yesterday' is no time; write 10m, 2h or 1d" in wrong.stderr
    absent = told.run("logs", "--id", "nobody")
    assert absent.returncode == 1
    assert "has the correlation id 'nobody'" in absent.stderr
    nothing = told.run("logs", "--module", "nobody")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "no event of standard.nobody in " in nothing.stderr


def test_following_survives_rotations(shell: Shell) -> None:  # noqa: F811
    """Each line is printed once, whole and in order, also where the folder comes later."""
    following = shell.begin("logs", "--follow", "--level", "info", "-n", "999")
    with EventLog(shell.folder / "data/logs", max_bytes=4000, backups=9) as log:
        logger = get_framework_logger("orders")
        for number in range(300):
            logger.info("line %d", number)
            if number % 20 == 0:
                log.flush()
                following.wait_for_end(f"line {number}")
        log.flush()
        following.wait_for_end("line 299")
    ends = [line.rpartition(" ")[2] for line in following.lines]
    assert ends == [str(number) for number in range(300)]


# -- in a kernel -------------------------------------------------------------------------------


@pytest.mark.kernel
def test_in_a_kernel_no_error_of_a_request_is_printed_under_a_cell(tmp_path: Path) -> None:
    """The log has it, under the cell's own name and the id of the answer."""
    with kernel(tmp_path) as run:
        run.run("%load_ext modframe")
        run.run(f"%%module shop\n{SHOP}")
        run.run("url = app.serve(port=0).url")
        cell = run.run(
            "import httpx\n"
            "answers = [httpx.get(f'{url}/api/v1/shop/{at}') for at in ('total', 'blocking', 'wrong')]\n"
            "try:\n    httpx.get(f'{url}/api/v1/shop/half')\nexcept httpx.HTTPError:\n    pass\n"
            "ids = [answer.json()['correlation_id'] for answer in answers]\n"
            "sum(range(10**6)); print(ids[0])"
        )
        assert cell.stderr == ""
        last = run.run("print('a later cell'); app.stop()")
        assert last.stderr == ""
    found = {entry["correlation_id"]: entry for entry in errors(tmp_path)}
    assert len(found) == 4
    total = found[cell.stdout.strip()]
    assert total["place"] == f"api.py, Cell In[2], line {line_of(SHOP, 'return sum') + 1}"
    assert 'File "api.py, Cell In[2]", line' in total["traceback"]
    assert "ipykernel" not in total["traceback"]
