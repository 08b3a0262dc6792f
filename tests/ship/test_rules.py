"""The coded rules: each found in an example module that was broken for it, none where it holds."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest

from modframe.app import AppContext
from modframe.finding import Finding
from modframe.ship import check
from modframe.ship.rules import CATALOGUE, find_rule, page, reference
from modframe.source import Source, SourceFile, find_modules, read_folder

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "modules"
CORE = ROOT / "modframe/core_modules"
LIBRARY = read_folder(EXAMPLES / "standard/library").texts

Edit = tuple[str, str, str]
"""File, what stands there, and what is to stand there instead."""

ROUTE = '@router.get("/status")\n'
MODEL = "class LibrarySettings(BaseSettings):\n"
PREFIX = '"env_prefix": "LIBRARY_", '
HEAD = '"""The lending desk."""\n'
STATUS = 'Result.success(data={"status": "open" if self.settings else "closed"})'
REGISTERS = "self.app_context.register_pydantic_model(self.MODULE_ID, LibrarySettings)"
LOG = 'logger.info("the desk is closed")'

BROKEN: Mapping[str, tuple[Edit, ...]] = {
    "MF001": (("services.py", LOG, "print()  # modframe: ignore[MF101]"),),
    "MF002": (("services.py", LOG, f"{LOG}  # modframe: ignore[MF199] it is closed"),),
    "MF003": (("services.py", LOG, f"{LOG}  # modframe: ignore[MF101] it is closed"),),
    "MF101": (("services.py", LOG, 'print("the desk is closed")'),),
    "MF102": (("services.py", f"        {LOG}", f"        try:\n            {LOG}\n        except:\n            pass"),),
    "MF103": (("services.py", LOG, "__import__; time.sleep(1)"), ("services.py", HEAD, f"{HEAD}import time\n")),
    "MF104": (("services.py", HEAD, f"{HEAD}from modules.standard.sensors.rules import _spread\n"),),
    "MF201": (
        ("api.py", '@inject_dependencies("app_context")\n', ""),
        ("api.py", "@require_services", '@inject_dependencies("app_context")\n@require_services'),
    ),
    "MF202": (("api.py", '    MODULE_VERSION = "1.0.0"\n', ""),),
    "MF203": (("api.py", '@initialization_sequence("setup_infrastructure", phase="phase1")', "@initialization_sequence()"),),
    "MF204": (("api.py", '@graceful_shutdown(method="cleanup_resources", timeout=30)', "@graceful_shutdown(method=None)"),),
    "MF205": (("api.py", '@graceful_shutdown(method="cleanup_resources"', '@graceful_shutdown(method="force_cleanup"'),),
    "MF206": (("api.py", "    def force_cleanup", "    async def force_cleanup"),),
    "MF301": (
        ("api.py", REGISTERS, "pass"),
        ("settings.py", "LibrarySettings", "Options"),
        ("api.py", "from .settings import LibrarySettings\n", ""),
        ("services.py", "import LibrarySettings", "import Options as LibrarySettings"),
    ),
    "MF302": (("api.py", REGISTERS, "LibrarySettings()"),),
    "MF303": (("settings.py", MODEL, "class LibrarySettings(BaseModel):\n"), ("settings.py", "import Field", "import BaseModel, Field")),
    "MF304": (("settings.py", PREFIX, ""),),
    "MF305": (("settings.py", "    loan_days", '    api_key: str = Field(default="k-4f9a")\n    loan_days'),),
    "MF401": (("services.py", LOG, 'sqlite3.connect("books.db")'), ("services.py", HEAD, f"{HEAD}import sqlite3\n")),
    "MF402": (("database.py", "        async with _session(\"add\")", "        AsyncSession()\n        async with _session(\"add\")"), ("database.py", "from sqlalchemy import", "from sqlalchemy.ext.asyncio import AsyncSession\nfrom sqlalchemy import")),
    "MF403": (("api.py", 'database_name="library"', 'database_name="books"'),),
    "MF501": (("api.py", '@inject_dependencies("app', 'router = APIRouter()\n\n\n@inject_dependencies("app'),),
    "MF502": (("api.py", ROUTE, ""),),
    "MF503": (("api.py", "router = APIRouter()", "router = APIRouter()"),),
    "MF504": (("api.py", "router = APIRouter()", "router = APIRouter()"),),
    "MF601": (("services.py", STATUS, '{"status": "open"}'),),
    "MF602": (("api.py", 'returns=ServiceReturn("Result", "Its data: the settings")', 'returns=ServiceReturn("dict")'),),
    "MF603": (("api.py", LIBRARY["api.py"].partition("methods=")[2].partition("    priority=100")[0], "[],\n"),),
    "MF604": (("services.py", "async def take_back", "async def return_it"),),
    "MF605": (("services.py", "async def books(self)", "async def books(self, shelf)"),),
    "MF606": (("services.py", "    def force_cleanup", "    async def late(self):\n        return Result.success()\n\n    def force_cleanup"),),
    "MF701": (("services.py", HEAD, f"{HEAD}from unittest.mock import AsyncMock\n"),),
    "MF801": (("requirements.txt", "", "git+https://example.org/driver.git\n"),),
    "MF802": (("requirements-optional.txt", "", "nowhere-at-all\n"),),
}  # fmt: skip
"""Code → how the library module is broken for it."""

SHORT = """\
from fastapi import APIRouter, FastAPI
from modframe.decorators import module

