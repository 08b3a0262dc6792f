"""The reference of a workspace: one page of Markdown with what its modules offer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modframe.ship import make_reference, scaffold
from tests.load.shapes import changed

ODD = '''
from datetime import datetime
from decimal import Decimal
from fastapi import APIRouter
from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings
from modframe.decorators import *

print("a line of the body")
router = APIRouter()

class Order(BaseModel):
    item: str

class Mail(BaseModel):
    password: str = "hunter-in-a-model"
    user: str = "ann"

class OddSettings(BaseSettings):
    limit: int | None = Field(None, description="At most | so many")
    port: int
    key: SecretStr = SecretStr("hunter-by-type")
    smtp_password: str = "hunter-by-name"
    api_key: str = "hunter-key"
    dsn: str = "postgresql://ann:hunter-in-a-url@db/x"
    mail: Mail = Mail()
    made: list[int] = Field(default_factory=lambda: 1 / 0)
    name: str = Field("x", alias="ODD_ALIAS")
    author: str = "Ann"
    max_tokens: int = 512

@router.get("/things/{number}")
async def things(number: int | None = None) -> int:
    """Pipes | and <b>tags</b>."""
    return 1

@module("standard.odd", settings=OddSettings)
@register_service("standard.odd.service", methods=[
    ServiceMethod(
        "place", "Say `this` | <script>alert(1)</script>\\n\\nnot this",
        params=[ServiceParam("order", "Order", "*What* | to\\nplace"),
                ServiceParam("count", "int", required=False, default=1)],
        returns=ServiceReturn("Result", "1. nothing"),
        examples=[ServiceExample("place(`x` | 1)")],
        tags=["a|b", "<i>"],
    ),
])
class Odd:
    """# Not a heading"""

    def __init__(self):
        raise RuntimeError("nothing is started")

    def place(self, order: "Order | None", count: int = 1) -> "Result":
        return 1

    def other(self, at: datetime, *rest: Decimal, **more) -> Order: ...
'''


def write(workspace: Path, name: str, text: str) -> None:
    """Write a module of one file."""
    folder = workspace / "modules" / "standard" / name
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(text)


def test_a_scaffold_s_page(workspace: Path) -> None:
    """Service, methods, parameters, returns, examples, tags, routes, settings and tables."""
    scaffold("orders", workspace=workspace)
    reference = make_reference(workspace)
    assert reference.failed == {}
    for line in (
        "- `standard.orders`: Orders: say here what it is for",
        "## standard.orders",
        "Version `1.0.0`; requires `core.settings`.",
        "### Service `standard.orders.service`",
        "#### `create_record(name: str) -> Result`",
        "| `name` | `str` | What to call it, up to 100 characters |",
        "Returns `Result`: Its data: the record as a dictionary",
        "Example: `create_record('tea')` gives `Result.success({'id': 1, ...})`",
        "Tags: phase2, initialization",
        "| `POST /api/v1/orders/records` | Store a new record |",
        "| `max_records` | `int` | `1000` | `ORDERS_MAX_RECORDS` | Most records a list gives |",
    ):
        assert line in reference.text.splitlines()
    assert "| `orders` | `orders_records` | `id INTEGER not null`, " in reference.text
    assert make_reference(workspace) == reference


def test_no_secret_is_in_it(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a default that is one by type, name or place, nor anything of the environment."""
    monkeypatch.setenv("ODD_PORT", "4711")
    write(workspace, "odd", ODD)
    text = make_reference(workspace).text
    assert "hunter" not in text
    assert "4711" not in text
    assert '| `dsn` | `str` | `"postgresql://ann:**********@db/x"` | `ODD_DSN` |' in text
    assert '"user": "ann"' in text
    assert '| `author` | `str` | `"Ann"` | `ODD_AUTHOR` |' in text
    assert "| `max_tokens` | `int` | `512` | `ODD_MAX_TOKENS` |" in text


def test_what_modules_say_stands_for_itself(workspace: Path) -> None:
    """No text of a module ends a cell, opens a tag, or begins a heading or a list."""
    write(workspace, "odd", ODD)
    reference = make_reference(workspace)
    assert reference.failed == {}
    text = reference.text
    assert "<script>" not in text
    assert "<b>" not in text
    assert "\n\\# Not a heading\n" in text
    assert "Say \\`this\\` | &lt;script&gt;alert(1)&lt;/script&gt;\n" in text
    assert "Returns `Result`: 1\\. nothing" in text
    assert "Example: `` place(`x` | 1) ``" in text
    assert "| `order` | `Order \\| None` | \\*What\\* \\| to place |" in text
    assert "| `count` | `int, default 1` |  |" in text
    assert "| `limit` | `int \\| None` | `null` | `ODD_LIMIT` | At most \\| so many |" in text
    assert "| `port` | `int` | required | `ODD_PORT` |  |" in text
    assert "| `made` | `list[int]` | `computed` | `ODD_MADE` |  |" in text
    assert "| `ODD_ALIAS` |" in text
    assert "#### `other(at: datetime, *rest: decimal.Decimal, **more) -> Order`" in text
    for row in re.findall(r"^\|.*\|$", text, re.MULTILINE):
        cells = re.split(r"(?<!\\)\|", row)
        assert len(cells) in (4, 5, 7)
    assert len(re.findall(r"^#+ ", text, re.MULTILINE)) == 7


def test_a_module_that_does_not_load_is_named(workspace: Path) -> None:
    """The others are there, and nothing of it but the reason."""
    scaffold("orders", workspace=workspace)
    write(workspace, "broken", "import no_such_package\n")
    write(workspace, "worse", "x = (\n")
    reference = make_reference(workspace)
    assert list(reference.failed) == ["standard.broken", "standard.worse"]
    assert "no_such_package" in reference.failed["standard.broken"]
    assert "## standard.broken\n\nIt does not load: api.py, line 1: " in reference.text
    assert "create\\_record" not in reference.text
    assert "#### `create_record(name: str) -> Result`" in reference.text


def test_nothing_is_started(workspace: Path) -> None:
    """No constructor, no phase, no data folder."""
    text = changed("    def prepare(self):\n        pass", "    def prepare(self):\n        1 / 0")
    write(workspace, "thing", text)
    write(workspace, "odd", ODD)
    assert make_reference(workspace).failed == {}
    assert not (workspace / "data").exists()


def test_a_workspace_without_modules(workspace: Path) -> None:
    """The page says so."""
    assert "There are no modules." in make_reference(workspace).text
