"""Every public name that programs outside this project use, looked up where they find it.

The tables hold the names with the parameters and defaults that callers rely on. A test collects
everything that is missing or different and shows all of it. Only public names are used here. The
file is long because it is one list, which is easier to keep complete in one place.
"""

from __future__ import annotations

import importlib
import inspect
import json
import shutil
import subprocess
import sys
from collections.abc import Coroutine, Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

import httpx
import pytest

import modframe
from modframe.app import AppContext
from modframe.cli import main
from modframe.errors import ModframeError
from modframe.logging import get_framework_logger
from tests.fakes import ORDERS, simple

ROOT = Path(__file__).parents[1]

# -- the tables ----------------------------------------------------------------------------------

IMPORTS = {
    "modframe": "start create_app app_context AppContext Module Result ModframeError __version__",
    "modframe.decorators": """
        ServiceExample ServiceMethod ServiceParam ServiceReturn auto_service_creation
        enforce_data_integrity force_shutdown graceful_shutdown initialization_sequence
        inject_dependencies module module_health_check phase2_operations register_api_endpoints
        register_database register_service require_services requires_modules stream_policy
    """,
    "modframe.errors": """
        BlockedError CallEndedError ContractError DecoratorError ExportError Finding
        FrameworkSettingsError GraphError ImportCircleError InterruptedLoadError
        InvalidModuleIdError LoadError ModframeError ModuleExitError
        ModuleNotFoundInWorkspaceError NotRunningError OnAppLoopError ScaffoldError
        ServiceNotFoundError ServiceUnavailableError StartConflictError StartError
        SupersededError WorkspaceError DataIntegrityViolation MockDataViolation
        DatabaseConflictError DatabaseFullError DatabaseLockedError DatabaseLostError
        WrongDatabaseError NestedTransactionError
    """,
}
"""What everyone can import."""

DOORS = {
    "core.decorators": IMPORTS["modframe.decorators"],
    "core.module_base": "DataIntegrityModule",
    "core.logging": "get_framework_logger",
    "core.error_utils": "Result error_message",
    "core.database": "get_database_base",
    "core.app_context": "app_context",
    "modframe": "app_context Result",
    "modframe.decorators": IMPORTS["modframe.decorators"],
}
"""What a module can import."""

ATTRIBUTES = {
    "app": """
        load plan modules get_service services run serve inspect snapshot database override
        asgi test_client watch check health stop __enter__ __exit__
    """,
    "app.database": "sql integrity_session migrate transaction",
    "app.events": "publish settled dead subscriptions retry drop",
    "module": """
        id version state generation service settings routes spec source draft error history
        reload unload rollback inspect export
    """,
    "plan": "entries refused entry",
    "plan.entry": "id action why before after error",
    "call": "result cancel __await__",
    "server": "url port token stop",
    "watcher": "stop",
    "snapshot": "to_json",
    "rows": "rows columns df",
    "report": "paths findings",
    "result": "success data code message details",
    "finding": "rule level file line message cure",
    "context": """
        get_service database get_logger register_pydantic_model settings config path resource
    """,
    "context.database": "integrity_session transaction",
    "core_context": "get_service database get_logger settings config path resource snapshot",
    "module_base": "MODULE_ID MODULE_VERSION MODULE_DESCRIPTION service_instance",
}
"""What a person or a module holds, and what it has."""

SEEN = "app module modules plan call handle server watcher snapshot rows report result"
"""What a person sees under a cell."""

