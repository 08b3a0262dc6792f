"""Messages as a person reads them: no frame of modframe, nothing said twice, no advice that misses."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import GraphError, LoadError, ModframeError
from tests.fakes import PACKAGE, simple
from tests.faults.processes import run_script
from tests.kernels import Kernel, kernel

GROUP = simple(
    """
    async def both(self):
        async with asyncio.TaskGroup() as group:
            group.create_task(bad())
            group.create_task(bad())
    """,
    head="import asyncio\nasync def bad():\n    raise ValueError('no such order')",
)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with the extension."""
    with kernel(tmp_path_factory.mktemp("workspace")) as running:
        running.run("%load_ext modframe")
        yield running


@pytest.mark.parametrize(
    "text",
    [
        "import nosuchpackage",
        "from nosuchpackage import name",
        "import core.nosuch",
        "import core\ncore.nosuch",
        "import modframe\nmodframe.nosuch",
        "import modules.standard.nosuch",
    ],
)
def test_an_import_that_fails_shows_no_frame_of_modframe(app: AppContext, text: str) -> None:
    """Module code imports through modframe, and the fault is the module's."""
    with pytest.raises(LoadError) as caught:
        app.load({"api.py": text}, id="orders")
    assert PACKAGE not in "".join(traceback.format_exception(caught.value))


def test_a_module_that_is_imported_by_half_its_name_is_not_to_be_installed(app: AppContext) -> None:
    """No package index has it."""
    app.load({"api.py": simple()}, id="orders")
    with pytest.raises(
        LoadError, match=r"No module named 'standard'\. Import it as modules\.standard\.<name>\."
    ):
        app.load({"api.py": "from standard.orders import Thing"}, id="shop")


def test_each_error_of_a_group_is_without_frames_of_modframe(app: AppContext) -> None:
    """A task runs through modframe as well; the group and its errors have the module's lines."""
    app.load({"api.py": GROUP}, id="orders")
    with pytest.raises(ExceptionGroup) as caught:
        app.get_service("orders").both().result()
    text = "".join(traceback.format_exception(caught.value))
    assert text.count("ValueError: no such order") == 2
    assert PACKAGE not in text


def test_a_group_names_the_first_of_its_errors(app: AppContext) -> None:
    """Python's text of it only counts them."""
    with pytest.raises(
        LoadError,
        match=r"raised ExceptionGroup: unhandled errors in a TaskGroup \(2 sub-exceptions\), "
        r"the first one ValueError: no such order\. Correct it\.",
    ):
        app.load({"api.py": GROUP.replace("both", "initialize")}, id="orders")


def test_app_run_says_what_it_takes(app: AppContext) -> None:
    """A function, or a value, is no awaitable."""

    async def main() -> None: ...

    app.load({"api.py": simple("async def total(self): pass")}, id="orders")
    method = app.get_service("orders").total
    for value, says in (
        (method, "app.run() takes an awaitable, not the function total. Call it: app.run(total())"),
        (main, "app.run() takes an awaitable, not the function main. Call it: app.run(main())"),
        (3, "app.run() takes an awaitable, such as a coroutine, not 3"),
    ):
        with pytest.raises(TypeError) as caught:
            app.run(value)  # type: ignore[arg-type]  # that is the fault
        assert str(caught.value).startswith(says)
        assert isinstance(caught.value, ModframeError)


def test_an_error_of_a_process_has_the_modules_lines_alone(app: AppContext) -> None:
    """One of Python's own classes too."""
    text = simple(
        "async def total(self):\n    return await self.app_context.tasks.process(bad)",
        head="def bad():\n    return 1 / 0",
    )
    app.load({"api.py": text}, id="orders")
    with pytest.raises(ZeroDivisionError) as caught:
        app.get_service("orders").total().result()
    shown = "".join(traceback.format_exception(caught.value))
    assert "return 1 / 0" in shown
    assert PACKAGE not in shown


def test_a_port_out_of_range_is_said_once(app: AppContext) -> None:
    """The message has the reason, so no cause repeats it."""
    with pytest.raises(ModframeError, match="port 99999: the port is out of range") as caught:
        app.serve(port=99999)
    assert PACKAGE not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is None


def test_a_module_is_not_the_nearest_name_of_what_it_requires(app: AppContext) -> None:
    """It can't require itself."""
    with pytest.raises(GraphError) as caught:
        app.load({"api.py": simple(arguments="requires=['order']")}, id="orders")
    assert str(caught.value) == (
        "standard.orders requires 'standard.order', which no module provides. "
        "Write that module, or take the requirement out."
    )


def test_a_hand_over_names_its_hook(app: AppContext) -> None:
    """As a phase is named."""
    text = simple("def dump_state(self): return {}\ndef load_state(self, state, version): 1 / 0")
    app.load({"api.py": text}, id="orders")
    with pytest.raises(LoadError, match=r"line 8: load_state\(\) raised ZeroDivisionError"):
        app.load({"api.py": f"\n{text}"}, id="orders")
    broken = text.replace("return {}", "return 1 / 0")
    app.load({"api.py": broken}, id="other")
    with pytest.raises(LoadError, match=r"dump_state\(\) raised ZeroDivisionError"):
        app.load({"api.py": f"\n{broken}"}, id="other")


