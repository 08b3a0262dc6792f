"""Wrong arguments: one error that names the argument, its value and what it has to be."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import (
    ArgumentError,
    ExportError,
    InvalidModuleIdError,
    StartError,
    WorkspaceError,
)
from modframe.logging import get_framework_logger
from tests.fakes import simple
from tests.faults.processes import run_script

ORDERS = simple("async def get(self):\n    return 1")


def refused(use: Callable[[], object], kind: type[Exception] = ArgumentError) -> str:
    """Return the text of the error of a use; no frame of modframe is in its traceback."""
    with pytest.raises(kind) as caught:
        use()
    own = os.path.dirname(modframe.__file__)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame for frame in frames if frame.filename.startswith(own)] == []
    return str(caught.value)


FRAMEWORK_LOGGER: Any = get_framework_logger
USES: dict[str, Callable[[Any], object]] = {
    "app.serve(): port is a whole number, not 'x'": lambda app: app.serve(port="x"),
    "app.serve(): port is a whole number, not True": lambda app: app.serve(port=True),
    "app.serve(): host is a text, not 3": lambda app: app.serve(host=3),
    "app.serve(): token is a text or None, not <class 'int'>": lambda app: app.serve(token=3),
    "app.database.sql(): query is a text, not 5": lambda app: app.database.sql(5),
    "app.database.integrity_session(): database is a text, not 1": lambda app: (
        app.database.integrity_session(1, "x")
    ),
    "app.database.integrity_session(): purpose is a text, not 2": lambda app: (
        app.database.integrity_session("x", 2)
    ),
    "app.database.integrity_session(): purpose is a text that isn't empty, not ''": lambda app: (
        app.database.integrity_session("x", "")
    ),
    "app.database.transaction(): purpose is a text, not 2": lambda app: app.database.transaction(
        "x", 2
    ),
    "app.database.transaction(): purpose is a text that isn't empty, not ' '": lambda app: (
        app.database.transaction("x", " ")
    ),
    "export(): to is a folder, as text or a path, not 5": lambda app: app.modules["orders"].export(
        to=5
    ),
    "export(): force is True or False, not 'yes'": lambda app: app.modules["orders"].export(
        force="yes"
    ),
    "app.draft(): content is a SourceFile, not 'x = 1'": lambda app: app.draft(
        "orders", "services.py", "x = 1"
    ),
    "app.draft(): file is a text, not 6": lambda app: app.draft("orders", 6, None),
    "get_framework_logger(): module_id is a text, not 3": lambda _: FRAMEWORK_LOGGER(3),
}


@pytest.mark.parametrize("said", USES)
def test_a_verb_names_the_argument_its_value_and_what_it_is(app: AppContext, said: str) -> None:
    """It is an error of modframe and a TypeError, and says what to write."""
    app.load({"api.py": ORDERS}, id="orders")
    assert refused(lambda: USES[said](app)).startswith(f"{said}. Write ")
    assert issubclass(ArgumentError, TypeError)
    assert not app.serving


STARTS: dict[str, dict[str, Any]] = {
    "modules is a list of module ids, not 5": {"modules": 5},
    "modules is a list of module ids, not [5]": {"modules": [5]},
    "settings is {module id: {key: value}}, not <class 'int'>": {"settings": 3},
    "settings['orders'] is {key: value}, not <class 'str'>": {"settings": {"orders": "secret"}},
    "workspace is a folder, as text or a path, not 5": {"workspace": 5},
    "data is a folder, as text or a path, not 5": {"data": 5},
    "parts is a list of parts, not 5": {"parts": 5},
    "parts is a list of parts, not [5]": {"parts": [5]},
}


@pytest.mark.parametrize("said", STARTS)
def test_a_start_names_the_argument(workspace: Path, said: str) -> None:
    """Nothing runs after it, and `create_app` says the same."""
    given = {"workspace": workspace, "data": ":memory:", **STARTS[said]}
    assert refused(lambda: modframe.start(**given)).startswith(f"start(): {said}. Write ")
    if "parts" not in given:
        with pytest.raises(ArgumentError, match=r"^start\(\): "):
            modframe.create_app(**given)


def test_settings_are_for_module_ids(workspace: Path) -> None:
    """What can't be one is refused before anything starts."""
    said = refused(
        lambda: modframe.start(workspace=workspace, settings={3: {}}),  # type: ignore[dict-item]
        InvalidModuleIdError,
    )
    assert said.startswith("3 is not a module id.")


def test_the_files_of_a_mapping_have_names(app: AppContext) -> None:
    """A key that is no text is said like a value that is none."""
    said = refused(lambda: app.load({5: ""}, id="orders"), WorkspaceError)  # type: ignore[dict-item]
    assert said.startswith("standard.orders: the file name 5 is not a string")


@pytest.mark.parametrize("verb", ["load", "plan"])
@pytest.mark.parametrize("source", ["orders", ["orders"]])
def test_an_id_beside_an_id_is_refused(app: AppContext, verb: str, source: Any) -> None:
    """It would be ignored: `id=` belongs to a mapping."""
    app.load({"api.py": ORDERS}, id="orders")
    said = refused(lambda: getattr(app, verb)(source, id="x"), WorkspaceError)
    assert said.startswith("id='x' names the module of a {file: text} mapping, and 'orders' is ")
    assert app.modules["orders"].generation == 1