START = "workspace=None, modules=None, data=None, settings=None, *, strict=False"
SIGNATURES = {
    "modframe.start": START,
    "modframe.create_app": START,
    "app.load": "source, *, id=None, force=False",
    "app.plan": "source, *, id=None",
    "app.get_service": "name, /",
    "app.run": "awaitable, /",
    "app.serve": "host='127.0.0.1', port=8000, *, token=None, mcp=None",
    "app.services": "tag=None, text=None",
    "app.inspect": "",
    "app.snapshot": "",
    "app.override": "name, replacement",
    "app.test_client": "",
    "app.watch": "",
    "app.check": "id, /",
    "app.health": "",
    "app.stop": "",
    "app.database.sql": "query, *params",
    "app.database.integrity_session": "database, purpose",
    "app.database.transaction": "database, purpose, *, retry=0",
    "app.events.retry": "letter",
    "app.events.drop": "letter",
    "module.reload": "",
    "module.unload": "",
    "module.rollback": "to=None",
    "module.inspect": "",
    "module.export": "to='modules'",
    "plan.entry": "id, /",
    "call.result": "timeout=None",
    "call.cancel": "",
    "server.stop": "",
    "watcher.stop": "",
    "snapshot.to_json": "",
    "rows.df": "",
    "modframe.Result.success": "data=None",
    "modframe.Result.error": "code, message, details=None",
    "context.get_service": "name, /",
    "context.get_logger": "id=None, /",
    "context.register_pydantic_model": "id, model, /",
    "context.database.integrity_session": "database, purpose",
    "context.database.transaction": "database, purpose, *, retry=0",
    "context.resource": "factory, /, *args, **options",
    "core_context.snapshot": "",
    "core_settings.get_typed_settings": "id, model, /",
    "core_settings.explain": "id, /",
    "core_settings.schema": "id, /",
    "core_settings.preferences": "module_id",
    "core_settings.set_preference": "module_id, key, value",
    "core_settings.set_preferences": "module_id, mapping",
    "core_settings.clear_preference": "module_id, key",
    "core_settings.session_keys": "module_id",
    "core_settings.set_session_value": "module_id, key, value",
    "core_settings.set_session_values": "module_id, mapping",
    "core_settings.clear_session_value": "module_id, key",
    "error_utils.error_message": "module_id, error_type, details, location=''",
    "logging.get_framework_logger": "id, /",
    "database.get_database_base": "name, /",
    "decorators.inject_dependencies": "*names",
    "decorators.register_service": "name, methods=(), priority=100",
    "decorators.require_services": "services=(), *more",
    "decorators.requires_modules": "modules=(), *more",
    "decorators.initialization_sequence": "*methods, phase='phase1'",
    "decorators.phase2_operations": "*operations, methods=(), dependencies=()",
    "decorators.auto_service_creation": "service_class=None",
    "decorators.register_api_endpoints": "router_name='router'",
    "decorators.register_database": "database_name=None",
    "decorators.enforce_data_integrity": "*, strict_mode=True, anti_mock=True",
    "decorators.module_health_check": (
        "check_function=None, *, function=None, interval=60.0, timeout=5.0, group='ready'"
    ),
    "decorators.graceful_shutdown": "method='cleanup_resources', timeout=30.0",
    "decorators.force_shutdown": "method='force_cleanup', timeout=5.0",
    "decorators.stream_policy": "policy, /",
    "decorators.ServiceMethod": (
        "name, description='', params=(), returns=None, examples=(), tags=()"
    ),
    "decorators.ServiceParam": (
        "name, param_type='Any', description='', required=True, default=None"
    ),
    "decorators.ServiceReturn": "return_type='Any', description=''",
    "decorators.ServiceExample": "call, result=''",
}
"""How each is called; a slash follows what callers give by position only."""

DECORATIONS = [
    "inject_dependencies('app_context')",
    "register_service('standard.thing.service', methods=[METHOD], priority=100)",
    "register_service('standard.thing.service', [METHOD])",
    "require_services([])",
    "require_services(['core.settings.service'])",
    "requires_modules([{'modules': ['standard.other'], 'optional': False}])",
    "requires_modules(['standard.other'])",
    "initialization_sequence('setup_infrastructure', phase='phase1')",
    "phase2_operations('initialize_phase2')",
    "phase2_operations(methods=['initialize_service'], dependencies=['standard.other.service'])",
    "auto_service_creation(service_class='ThingService')",
    "auto_service_creation(service_class=dict)",
    "register_api_endpoints(router_name='router')",
    "register_database(database_name=None)",
    "register_database(database_name='things')",
    "enforce_data_integrity(strict_mode=True, anti_mock=True)",
    "module_health_check(check_function=None)",
    "module_health_check(interval=300, function='check_health')",
    "module_health_check(check_function=len, timeout=5, group='startup')",
    "graceful_shutdown(method='cleanup_resources', timeout=30)",
    "force_shutdown(method='force_cleanup', timeout=5)",
    "module",
    "module('standard.thing')",
    "module(service='ThingService', settings='ThingSettings', database='things')",
    "module(service=dict, settings=dict, requires=['standard.other'])",
    "module(keep_state=('count',), swap='overlap')",
    "module(swap='stop_first', streams='finish')",
    "module(streams='reconnect')",
    "module(settings_change='swap')",
    "module(healthy_first=True)",
]
"""Every way in which a class can be decorated."""