def test_a_timeout_of_the_modules_own_is_an_error_like_any_other(app: AppContext) -> None:
    """Python's has no text."""
    body = "async def initialize(self):\n    await asyncio.wait_for(asyncio.sleep(30), 0)"
    text = simple(body, head="import asyncio")
    line = next(at for at, row in enumerate(text.splitlines(), 1) if "wait_for" in row)
    with pytest.raises(
        LoadError,
        match=rf"line {line}: initialize\(\) \(phase 2\) raised TimeoutError\. Correct it\.",
    ):
        app.load({"api.py": text}, id="orders")


def test_a_missing_setting_names_its_variable_once(app: AppContext) -> None:
    """With the other way out."""
    head = "from pydantic import BaseModel\nclass Settings(BaseModel):\n    url: str"
    with pytest.raises(LoadError) as caught:
        app.load({"api.py": simple(head=head, arguments="settings=Settings")}, id="orders")
    assert str(caught.value).endswith(
        "line 4: url: Field required (set it in the environment as ORDERS_URL). Or give the field "
        "a default."
    )


def test_a_modules_repr_says_its_id_once_and_its_first_fault(app: AppContext) -> None:
    """Of several faults, and of a task that died."""
    head = "from pydantic import BaseModel\nclass Settings(BaseModel):\n    url: str\n    key: str"
    with pytest.raises(LoadError):
        app.load({"api.py": simple(head=head, arguments="settings=Settings")}, id="orders")
    shown = repr(app.modules["orders"])
    assert shown.startswith("<Module standard.orders FAILED, 0 routes: api.py, line 4: url: Field")
    assert shown.endswith("· and 1 more>")
    assert shown.count("standard.orders") == 1


def test_an_answer_that_does_not_fit_its_model_has_no_frames(workspace: Path) -> None:
    """FastAPI raises it behind the endpoint, so none of them is the module's."""
    head = (
        "from fastapi import APIRouter\nrouter = APIRouter()\n"
        "@router.get('/total')\ndef total() -> int: return 'many'"
    )
    with modframe.start(workspace=workspace, modules=[], data=workspace / "data") as app:
        app.load({"api.py": simple(head=head)}, id="shop")

        async def get() -> int:
            async with app.test_client() as http:
                return int((await http.get("/api/v1/shop/total")).status_code)

        assert asyncio.run(get()) == 500
    recorded = (workspace / "data" / "logs" / "errors.jsonl").read_text()
    assert "ResponseValidationError: 1 validation error" in recorded
    assert "Input should be a valid integer" in recorded
    assert "boundary.py" not in recorded


SEVERAL_LINES = simple(
    """
    async def initialize(self):
        self.task = asyncio.create_task(self.work(), name="mailer")
        %s

    async def work(self):
        raise RuntimeError("no server\\nsince noon")
    """,
    head="import asyncio",
)


def test_an_error_of_several_lines_is_a_sentence_in_one(workspace: Path) -> None:
    """Where a line is all there is, the cure is still a sentence of its own."""
    folder = workspace / "modules" / "standard" / "orders"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(SEVERAL_LINES % "await asyncio.sleep(0.5)")
    other = folder.with_name("other")
    other.mkdir()
    (other / "api.py").write_text(SEVERAL_LINES % "await self.work()")
    script = "import modframe\nwith modframe.start(data=':memory:'): pass"
    lines = run_script(script, workspace).stderr.splitlines()
    assert [line for line in lines if "since noon. Catch the error in the task" in line]
    assert [line for line in lines if "RuntimeError: no server since noon. Correct it." in line]


def test_a_refused_export_is_logged_once_with_the_ways_out(
    app: AppContext, workspace: Path
) -> None:
    """Those of a shell too."""
    app.load({"api.py": simple()}, id="orders")
    path = workspace / "modules" / "standard" / "orders" / "api.py"
    path.parent.mkdir(parents=True)
    path.write_text("other = 1")
    with pytest.raises(ModframeError, match=r"export\(force=True\), in a shell with --force"):
        app.modules["orders"].export()
    [line] = [one.message for one in app.snapshot().log if "not exported" in one.message]
    assert line.startswith("was not exported · nothing was written. 1 file would be written over")


@pytest.mark.kernel
class TestInACell:
    """What stands below a cell."""

    def test_a_failed_activation_is_said_once(self, shell: Kernel) -> None:
        """The draft is live, so no cell is behind."""
        text = simple("async def activate(self): raise OSError('no queue')")
        cell = shell.run(f"%%module queue\n{text}", fails=True)
        assert "Generation 1 is live all the same" in cell.traceback
        assert "stays live" not in cell.traceback

    @pytest.mark.parametrize("verb", ["drop", "keep"])
    def test_a_draft_that_is_not_there_is_said(self, shell: Kernel, verb: str) -> None:
        """And asking for it makes none."""
        for _ in range(2):
            cell = shell.run(f"%modframe {verb} nothing", fails=True)
            assert "standard.nothing has no draft. Write one in a %%module cell." in cell.text
        assert shell.run("'nothing' in app.modules").value == "False"

    def test_an_unknown_word_is_named(self, shell: Kernel) -> None:
        """With what there is."""
        assert "%modframe kep orders: there is no 'kep'. Write %modframe drop MODULE [FILE]" in (
            shell.run("%modframe kep orders", fails=True).text
        )
