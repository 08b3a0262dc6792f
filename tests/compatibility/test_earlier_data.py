"""A workspace that an earlier modframe wrote, opened with this one; `make_data` wrote it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

import modframe
from modframe import AppContext
from modframe.cli import main

EARLIER = Path(__file__).with_name("shop")
ROWS = [
    ("tea", Decimal("4.20"), date(2026, 12, 24), False),
    ("cup", Decimal("11.00"), None, False),
]
ORDERS = [(1, 1, "cells", 1), (1, 2, "cells", 2), (1, 3, "cells", 1)]
"""The run, generation, origin and edition of each stored entry, oldest first."""
STOCK = [(1, 1, "folder", 1), (1, 2, "folder", 2), (2, 2, "mapping", 3)]


@pytest.fixture
def shop(workspace: Path) -> Path:
    """A copy of the stored workspace, whose data only its user can read."""
    copy = Path(shutil.copytree(EARLIER, workspace / "shop"))
    for path in ((copy / "data"), *(copy / "data").rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return copy


@pytest.fixture
def app(shop: Path) -> Iterator[AppContext]:
    """A running app in the copy; it keeps its data there."""
    with modframe.start(workspace=shop, strict=True) as running:
        yield running


def edition_of(texts: dict[str, str]) -> int:
    """Return the number that stands in an edition's text."""
    return int(texts["api.py"].split("-> int:\n        return ")[1][0])


def edition(app: AppContext, module_id: str) -> int:
    """Return which edition of a module's text is live."""
    number: int = app.get_service(module_id).edition().result(30)
    return number


@pytest.mark.parametrize(("module_id", "wanted"), [("orders", ORDERS), ("stock", STOCK)])
def test_the_history_has_the_entries_of_earlier_runs_in_order(
    app: AppContext, module_id: str, wanted: list[tuple[int, int, str, int]]
) -> None:
    """Stored entries come first, with their runs, origins and texts; the entry of this run is last."""
    *earlier, own = app.modules[module_id].history
    runs = list(dict.fromkeys(one.run for one in earlier))
    assert [
        (runs.index(one.run) + 1, one.generation, one.origin, edition_of(one.source.texts))
        for one in earlier
    ] == wanted
    assert all(one.time < own.time for one in earlier)
    assert own.run not in runs
    assert (own.origin, own.generation) == ("folder", 1)


def test_the_history_keeps_what_came_of_each_entry(app: AppContext) -> None:
    """The stored outcome of a rollback says where it went back to."""
    first, second, rollback, _ = app.modules["orders"].history
    assert first.outcome.startswith("standard.orders 1 · live in ")
    assert second.outcome.startswith("standard.orders 1 → 2 · live in ")
    assert rollback.outcome.startswith("rollback to 1 · standard.orders 2 → 3 · live in ")
    assert rollback.digest == first.digest != second.digest


@pytest.mark.parametrize(
    ("module_id", "at", "number"),
    [("orders", 1, 2), ("stock", 0, 1), ("stock", 2, 3)],
    ids=["cells", "folder", "mapping"],
)
def test_a_rollback_to_an_entry_of_an_earlier_run_goes_live(
    app: AppContext, module_id: str, at: int, number: int
) -> None:
    """Texts from cells, from a folder that has moved, and from a mapping all go live again."""
    module = app.modules[module_id]
    entry = module.history[at]
    assert edition(app, module_id) != number
    module.rollback(to=entry)
    assert (module.state, module.generation) == ("LIVE", 2)
    assert edition(app, module_id) == number
    assert module.source is not None
    assert module.source.digest == entry.digest == module.history[-1].digest


def test_what_an_earlier_run_exported_is_not_taken_for_changed_by_hand(
    app: AppContext, shop: Path
) -> None:
    """An exported module starts from its folder, and an export writes over it without force."""
    orders = app.modules["orders"]
    assert orders.source is not None
    assert (orders.source.origin, orders.version) == ("folder", "1.0.0")
    orders.rollback(to=orders.history[1])
    report = orders.export()
    path = shop / "modules/standard/orders/api.py"
    assert report.written == (path,)
    assert path.read_text() == orders.history[1].source.texts["api.py"]


def test_rows_of_an_earlier_run_are_read(app: AppContext) -> None:
    """SQL, the module's service and its route give the rows, and a new row joins them."""
    rows = app.database.sql("SELECT item, price, due, gift FROM orders.orders ORDER BY id")
    assert rows.columns == ("item", "price", "due", "gift")
    assert rows.rows == ROWS
    orders = app.get_service("orders")
    assert orders.all().result(30) == ROWS
    answer = app.run(app.test_client().get("/api/v1/orders/all"))
    assert [row[0] for row in answer.json()] == ["tea", "cup"]
    orders.place("milk", Decimal("1.50")).result(30)
    assert app.database.sql("SELECT id, item FROM orders.orders ORDER BY id").rows == [
        (1, "tea"), (2, "cup"), (3, "milk"),
    ]  # fmt: skip


def test_the_log_of_an_earlier_run_is_printed(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`modframe logs` prints the stored lines, tracebacks below them, and understands each."""
    stored = (EARLIER / "data/logs/app.log").read_text().splitlines()
    with pytest.raises(SystemExit) as ended:
        main(["logs", "--workspace", str(shop)])
    printed = capsys.readouterr().out.splitlines()
    lines = [line for line in printed if not line.startswith("    ")]
    assert (ended.value.code, lines) == (
        0,
        [line.partition(" exc_type=LookupError")[0] for line in stored],
    )
    assert "    LookupError: no coffee here" in printed
    with pytest.raises(SystemExit):
        main(["logs", "--workspace", str(shop), "--module", "orders", "--format", "json"])
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["level"], one["message"], one["fields"]) for one in events] == [
        ("INFO", "order placed", {"item": "tea"}),
        ("INFO", "order placed", {"item": "cup"}),
        ("ERROR", "order refused", {"item": "coffee"}),
    ]
    assert events[-1]["traceback"].endswith("LookupError: no coffee here")


@pytest.mark.parametrize("name", ["app.log", "errors.jsonl"])
def test_the_logs_of_an_earlier_run_are_added_to(shop: Path, name: str) -> None:
    """What is logged now stands below the stored lines."""
    with modframe.start(workspace=shop, strict=True) as app:
        app.get_service("orders").refuse("milk").result(30)
    earlier = (EARLIER / "data/logs" / name).read_text()
    now = (shop / "data/logs" / name).read_text()
    assert now.startswith(earlier)
    added = now.removeprefix(earlier).splitlines()
    assert len([line for line in added if "no milk here" in line]) == 1
    assert len(added) == (5 if name == "app.log" else 1)