COMMANDS = {
    "": "--version quickstart serve list inspect health scaffold compliance logs doctor",
    "quickstart": "--once --port",
    "serve": "NOTEBOOK.ipynb --workspace --host --port --token MODFRAME_TOKEN --strict --watch --mcp",
    "mcp": "NOTEBOOK.ipynb --workspace --strict --watch",
    "list": "--workspace MODFRAME_WORKSPACE --format",
    "inspect": "--workspace --format",
    "health": "--module --url --workspace --format",
    "scaffold": "--name --type --features --workspace --format",
    "compliance": "validate",
    "compliance validate": "--module --workspace --format",
    "reference": "--output --workspace",
    "logs": "--module --level --since --id --lines --follow --workspace --format",
    "doctor": "--workspace --port --format",
}
"""What the help of each command names."""

PATHS = {
    "/modframe/": "text/html",
    "/docs": "text/html",
    "/openapi.json": "application/json",
    "/health": "application/json",
    "/health/live": "application/json",
    "/health/ready": "application/json",
    "/health/startup": "application/json",
    "/api/v1/core/framework/modules": "application/json",
    "/api/v1/core/framework/services": "application/json",
    "/api/v1/core/settings/core.settings": "application/json",
    "/api/v1/core/settings/core.settings/look_interval": "application/json",
    "/api/v1/orders/total": "application/json",
    "/api/v1/extensions/extra/total": "application/json",
    "/api/v1/core/inner/total": "application/json",
}
"""Where the API answers, and with what type."""

CELLS: list[tuple[str, str]] = [
    ("%load_ext modframe", ""),
    ("%%module orders helper.py --draft\nX = 1\n", "standard.orders drafted"),
    ("print(app.modules['orders'].state)", "DRAFT"),
    (f"%%module orders --plan\n{simple()}", "start standard.orders"),
    (f"%%module orders\n{simple()}", "standard.orders 1 · live in "),
    ("%%module orders helper.py\nX = 2\n", "standard.orders 1 → 2 · live in "),
    ("%%module orders test_it.py --draft\ndef test_it(): pass\n", "test_it.py"),
    (f"%%module orders --test\n{simple()}# tested", "standard.orders 2 → 3 · live in "),
    ("%%module orders helper.py --draft\nX = 3\n", "standard.orders drafted"),
    ("%modframe drop orders helper.py", "helper.py is out of the draft"),
    ("%modframe keep orders", "standard.orders 3 → 4 · live in "),
    ("%%module orders helper.py --draft\nX = 4\n", "standard.orders drafted"),
    ("%modframe drop orders", "the draft is dropped"),
    ("print(app_context.modules['orders'].state)", "LIVE"),
    ("%%sql\nSELECT 41 + 1 AS answer", "1 row of answer"),
    ("%%sql found <<\nSELECT 41 + 1 AS answer", ""),
    ("print(found.rows)", "[(42,)]"),
    ("%modframe nest", "asyncio.run() can be called in cells now"),
    ("%reload_ext modframe", ""),
    ("%unload_ext modframe", ""),
    ("get_ipython().register_magic_function(print, 'cell', 'sql')", ""),
    ("%load_ext modframe", ""),
    ("%%modsql\nSELECT 41 + 1 AS answer", "1 row of answer"),
]
"""The cells of a notebook, and what each leaves."""

NOTEBOOK = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

shell, left = InteractiveShell.instance(), []
for cell in json.load(sys.stdin):
    with capture_output() as said:
        done = shell.run_cell(cell)
    shown = [one.data["text/plain"] for one in said.outputs]
    error = done.error_before_exec or done.error_in_exec
    left.append(["\\n".join([said.stdout, *shown]), repr(error) if error else ""])
