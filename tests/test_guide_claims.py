"""What the module development guide promises, claim by claim, on a module that scaffold wrote."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.ship import check, scaffold
from modframe.source import read_folder
from tests.fakes import simple
from tests.waiting import wait_for

FILES = ("api.py", "services.py", "settings.py", "database.py", "db_models.py", "api_schemas.py")
DECORATORS = (
    "inject_dependencies", "register_service", "require_services", "initialization_sequence",
    "phase2_operations", "auto_service_creation", "register_api_endpoints", "register_database",
    "enforce_data_integrity", "module_health_check", "graceful_shutdown", "force_shutdown",
)  # fmt: skip


@dataclass
class Guide:
    """A workspace with the guide's module, live."""

    app: AppContext
    folder: Path

    @property
    def module(self) -> Path:
        return self.folder / "modules/standard/my_module"

    @property
    def service(self) -> Any:
        return self.app.get_service("standard.my_module.service")

    def text(self, file: str) -> str:
        return (self.module / file).read_text()

    def changed(self, old: str, new: str, file: str = "api.py") -> dict[str, str]:
        """The module's files, one of them changed."""
        files = {name: self.text(name) for name in FILES}
        assert old in files[file]
        files[file] = files[file].replace(old, new)
        return files

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            async with self.app.test_client() as client:
                return await client.request(method, f"/api/v1/my_module/{path}", **options)

        return asyncio.run(send())


@pytest.fixture
def guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guide]:
    """The guide's module, written by scaffold and started."""
    monkeypatch.setenv("MY_MODULE_MAX_RECORDS", "20")
    scaffold("my_module", workspace=tmp_path)
    with modframe.start(workspace=tmp_path) as app:
        yield Guide(app, tmp_path)


CLAIMS: dict[str, Callable[[Guide], None]] = {}


def claim(text: str) -> Callable[[Callable[[Guide], None]], Callable[[Guide], None]]:
    """Make a function the test of a claim."""

    def register(function: Callable[[Guide], None]) -> Callable[[Guide], None]:
        CLAIMS[text] = function
        return function

    return register


# -- structure ---------------------------------------------------------------------------------


@claim("scaffolding creates a complete module structure with all necessary files")
def _structure(guide: Guide) -> None:
    assert all((guide.module / file).is_file() for file in FILES)


@claim("a module in modules/standard is included automatically")
def _included(guide: Guide) -> None:
    assert guide.app.modules["standard.my_module"].state == "LIVE"


@claim("MODULE_ID matches the directory structure, or the module is not loaded")
def _module_id(guide: Guide) -> None:
    files = guide.changed('MODULE_ID = "standard.my_module"', 'MODULE_ID = "standard.other"')
    with pytest.raises(LoadError, match=r"MODULE_ID is 'standard\.other'"):
        guide.app.load(files, id="my_module")


# -- decorators --------------------------------------------------------------------------------


@claim("every decorator comes from core.decorators")
def _decorators(guide: Guide) -> None:
    doors = importlib.import_module("modframe.decorators")
    assert all(callable(getattr(doors, name)) for name in DECORATORS)
    assert "from core.decorators import (" in guide.text("api.py")


@claim("all mandatory decorators are mandatory")
def _mandatory(guide: Guide) -> None:
    line = "@module_health_check(check_function=None)\n"
    with pytest.raises(LoadError, match="module_health_check"):
        guide.app.load(guide.changed(line, ""), id="my_module")


@claim("inject_dependencies injects app_context")
def _injected(guide: Guide) -> None:
    files = guide.changed(
        "    def force_cleanup(self):", "    def __init__(self, app_context):\n"
        "        super().__init__()\n        assert app_context is self.app_context\n\n"
        "    def force_cleanup(self):",
    )  # fmt: skip
    guide.app.load(files, id="my_module")


@claim("register_service registers the service with its documented methods")
def _registered(guide: Guide) -> None:
    assert "get_status" in dir(guide.service)
    assert "Whether the service is ready" in (guide.service.get_status.__doc__ or "")


@claim("require_services declares dependencies that are guaranteed")
def _required(guide: Guide) -> None:
    files = guide.changed('["core.settings.service"]', '["standard.nothing.service"]')
    with pytest.raises(modframe.ModframeError, match=r"standard\.nothing"):
        guide.app.load(files, id="my_module")


@claim("auto_service_creation creates the service as self.service_instance")
def _created(guide: Guide) -> None:
    module = guide.app.modules["my_module"].service
    assert module is not None