def test_a_file_is_no_folder_of_another_file(app: AppContext) -> None:
    """A module that could never be written to a disk is refused at once."""
    files = {"api.py": ORDERS, "notes.md": "x", "notes.md/more.md": "x"}
    said = refused(lambda: app.load(files, id="orders"), WorkspaceError)
    assert "'notes.md' is a file of the module, so 'notes.md/more.md' can't be one" in said


# -- settings of modules that aren't there -----------------------------------------------------


def test_settings_of_an_unknown_module_are_said_at_start(workspace: Path) -> None:
    """One line on stderr, with the nearest name; the app runs."""
    folder = workspace / "modules/standard/orders"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(ORDERS)
    script = """
        import modframe
        app = modframe.start(data=":memory:", settings={"ordrs": {"x": 1}})
        print(app)
        app.stop()
    """
    done = run_script(script, workspace)
    assert done.stdout == "<modframe: 4 of 4 modules live>\n"
    assert done.stderr == (
        "modframe: standard.ordrs · settings were given for it, and there is no such module. "
        "Did you mean 'standard.orders'? Otherwise they count once it is loaded.\n"
    )


def test_settings_of_a_module_of_cells_to_come(workspace: Path) -> None:
    """Nothing has nearly that name: only the log says it."""
    script = """
        import modframe
        modframe.start(settings={"shop": {"x": 1}}).stop()
    """
    done = run_script(script, workspace)
    assert done.stderr == ""
    log = (workspace / "data/logs/app.log").read_text()
    assert "standard.shop: settings were given for it, and there is no such module" in log


def test_settings_of_an_unknown_module_fail_a_strict_start(workspace: Path) -> None:
    """As a module that failed does."""
    folder = workspace / "modules/standard/orders"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(ORDERS)
    with pytest.raises(StartError, match=r"standard\.ordrs: settings were given for it, and there"):
        modframe.start(
            workspace=workspace, data=":memory:", settings={"ordrs": {"x": 1}}, strict=True
        )


# -- where an export goes ----------------------------------------------------------------------


@pytest.mark.parametrize("to", ["..", "../../elsewhere", "modules/../../elsewhere"])
def test_a_relative_folder_does_not_lead_out_of_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    """It is refused, and the message says that an absolute one is taken."""
    workspace = tmp_path / "a/b"
    workspace.mkdir(parents=True)
    monkeypatch.chdir(workspace)
    with modframe.start(workspace=workspace, data=":memory:") as app:
        module = app.load({"api.py": ORDERS}, id="orders")
        said = refused(lambda: module.export(to=to), ExportError)
        assert f"{to!r} leads out of the workspace {workspace}" in said
        assert "absolute" in said
        assert module.export(to=str(tmp_path / "elsewhere")).written
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "elsewhere"]


SHOP = """
from core.app_context import app_context
from core.database import get_database_base
from modframe.decorators import module
from sqlalchemy import Column, Integer

DATABASE_NAME = "shop"
Base = get_database_base(DATABASE_NAME)


class Item(Base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)


@module
class Shop:
    async def run(self, function):
        return await app_context.database.transaction("shop", "buy", retry=3)(function)

    async def begin(self, verb, purpose):
        getattr(app_context.database, verb)("shop", purpose)
"""


async def takes_nothing() -> None:
    """Never runs."""


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (3, "was given 3, which is no function"),
        (None, "was given None, which is no function"),
        (takes_nothing, "which can't be called with the session alone: it takes ()"),
        (lambda session, more: None, "the session alone: it takes (session, more)"),
        (lambda session: 3, "which is not async"),
    ],
)
async def test_what_a_transaction_runs_takes_the_session(
    app: AppContext, function: Any, said: str
) -> None:
    """One error from a cell and from module code, which says how to write it."""
    app.load({"api.py": SHOP}, id="shop")
    for run in (
        app.database.transaction("shop", "buy", retry=3),
        app.get_service("shop").run,
    ):
        with pytest.raises(ArgumentError, match=r"^transaction 'buy' was given ") as caught:
            await run(function)
        assert said in str(caught.value)
        assert str(caught.value).endswith(
            "Write it as `async def`, with the session as its parameter."
        )


async def test_a_coroutine_is_no_function_of_a_transaction(app: AppContext) -> None:
    """It is closed, so that nothing warns that it was never awaited."""
    app.load({"api.py": SHOP}, id="shop")
    with pytest.raises(ArgumentError, match="which is no function"):
        await app.database.transaction("shop", "buy")(takes_nothing())  # type: ignore[func-returns-value]


@pytest.mark.parametrize("verb", ["integrity_session", "transaction"])
@pytest.mark.parametrize("purpose", [2, "", " "])
async def test_a_module_says_what_a_session_is_for(
    app: AppContext, verb: str, purpose: Any
) -> None:
    """Messages name the purpose, so that it is a text with something in it."""
    app.load({"api.py": SHOP}, id="shop")
    with pytest.raises(ArgumentError, match=rf"^app_context\.database\.{verb}\(\): purpose is a"):
        await app.get_service("shop").begin(verb, purpose)