print(json.dumps(left))
"""

HOOKS = """
def note(*words):
    with open("noted", "a") as file:
        print(*words, file=file)


def state():
    return modframe.app_context.modules["orders"].state


@module
@graceful_shutdown(timeout=0.1)
class Orders:
    MODULE_VERSION = "1.0.0"

    async def initialize(self):
        note("initialize", state())

    def activate(self):
        note("activate", state())

    def dump_state(self):
        return {"count": 40}

    def load_state(self, state, from_version):
        note("load_state", state, from_version)

    async def cleanup_resources(self):
        note("cleanup_resources", ENDING)
        await asyncio.Event().wait()

    def force_cleanup(self):
        note("force_cleanup")
        FORCE"""
HEAD = (
    "import asyncio\nimport modframe\nfrom modframe.decorators import graceful_shutdown, module\n"
)

SETTINGS = simple(
    """
    def setup(self):
        self.app_context.register_pydantic_model("standard.orders", Limits)
    """,
    head="""
    from pydantic_settings import BaseSettings
    from modframe.decorators import initialization_sequence

    class Limits(BaseSettings):
        model_config = {"env_prefix": "ORDERS_", "env_file": "limits.env"}

        lowest: int = 1
        low: int = 1
        high: int = 1
        highest: int = 1
    """,
).replace("@module\n", "@module\n@initialization_sequence('setup')\n")


# -- what compares -------------------------------------------------------------------------------


BY_POSITION = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
BY_NAME = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY


def is_empty(lines: list[str]) -> None:
    """Fail with all the lines, if there are any."""
    assert not lines, "\n".join(lines)


def missing(held: Mapping[str, object], table: Mapping[str, str]) -> list[str]:
    """Return what the objects lack of the names in a table."""
    return [
        f"{place}.{name}"
        for place, names in table.items()
        for name in names.split()
        if not hasattr(held[place], name)
    ]


def signature(parameters: str) -> inspect.Signature:
    """Return the signature that a row of the table describes."""
    return inspect.signature(eval(f"lambda {parameters}: None"))


def differences(real: inspect.Signature, wanted: inspect.Signature) -> Iterator[str]:
    """Yield each way in which a call that fits the wanted signature may not fit the real one."""
    own, met = list(real.parameters.values()), set()
    for place, one in enumerate(wanted.parameters.values()):
        here = own[place] if place < len(own) and own[place].kind in BY_POSITION else None
        found = real.parameters.get(one.name)
        if one.kind is one.POSITIONAL_ONLY:
            found = here
        elif one.kind not in BY_NAME:
            found = next((each for each in own if each.kind is one.kind), None)
        if found is None or (one.kind in BY_NAME and found.kind not in BY_NAME):
            yield f"does not take {str(one)!r}"
            continue
        met.add(found.name)
        if one.default is not one.empty and found.default != one.default:
            yield f"takes {str(found)!r} in place of {str(one)!r}"
        if one.kind is one.POSITIONAL_OR_KEYWORD and found is not here:
            yield f"does not take {one.name!r} at position {place + 1}"
    for one in own:
        if one.name in met or one.default is not one.empty:
            continue
        if one.kind in BY_POSITION or one.kind in BY_NAME:
            yield f"requires {one.name!r}"


# -- fixtures ------------------------------------------------------------------------------------


@pytest.fixture
def held(app: AppContext) -> Iterator[dict[str, Any]]:
    """One of each object that a person or a module holds, by the name the tables give it."""
    telling = "def context(self): return self.app_context"
    module = app.load({"api.py": f"{ORDERS}\n    {telling}\n"}, id="orders")
    core = app.load({"api.py": simple(telling)}, id="core.x")
    (finding, *_) = bad_text(app)
    plan = app.plan({"api.py": simple()}, id="stock")
    server, watcher = app.serve(port=0), app.watch()
    watcher.stop()
    yield {
        "app": app,
        "app.database": app.database,
        "app.events": app.events,
        "call": (call := module.service.total()),
        "context": (context := module.service.context().result(10)),
        "context.database": context.database,
        "core_context": core.service.context().result(10),
        "core_settings": app.get_service("core.settings"),
        "finding": finding,
        "handle": module.service,
        "modframe": modframe,
        "module": module,
        "module_base": importlib.import_module("modframe.module_base").DataIntegrityModule,
        "modules": app.modules,
        "plan": plan,
        "plan.entry": plan.entry("stock"),
        "report": module.export(),
        "result": modframe.Result.success(),
        "rows": app.database.sql("SELECT 1 AS one"),
        "server": server,
        "snapshot": app.snapshot(),
        "watcher": watcher,
        **{
            door: importlib.import_module(f"modframe.{door}")
            for door in ("database", "decorators", "error_utils", "logging")
        },
    }
    call.result(10)


def bad_text(app: AppContext) -> tuple[Any, ...]:
    """Return the findings of a text that does not load."""
    with pytest.raises(ModframeError) as failed:
        app.load({"api.py": "x = nowhere\n"}, id="bad")
    findings: tuple[Any, ...] = failed.value.findings  # type: ignore[attr-defined]  # of LoadError
    return findings


# -- Python --------------------------------------------------------------------------------------


def test_everything_public_can_be_imported() -> None:
    """The package, the decorators and the errors have all names of the table."""
    held = {place: importlib.import_module(place) for place in IMPORTS}
    is_empty(missing(held, IMPORTS))
    errors = [getattr(held["modframe.errors"], name) for name in IMPORTS["modframe.errors"].split()]
    others = [one.__name__ for one in errors if not issubclass(one, ModframeError)]
    assert others == ["Finding"]


def test_what_people_and_modules_hold_has_its_names(held: dict[str, Any]) -> None:
    """The app, a module, a call, a server, a report, both contexts and the rest have all names."""
    is_empty(missing(held, ATTRIBUTES))
    assert isinstance(held["call"], Coroutine)


def test_everything_is_called_as_before(held: dict[str, Any]) -> None:
    """Parameters keep their names, places and defaults, and no new one is required."""
    different = []
    for name, parameters in SIGNATURES.items():
        place, _, rest = name.partition(".")
        try:
            real = inspect.signature(attrgetter(rest)(held[place]))
        except AttributeError:
            different.append(f"{name} is missing")
            continue
        different += [f"{name} {one}" for one in differences(real, signature(parameters))]
    is_empty(different)


def test_what_people_see_has_both_reprs(held: dict[str, Any]) -> None:
    """Each has a one-line repr and an HTML form."""
    held = {name: held[name] for name in SEEN.split()}
    is_empty([name for name, one in held.items() if len(repr(one).splitlines()) != 1])
    is_empty(missing(held, dict.fromkeys(held, "_repr_html_")))


def test_services_are_found_by_all_their_names(app: AppContext) -> None:
    """By short id, by full id, by service name and by class."""
    app.load({"api.py": f"{ORDERS}\n    def kind(self):\n        return type(self)\n"}, id="orders")
    kind = app.get_service("orders").kind().result(10)
    for name in ("orders", "standard.orders", "standard.orders.service", kind):
        assert app.get_service(name).twice(4).result(10) == 8
    assert app.modules["orders"].id == app.modules["standard.orders"].id == "standard.orders"


def test_load_takes_every_kind_of_source(app: AppContext, workspace: Path) -> None:
    """An id, a folder, a mapping with an id, and a list of all three."""
    folder = workspace / "modules/standard/stock"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(simple())
    assert app.load("stock").id == "standard.stock"
    assert app.load(folder, force=True).generation == 2
    assert app.load({"api.py": simple()}, id="orders").state == "LIVE"
    other = folder.with_name("other")
    shutil.copytree(folder, other)
    many = app.load([("orders", {"api.py": simple(name="Other")}), "stock", other])
    assert [one.id for one in many] == ["standard.orders", "standard.stock", "standard.other"]


def test_plans_name_what_would_become_of_a_module(app: AppContext) -> None:
    """The actions are start, swap, rebuild, stay and refuse."""
    base, user = simple(), simple(head="from modules.standard.base import api")
    assert [one.action for one in app.plan({"api.py": base}, id="base")] == ["start"]
    app.load([("base", {"api.py": base}), ("user", {"api.py": user})])
    changed = app.plan({"api.py": simple("x = 1")}, id="base")
    assert {one.id: one.action for one in changed} == {
        "standard.base": "swap",
        "standard.user": "rebuild",
    }
    assert [one.action for one in app.plan({"api.py": base}, id="base")][:1] == ["stay"]
    assert [one.action for one in app.plan({"api.py": "1 /"}, id="base")][:1] == ["refuse"]


# -- modules -------------------------------------------------------------------------------------


def test_every_door_opens_inside_a_module(app: AppContext) -> None:
    """A module can import each name from where the guide imports it."""
    shut = []
    for place, names in DOORS.items():
        for name in names.split():
            line = f"from {place} import {name} as door"
            try:
                app.load({"api.py": simple("door = door", head=line)}, id="orders")
            except ModframeError as error:
                shut.append(f"{line}: {error}")
    is_empty(shut)


@pytest.mark.parametrize("decoration", DECORATIONS)
def test_a_class_is_decorated_in_every_spelling(decoration: str) -> None:
    """The decorator takes what the guide gives it, and gives the class back."""
    names = dict(vars(importlib.import_module("modframe.decorators")))
    names["METHOD"] = eval(
        """ServiceMethod(
            name="count", description="Count", tags=["status"],
            params=[ServiceParam("text", "Dict[str, Any]", required=False), ServiceParam("n", int)],
            returns=ServiceReturn("Result", "The number"),
            examples=[ServiceExample("count('a', 1)", "Result.success(...)")],
        )""",
        names,
    )

    class Thing:
        """A class that is decorated."""

    assert eval(decoration, names)(Thing) is Thing


def test_hooks_are_called_and_states_have_their_names(app: AppContext, workspace: Path) -> None:
    """Each hook of a service is called once; what it sees of its module are the states."""
    for ending, force in (("1", "pass"), ("state()", "1 / 0")):
        text = HEAD + HOOKS.replace("ENDING", ending).replace("FORCE", force)
        module = app.load({"api.py": text}, id="orders")
    assert module.state == "LIVE"
    module.unload()
    assert module.state == "FAILED_UNLOAD"
    app.stop()
    noted = (workspace / "noted").read_text().splitlines()
    assert sorted(noted) == [
        "activate LIVE",
        "activate LIVE",
        "cleanup_resources 1",
        "cleanup_resources STOPPING",
        "force_cleanup",
        "force_cleanup",
        "initialize LIVE",
        "initialize STARTING",
        "load_state {'count': 40} 1.0.0",
    ]


def test_a_module_that_is_not_live_has_a_state_as_well(workspace: Path) -> None:
    """FAILED and BLOCKED after the start, STOPPED after an unload."""
    texts = {
        "bad": "1 / 0\n",
        "user": simple(arguments="requires=['standard.bad']"),
        "good": simple(),
    }
    for name, text in texts.items():
        path = workspace / "modules/standard" / name / "api.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    with modframe.start(data=":memory:") as app:
        app.modules["good"].unload()
        states = {name: app.modules[name].state for name in texts}
        assert states == {"bad": "FAILED", "user": "BLOCKED", "good": "STOPPED"}
        assert app.modules["bad"].error is not None


def test_settings_name_their_sources(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Default, file, environment and session each win over those before them."""
    (workspace / "limits.env").write_text("ORDERS_LOW=2\n")
    monkeypatch.setenv("ORDERS_HIGH", "3")
    settings = {"standard.orders": {"highest": 4}}
    with modframe.start(data=":memory:", settings=settings) as app:
        module = app.load({"api.py": SETTINGS}, id="orders")
        explained = app.get_service("core.settings.service").explain("standard.orders").result(10)
        assert explained.data == {
            "lowest": {"value": 1, "source": "default"},
            "low": {"value": 2, "source": "file"},
            "high": {"value": 3, "source": "environment"},
            "highest": {"value": 4, "source": "session"},
        }
        assert module.settings.highest == 4