{}


@module
class Library:
    def one(self):
        return {{"one": 1}}
"""


def found(texts: Mapping[str, str], module_id: str = "standard.library") -> tuple[Finding, ...]:
    return check(Source.from_texts(module_id, texts), modules=EXAMPLES)


def codes(texts: Mapping[str, str]) -> list[str]:
    return [finding.code or finding.rule for finding in found(texts)]


def edited(*edits: Edit) -> dict[str, str]:
    texts = dict(LIBRARY)
    for file, old, new in edits:
        assert old in texts.setdefault(file, ""), (file, old)
        texts[file] = texts[file].replace(old, new)
    return texts


def short(head: str) -> dict[str, str]:
    return {"api.py": SHORT.format(head)}


@pytest.mark.parametrize("code", [code for code in BROKEN if code not in ("MF503", "MF504")])
def test_an_example_module_that_is_broken_has_the_finding(code: str) -> None:
    """The finding has code, name, level, file, a line or the whole file, and a cure."""
    rule, edits = CATALOGUE[code], BROKEN[code]
    findings = [finding for finding in found(edited(*edits)) if finding.code == code]
    assert findings, found(edited(*edits))
    assert (findings[0].rule, findings[0].level) == (rule.name, rule.level)
    assert findings[0].file in edited(*edits)
    assert findings[0].cure
    assert findings[0].to_dict()["code"] == code


@pytest.mark.parametrize(
    ("code", "head"), [("MF503", "router = FastAPI()"), ("MF504", "routes = APIRouter()")]
)
def test_routers_that_aren_t_served_have_their_codes(code: str, head: str) -> None:
    """What a load warns of has a code here, and its line."""
    (finding,) = found(short(head))
    assert (finding.code, finding.line) == (code, 4)


def test_every_rule_is_shown_on_an_example() -> None:
    """No rule is without a failing test; codes are in order, names are there once."""
    assert list(BROKEN) == list(CATALOGUE)
    assert list(CATALOGUE) == sorted(CATALOGUE)
    names = [rule.name for rule in CATALOGUE.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("module_id", "folder"),
    [*find_modules(EXAMPLES).items(), *find_modules(CORE).items()],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_the_modules_that_come_with_modframe_comply(module_id: str, folder: Path) -> None:
    """The examples and the core modules have no finding at all."""
    assert check(read_folder(folder, module_id=module_id), modules=EXAMPLES) == ()


PASSING = {
    "MF001": "print(1)  # modframe: ignore[MF101] said to the terminal",
    "MF002": "ONE = 1  # modframe: ignored once, and no comment of this kind",
    "MF003": 'TEXT = "# modframe: ignore[MF101] in a text"',
    "MF101": "def print(text):\n    return text\n\n\nprint(1)",
    "MF102": "try:\n    ONE = 1\nexcept:\n    raise",
    "MF103": "import time\n\n\ndef wait():\n    time.sleep(1)\n\n\nasync def later():\n    def inner():\n"
    "        time.sleep(1)\n    return inner, wait",
    "MF104": "import modframe\nfrom modframe.result import Result\n\nNAME = modframe.__version__",
    "MF305": 'def ask(token: str = "", token_url: str = "http://x", tries="3", secret=None):\n'
    "    return ask",
    "MF401": "import sqlite3\n\nFAULT = sqlite3.Error",
    "MF402": "from sqlalchemy.ext.asyncio import AsyncSession\n\n\ndef take(session: AsyncSession):\n"
    "    return take",
    "MF502": "def helper():\n    return 1\n\n\nONE = helper()\n\n\ndef _own():\n    return 2",
    "MF501": "router = APIRouter()\n\n\n@router.get('/one')\ndef one():\n    return 1",
    "MF701": "from unittest import mock",
}
"""Code → code that is near to breaking the rule and does not."""


@pytest.mark.parametrize("code", PASSING)
def test_what_is_allowed_has_no_finding(code: str) -> None:
    """Neither tests, the short form, shadowed names, threads nor texts are mistaken for a fault."""
    assert code not in codes(short(PASSING[code]))


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(("services.py", STATUS, f"Result.success(data=dict({STATUS}.data))"), id="dict in Result"),
        pytest.param(("services.py", "    def force_cleanup", "    def dump_state(self):\n        return {}\n\n    def force_cleanup"), id="a hook"),
        pytest.param(("settings.py", "    loan_days", "    api_key: str | None = None\n    loan_days"), id="no default"),
        pytest.param(("api.py", ROUTE, f"def _unused():\n    pass\n\n\n{ROUTE}"), id="a private function"),
        pytest.param(("services.py", HEAD, f"{HEAD}from .database import _as_data\n"), id="its own private name"),
        pytest.param(("settings.py", MODEL, f"class ShelfSettings(__import__('pydantic').BaseModel):\n    width: int = 80\n\n\n{MODEL}"), id="a model of a field"),
    ],
)  # fmt: skip
def test_the_guide_s_form_allows_it(edit: Edit) -> None:
    """A module of the guide's form stays without finding."""
    assert codes(edited(edit)) == []


