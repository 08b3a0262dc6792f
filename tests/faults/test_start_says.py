"""What fails or is served by nobody at start is said where the start was asked for."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import ModframeError
from tests.cli.conftest import Shell, shell  # noqa: F401  # a fixture
from tests.fakes import simple
from tests.faults.processes import run_script
from tests.kernels import kernel

EXPENSES = {
    "api.py": simple("async def get(self):\n    return 1", head="from . import db_models"),
    "db_models.py": dedent(
        """
        from core.database import get_database_base
        from sqlalchemy.orm import Mapped, mapped_column

        DATABASE_NAME = "expenses"
        Base = get_database_base(DATABASE_NAME)


        class Expense(Base):
            __tablename__ = "expenses"
            id: Mapped[int] = mapped_column(primary_key=True)
        """
    ),
}
BROKEN = simple("async def initialize(self):\n    raise ValueError('no table\\nof that name')")
START = "import modframe; app = modframe.start(); print(app); app.stop()"


def write(folder: Path, module_id: str, files: dict[str, str] | str) -> None:
    """Write the files of a module."""
    home = folder / "modules" / module_id.replace(".", "/")
    home.mkdir(parents=True)
    for name, text in ({"api.py": files} if isinstance(files, str) else files).items():
        (home / name).write_text(text)


def test_a_script_is_told_of_each_failed_module(workspace: Path) -> None:
    """One line a module on stderr, those that wait for another included; stdout is the script's."""
    write(workspace, "standard.broken", BROKEN)
    write(workspace, "standard.waits", simple("pass", arguments="requires=['broken']"))
    write(workspace, "standard.sound", simple("pass"))
    done = run_script(START, workspace)
    assert done.returncode == 0
    first, second = sorted(done.stderr.splitlines())
    assert first.startswith("modframe: standard.broken FAILED · api.py, line ")
    assert "ValueError: no table of that name" in first
    assert second.startswith("modframe: standard.waits BLOCKED · standard.waits is blocked by ")
    assert len(done.stdout.splitlines()) == 1


def test_a_start_without_failures_says_nothing(workspace: Path) -> None:
    """Nor does a second call that returns the app that runs."""
    write(workspace, "standard.sound", simple("pass"))
    done = run_script(START.replace("print", "modframe.start(); print"), workspace)
    assert (done.returncode, done.stderr) == (0, "")


def test_one_id_that_is_no_list_is_said(workspace: Path) -> None:
    """It is not taken for ids of one letter."""
    with pytest.raises(
        ModframeError,
        match=r"^modules='orders' is a text, not a list of ids\. Write modules=\['orders'\]\.$",
    ):
        modframe.start(workspace=workspace, modules="orders")