# -- notebook, shell, HTTP, files ----------------------------------------------------------------


def test_magics_take_their_options(tmp_path: Path) -> None:
    """Each cell of the table leaves what it left before."""
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK],
        input=json.dumps([cell for cell, _ in CELLS]),
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(ROOT),
            "IPYTHONDIR": str(tmp_path / "ipython"),
            "HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    left = json.loads(done.stdout.splitlines()[-1])
    different = [
        f"{cell.splitlines()[0]}: {error or f'left {said!r}, not {wanted!r}'}"
        for (cell, wanted), (said, error) in zip(CELLS, left, strict=True)
        if error or wanted not in said
    ]
    is_empty(different)


def test_commands_name_their_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The help of each command has every command and option of the table."""
    monkeypatch.setenv("COLUMNS", "200")
    absent = []
    for command, names in COMMANDS.items():
        with pytest.raises(SystemExit) as ended:
            main([*command.split(), "--help"])
        said = capsys.readouterr()
        words = said.out.replace("[", " ").replace("]", " ").replace(",", " ").split()
        absent += [f"modframe {command} {name}" for name in names.split() if name not in words]
        if ended.value.code != 0:
            absent.append(f"modframe {command} --help: {said.err}")
    is_empty(absent)


def test_commands_end_with_their_status(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 is done, 1 is a finding of level error, 2 is usage; findings as JSON have their keys."""
    path = workspace / "modules/standard/bad/api.py"
    path.parent.mkdir(parents=True)
    path.write_text("x = nowhere\n")
    statuses = {}
    for words in (
        ("list",),
        ("compliance", "validate", "--module", "standard.bad", "--format", "json"),
        ("serve", "--unknown"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        statuses[words[0]] = ended.value.code, capsys.readouterr().out
    assert {name: status for name, (status, _) in statuses.items()} == {
        "list": 0, "compliance": 1, "serve": 2,
    }  # fmt: skip
    findings = json.loads(statuses["compliance"][1])["findings"]
    assert {key for one in findings for key in one} == {
        "rule", "level", "file", "line", "message", "cure",
    }  # fmt: skip


def test_paths_answer(app: AppContext) -> None:
    """System pages, the snapshot, and modules of all three types are where they were."""
    for module_id in ("orders", "extensions.extra", "core.inner"):
        text = ORDERS.replace('get_service("orders")', f'get_service("{module_id}")')
        app.load({"api.py": text}, id=module_id)

    async def ask() -> dict[str, httpx.Response]:
        async with app.test_client() as client:
            paths = [*PATHS, "/api/v1/orders/nowhere"]
            return {path: await client.get(path) for path in paths}

    answers = app.run(ask())
    problem = answers.pop("/api/v1/orders/nowhere")
    found = {
        path: (one.status_code, one.headers["content-type"].split(";")[0])
        for path, one in answers.items()
    }
    is_empty([f"{path}: {found[path]}" for path in PATHS if found[path] != (200, PATHS[path])])
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["correlation_id"]


def test_files_are_where_they_were(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scaffold writes the files of a module; a run keeps databases and logs below the data folder."""
    words = "--name thing --type standard --features database,api,settings"
    with pytest.raises(SystemExit):
        main(["scaffold", *words.split()])
    monkeypatch.setenv("MODFRAME_WORKSPACE", str(workspace))
    with modframe.start() as app:
        assert app.modules["thing"].state == "LIVE"
        app.database.sql("SELECT 1")
        try:
            raise LookupError("gone")
        except LookupError:
            get_framework_logger("standard.thing").exception("lost", extra={"number": 7})
    module = ("api", "services", "settings", "database", "db_models", "api_schemas")
    wanted = [
        "app.py",
        "modules/standard/thing/README.md",
        *(f"modules/standard/thing/{name}.py" for name in module),
        "data/databases/thing.duckdb",
        "data/logs/app.log",
        "data/logs/errors.jsonl",
    ]
    is_empty([name for name in wanted if not (workspace / name).is_file()])
    log = (workspace / "data/logs/app.log").read_text()
    assert "ERROR standard.thing lost number=7" in log


def test_the_environment_gives_the_data_folder(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MODFRAME_DATA takes the place of the workspace's own folder."""
    monkeypatch.setenv("MODFRAME_DATA", str(workspace / "elsewhere"))
    with modframe.start(modules=[]):
        get_framework_logger("standard.thing").info("here")
    assert (workspace / "elsewhere/logs/app.log").is_file()
    assert not (workspace / "data").exists()