SETTINGS = """\
from pydantic import BaseModel
from pydantic_settings import BaseSettings


class Shelf(BaseModel):
    width: int = 80


class Options({}):
    shelf: Shelf = Shelf()
"""


@pytest.mark.parametrize(("base", "expected"), [("BaseModel", "MF303"), ("BaseSettings", "MF304")])
def test_the_model_that_module_names_is_checked(base: str, expected: str) -> None:
    """Under any name, in the short form too; models of its fields are not."""
    text = short("from .settings import Options")["api.py"].replace(
        "@module\n", "@module(settings=Options)\n"
    )
    (finding,) = found({"api.py": text, "settings.py": SETTINGS.format(base)})
    assert (finding.code, finding.file, finding.line) == (expected, "settings.py", 9)


def test_a_helper_of_another_file_is_no_forgotten_route() -> None:
    """What another file of the module imports from api.py is used."""
    texts = short("def helper():\n    return 1")
    assert codes(texts) == ["MF502"]
    assert codes({**texts, "more.py": "from .api import helper\n\nONE = helper()\n"}) == []
    assert codes({**texts, "more.py": "from . import api\n\nONE = api.helper()\n"}) == []


# -- comments ----------------------------------------------------------------------------------

PRINT = ("services.py", LOG)


def test_a_comment_with_a_reason_takes_a_finding_off() -> None:
    """On the line, or alone on the line above it; several codes are separated by commas."""
    for text in (
        "print(1)  # modframe: ignore[MF101] for the terminal",
        "print(1)  # modframe: ignore[MF101,MF103]: for the terminal; time.sleep(1)",
        "# modframe: ignore[MF101] for the terminal\n        # and more\n\n        print(1)",
    ):
        texts = edited((*PRINT, text))
        assert "MF101" not in codes(texts), text
    assert codes(edited((*PRINT, "print(1)\n        print(2)  # modframe: ignore[MF101] yes"))) == [
        "MF101"
    ]