@claim("enforce_data_integrity(anti_mock=True) refuses test doubles")
def _integrity(guide: Guide) -> None:
    files = guide.changed(
        "logger = get_framework_logger(MODULE_ID)",
        "from unittest.mock import MagicMock\nDOUBLE = MagicMock()\n"
        "logger = get_framework_logger(MODULE_ID)",
    )  # fmt: skip
    with pytest.raises(modframe.errors.MockDataViolation, match="DOUBLE is a MagicMock"):
        guide.app.load(files, id="my_module")


@claim("module_health_check monitors the module's health")
def _health(guide: Guide) -> None:
    assert guide.app.health(wait=True)["standard.my_module"].status == "healthy"


@claim("graceful_shutdown cleans up, and force_shutdown follows if that fails")
def _shutdown(guide: Guide) -> None:
    text = """
    async def cleanup_resources(self):
        raise ValueError("stuck")
    def force_cleanup(self):
        self.app_context.get_logger().info("by force")
    """
    guide.app.load({"api.py": simple(text)}, id="stubborn")
    guide.app.modules["stubborn"].unload()
    messages = [line.message for line in guide.app.snapshot().log]
    assert "by force" in messages


# -- services, settings ------------------------------------------------------------------------


@claim("a Result has success, data, code, message and details")
def _result(guide: Guide) -> None:
    result = guide.service.get_status().result(10)
    assert (result.success, result.data["status"]) == (True, "active")
    failed = modframe.Result.error(code="X", message="y", details={"z": 1})
    assert (failed.success, failed.code, failed.message, failed.details) == (
        False, "X", "y", {"z": 1}
    )  # fmt: skip


@claim("error_message is logged and found among the errors")
def _error_message(guide: Guide) -> None:
    text = """
    def fail(self):
        logger.error(error_message(MODULE_ID, "INIT_ERROR", "no such table", "initialize()"))
    """
    head = """
    from core.error_utils import error_message
    from core.logging import get_framework_logger
    MODULE_ID = "standard.faulty"
    logger = get_framework_logger(MODULE_ID)
    """
    guide.app.load({"api.py": simple(text, head=head)}, id="faulty")
    guide.app.get_service("faulty").fail().result(10)
    found = guide.app.get_service("core.error_handler").errors("standard.faulty").result(10)
    assert found.data[0]["code"] == "INIT_ERROR"


@claim("environment variables override settings by the prefix")
def _environment(guide: Guide) -> None:
    explained = guide.app.get_service("core.settings").explain("standard.my_module").result(10)
    assert explained.data["max_records"] == {"value": 20, "source": "environment"}


@claim("settings are read by get_typed_settings of core.settings.service")
def _typed(guide: Guide) -> None:
    model = type(guide.app.modules["my_module"].settings)
    settings = guide.app.get_service("core.settings.service")
    result = settings.get_typed_settings("standard.my_module", model).result(10)
    assert (result.success, result.data.enabled) == (True, True)


# -- database ----------------------------------------------------------------------------------


@claim("DATABASE_NAME is found by itself, and the tables are there")
def _database(guide: Guide) -> None:
    assert (guide.folder / "data/databases/my_module.duckdb").is_file()
    assert guide.app.database.sql("SELECT count(*) FROM my_module.my_module_records").rows


@claim("records are written and read through integrity_session")
def _records(guide: Guide) -> None:
    made = guide.service.create_record("by a call").result(10)
    assert made.success
    names = [one["name"] for one in guide.service.get_all_records().result(10).data]
    assert "by a call" in names


# -- API ---------------------------------------------------------------------------------------


@claim("the router is registered below /api/v1/my_module")
def _router(guide: Guide) -> None:
    assert guide.request("GET", "status").json() == {"status": "active", "module": "my_module"}


@claim("the guide's requests are answered")
def _requests(guide: Guide) -> None:
    made = guide.request("POST", "records", json={"name": "test record"})
    assert (made.status_code, made.json()["name"]) == (201, "test record")
    assert guide.request("POST", "records", json={"name": ""}).status_code == 422


@claim("HTTPException keeps its status and detail")
def _http_exception(guide: Guide) -> None:
    text = simple("pass", head="from fastapi import APIRouter, HTTPException\nrouter = APIRouter()\n"
                  "@router.get('/no')\nasync def no():\n    raise HTTPException(418, 'short')")  # fmt: skip
    guide.app.load({"api.py": text}, id="teapot")

    async def ask() -> httpx.Response:
        async with guide.app.test_client() as client:
            return await client.get("/api/v1/teapot/no")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.json()["detail"]) == (418, "short")