def test_a_held_database_is_named_with_its_holder(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`start(modules=["expenses"])` says it."""
    write(workspace, "standard.expenses", EXPENSES)
    monkeypatch.setenv("MODFRAME_DATABASE_IDLE", "600")
    monkeypatch.setenv("MODFRAME_DATABASE_LOCK_WAIT", "0.1")
    with modframe.start(strict=True):
        done = run_script("import modframe; modframe.start(modules=['expenses']).stop()", workspace)
    [line] = done.stderr.splitlines()
    assert line.startswith("modframe: standard.expenses FAILED · database 'expenses' (")
    assert f"is held by process {os.getpid()}" in line


def test_an_asgi_servers_console_is_told(workspace: Path) -> None:
    """`create_app()` says it as `start()` does."""
    write(workspace, "standard.broken", BROKEN)
    script = """
        import asyncio, httpx, modframe

        async def main():
            app = modframe.create_app()
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
                await client.get("http://localhost/health/live")
            await app.aclose()

        asyncio.run(main())
    """
    done = run_script(script, workspace)
    assert done.stderr.startswith("modframe: standard.broken FAILED · api.py, line ")


def test_serve_lists_failed_core_modules_and_what_findings_say(shell: Shell) -> None:  # noqa: F811
    """Each module has one line: what failed, or what it has and what is wrong with that."""
    shell.write("core.audit", BROKEN)
    shell.write("standard.sound", simple("pass"))
    shell.write("standard.five", simple("pass", head="router = 5"))
    serving = shell.begin("serve", "--port", "0")
    serving.url()
    listed = {line.split()[0]: line for line in serving.lines if line.startswith("  ")}
    assert listed["core.audit"].startswith("  core.audit  FAILED  ")
    assert "no table" in listed["core.audit"]
    assert listed["standard.sound"] == "  standard.sound  LIVE  0 routes"
    assert (
        "warning: api.py, line 2: 'router' is no APIRouter but of type int"
        in (listed["standard.five"])
    )
    assert len(listed) == 3


# -- what outcome lines say --------------------------------------------------------------------


def outcome_of(app: AppContext, text: str) -> str:
    """Load a module; return the line of its outcome."""
    app.load({"api.py": text}, id="orders")
    view = app.snapshot().module("standard.orders")
    assert view is not None
    return view.outcome


ROUTE = '@{0}.get("/")\nasync def root() -> int:\n    return 1'


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (
            "router = 5",
            "warning: api.py, line 2: 'router' is no APIRouter but of type int, and nothing of it "
            "is served. Write 'router = APIRouter()', or call the variable something else.",
        ),
        (
            "from fastapi import APIRouter\nrouter = APIRouter()",
            "warning: api.py, line 3: 'router' has no routes, so the module answers nothing over "
            "HTTP. Decorate its endpoints with @router.get(...), or take the router out.",
        ),
        (
            "from fastapi import APIRouter\norders_api = APIRouter()\n"
            + ROUTE.format("orders_api"),
            "warning: api.py, line 3: nothing of the APIRouter 'orders_api' is served, since api.py "
            "has no 'router'. Call it 'router', or name it in @register_api_endpoints.",
        ),
        (
            "from fastapi import APIRouter\nrouter = APIRouter()\ninner = APIRouter()\n"
            + ROUTE.format("inner"),
            "warning: api.py, line 3: 'router' has no routes, so the module answers nothing over "
            "HTTP. Decorate its endpoints with @router.get(...), or write "
            "router.include_router(inner).",
        ),
    ],
)
def test_a_router_that_serves_nothing_is_said(app: AppContext, head: str, says: str) -> None:
    """The line under a cell has the finding itself."""
    line = outcome_of(app, simple("pass", head=head))
    assert line.startswith("standard.orders 1 · live in ")
    assert line.endswith(says)


def test_routers_that_are_served_have_no_finding(app: AppContext) -> None:
    """Included ones, imported ones, and those that phase 1 fills."""
    head = "from fastapi import APIRouter\nrouter = APIRouter()\ninner = APIRouter()\n"
    include = ROUTE.format("inner") + "\nrouter.include_router(inner)"
    filled = (
        "MODULE_DESCRIPTION = 'x'\ndef __init__(self):\n    router.add_api_route('/', lambda: 1)"
    )
    assert "warning" not in outcome_of(app, simple("pass", head=head + include))
    assert "warning" not in outcome_of(app, simple(filled, head=head.partition("inner")[0]))


def test_a_line_names_the_first_finding_and_counts_the_others(app: AppContext) -> None:
    """So that it stays a line; what is refused is said the same way."""
    text = dedent(
        """
        from core.decorators import ServiceMethod, module, register_service
        router = 5


        @module
        @register_service(
            "standard.orders.service", methods=[ServiceMethod(one, one) for one in ("a", "b")]
        )
        class Orders:
            def get(self):
                return 1
        """
    )
    line = outcome_of(app, text)
    assert " · warning: api.py, line " in line
    assert line.endswith(" · and 2 more")
    with pytest.raises(ModframeError):
        app.load({"api.py": "first\nsecond\nthird\n"}, id="orders")
    refused = app.snapshot().log[-1].message
    assert refused.startswith("1 stays live · api.py, line 1: name 'first' is not defined.")
    assert refused.endswith(" · and 2 more")


@pytest.mark.kernel
def test_a_cell_shows_failures_of_the_start_and_what_findings_say(tmp_path: Path) -> None:
    """Under the cell that started the app, and in the line of the cell that has the finding."""
    write(tmp_path, "standard.broken", BROKEN)
    with kernel(tmp_path) as run:
        run.run("%load_ext modframe")
        cell = run.run(f"%%module orders\n{simple('pass', head='router = 5')}")
        assert cell.stderr.startswith("modframe: standard.broken FAILED · api.py, line ")
        assert "Cell In[2], line 3: 'router' is no APIRouter but of type int" in cell.stdout
        assert len(cell.stdout.splitlines()) == 1