def test_a_comment_without_a_reason_takes_nothing_off() -> None:
    """The finding stays, and the comment is one itself; an unknown code names the nearest."""
    assert codes(edited((*PRINT, "print(1)  # modframe: ignore[MF101]"))) == ["MF001", "MF101"]
    assert codes(edited((*PRINT, "print(1)  # modframe: ignore all of it"))) == ["MF002", "MF101"]
    (unknown, _) = found(edited((*PRINT, "print(1)  # modframe: ignore[MF1O1] a banner")))
    assert unknown.code == "MF002"
    assert unknown.cure.startswith("did you mean 'MF101'?")


def test_nothing_takes_off_what_keeps_a_module_from_loading() -> None:
    """Such findings have no code, or are errors; their names are unknown to comments."""
    (file, old, new), *_ = BROKEN["MF302"]
    texts = edited((file, old, new))
    head = "class LibraryModule(DataIntegrityModule):"
    texts[file] = texts[file].replace(head, f"{head}  # modframe: ignore[MF302] it is not needed")
    assert "MF302" in codes(texts)
    texts = edited((*PRINT, f"{LOG}; nowhere  # modframe: ignore[undefined-name] it comes later"))
    assert codes(texts) == ["undefined-name", "MF002"]
    (fault, _) = found(texts)
    assert "code" not in fault.to_dict()


# -- where rules look --------------------------------------------------------------------------


def test_a_module_that_does_not_load_is_told_what_its_text_breaks() -> None:
    """The faults of the load come first; a file that isn't Python hides no other one."""
    texts = edited((*PRINT, "print(1)"), ("settings.py", MODEL, "class LibrarySettings(:\n"))
    assert codes(texts) == ["syntax-error", "MF101"]


def test_a_draft_s_findings_have_cell_and_line(app: AppContext) -> None:
    """`app.check` looks at the draft's cells, and counts lines from the cell's first."""
    text = SHORT.format("")
    app.load({"api.py": text}, id="orders")
    assert app.check("orders") == ()
    head = text.replace("\n\n\n@module", "\nprint(1)\n\n@module")
    app.draft("orders", "api.py", SourceFile(head, "<a cell>", first_line=2, cell="Cell In[3]"))
    (finding,) = app.check("orders")
    assert (finding.code, finding.line, finding.cell) == ("MF101", 6, "Cell In[3]")
    assert finding.place == "api.py, Cell In[3], line 6"
    assert app.modules["orders"].state == "LIVE"


def test_app_check_knows_core_modules(app: AppContext) -> None:
    """A live module of modframe's own is checked like any."""
    assert app.check("core.settings") == ()


def test_rules_never_keep_a_module_from_loading(app: AppContext) -> None:
    """Every rule that the text alone breaks, at once: it loads all the same."""
    text = SHORT.format(
        "import sqlite3\n\nprint(1)\ntry:\n    ONE = 1\nexcept:\n    pass\n"
        "sqlite3.connect(':memory:').close()\n"
    )
    assert app.load({"api.py": text}, id="orders").state == "LIVE"
    assert [finding.code for finding in app.check("orders")] == ["MF101", "MF102", "MF401"]


# -- pages -------------------------------------------------------------------------------------


def test_the_documentation_has_the_pages_of_all_rules() -> None:
    """`docs/compliance.md` is what `modframe compliance explain` prints."""
    assert (ROOT / "docs/compliance.md").read_text() == reference()


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_page_says_what_why_and_how(code: str) -> None:
    """Every part is there, in sentences; the examples are Python where they are whole."""
    rule = find_rule(code.lower())
    assert find_rule(rule.name) is rule
    assert all(text in page(rule) for text in (rule.what, rule.why, rule.example, rule.cured))
    assert rule.what.endswith(".")
    assert rule.why.endswith(".")
    assert not rule.cure.endswith(".")
    for text in (rule.example, rule.cured):
        if not any(text.lstrip().startswith(word) for word in ("methods=", "@", "ServiceMethod")):
            ast.parse(text)