@claim("a router that is missing is said")
def _no_router(guide: Guide) -> None:
    files = guide.changed('register_api_endpoints(router_name="router")',
                          'register_api_endpoints(router_name="routes")')  # fmt: skip
    with pytest.raises(LoadError, match="'routes'"):
        guide.app.load(files, id="my_module")


# -- logging, compliance -----------------------------------------------------------------------


@claim("data/logs/app.log has the lines of the module")
def _log(guide: Guide) -> None:
    logger = modframe.logging.get_framework_logger("standard.my_module")
    logger.error("Operation failed", extra={"context": "more"})
    log = guide.folder / "data/logs/app.log"
    line = "ERROR standard.my_module Operation failed"
    wait_for(lambda: line in log.read_text())


@claim("debug mode is a level of the module's logger")
def _debug(guide: Guide) -> None:
    logger = modframe.logging.get_framework_logger("standard.my_module")
    logger.setLevel(logging.DEBUG)
    try:
        logger.debug("every detail")
        log = guide.folder / "data/logs/app.log"
        wait_for(lambda: "DEBUG standard.my_module every detail" in log.read_text())
    finally:
        logger.setLevel(logging.NOTSET)


@claim("compliance finds nothing in what scaffold writes")
def _compliance(guide: Guide) -> None:
    source = read_folder(guide.module, module_id="standard.my_module")
    assert check(source, modules=guide.folder / "modules") == ()


# -- patterns ----------------------------------------------------------------------------------


@claim("requires_modules orders modules; an optional one may be missing")
def _requires_modules(guide: Guide) -> None:
    head = "from core.decorators import requires_modules"
    text = simple("def get(self): return 1", head=head).replace(
        "@module\n",
        '@requires_modules([{"modules": ["standard.absent"], "optional": True}])\n@module\n',
    )
    guide.app.load({"api.py": text}, id="careful")
    with pytest.raises(modframe.ModframeError, match=r"standard\.absent"):
        guide.app.load({"api.py": text.replace("True", "False")}, id="careful")


@claim("a background task ends with its module")
def _background(guide: Guide) -> None:
    text = """
    async def initialize(self):
        self.task = asyncio.create_task(self._worker(), name="guide worker")
    async def _worker(self):
        while True:
            await asyncio.sleep(60)
    """
    guide.app.load({"api.py": simple(text, head="import asyncio")}, id="worker")
    view = guide.app.snapshot().module("standard.worker")
    assert view is not None
    assert any("guide worker" in line for line in view.lines())
    guide.app.modules["worker"].unload()
    assert guide.app.modules["worker"].state == "STOPPED"


@claim("an aiohttp session of initialize() is closed with the module")
def _aiohttp(guide: Guide) -> None:
    text = "async def initialize(self):\n    self.session = aiohttp.ClientSession()\n"
    guide.app.load({"api.py": simple(text, head="import aiohttp")}, id="external")
    guide.app.modules["external"].unload()
    assert any("aiohttp.ClientSession" in line.message for line in guide.app.snapshot().log)


@claim("requirements.txt names what a module needs")
def _requirements(guide: Guide) -> None:
    files = guide.changed("router", "router") | {"requirements.txt": "no-such-package>=1\n"}
    with pytest.raises(modframe.errors.RequirementsError, match="no-such-package"):
        guide.app.load(files, id="my_module")


@claim("README.md and requirements.txt travel with an export")
def _export(guide: Guide) -> None:
    files = {"api.py": simple("pass"), "README.md": "# Small\n", "requirements.txt": "pytest\n"}
    guide.app.load(files, id="small")
    guide.app.modules["small"].export(to="elsewhere")
    exported = guide.folder / "elsewhere/standard/small"
    assert sorted(path.name for path in exported.iterdir()) == sorted(files)


@claim("the snapshot of everything is JSON")
def _json(guide: Guide) -> None:
    modules = json.loads(guide.app.snapshot().to_json())["modules"]
    assert any(one["id"] == "standard.my_module" for one in modules)


@pytest.mark.parametrize("text", CLAIMS)
def test_claim(guide: Guide, text: str) -> None:
    """One claim of the guide."""
    CLAIMS[text](guide)
