"""``app.database.migrate``, as a person uses it after a refused load."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError, ModframeError
from modframe.runtime.change.outcome import Outcome
from modframe.source import Source
from tests.inside import change

MODEL = """
    from core.app_context import app_context
    from core.database import get_database_base
    from modframe.decorators import module
    from sqlalchemy import Column, Computed, ForeignKey, Integer, String

    DATABASE_NAME = "shop"
    Base = get_database_base(DATABASE_NAME)


    class Row(Base):
        __tablename__ = "rows"
        id = Column(Integer, primary_key=True)
        {columns}


    @module
    class Shop:
        async def add(self, **values):
            async with app_context.database.integrity_session(DATABASE_NAME, "add") as session:
                session.add(Row(**values))
                await session.commit()
"""


def model(columns: str) -> dict[str, str]:
    return {"api.py": dedent(MODEL).format(columns=columns)}


OLD = model("note = Column(String)")
NEW = model("note = Column(String, nullable=False); amount = Column(Integer, nullable=False)")


@pytest.fixture
def app(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppContext]:
    """An app that keeps its databases by each engine."""
    monkeypatch.setenv("MODFRAME_DATABASE_URL", database_url)
    with modframe.start(workspace=tmp_path, data=tmp_path / "data", modules=[]) as started:
        yield started


def engine_of(app: AppContext) -> str:
    """The engine that the fixture chose."""
    return os.environ["MODFRAME_DATABASE_URL"].partition(":")[0].partition("+")[0]


def test_the_line_of_a_load_says_what_was_added(app: AppContext) -> None:
    """New tables of a new database go without saying; a column that is added later is named."""

    def load(text: str) -> Outcome:
        source = Source.from_texts("standard.shop", {"api.py": text})
        (outcome,) = app.run(change(app, source))
        return outcome

    first = OLD["api.py"]
    grown = first.replace("note = Column(String)", "note = Column(String); by = Column(String)")
    assert "added" not in str(load(first))
    outcome = load(grown)
    assert str(outcome).endswith(" · added column rows.by")
    assert str(outcome.account).startswith("added column rows.by; re-executed api.py; ")
    assert "added" not in str(load(f"{grown}\n# more"))


def test_a_plan_names_the_column_that_a_new_one_may_be(app: AppContext) -> None:
    """Where a column is needed and another one isn't in the models, both ways on are shown."""
    app.load(OLD, id="shop")
    with pytest.raises(LoadError):
        app.load(model("remark = Column(String, nullable=False)"), id="shop")
    (step, _) = app.database.migrate("shop", plan=True).steps
    assert step.hint == "fill={'rows.remark': ...} or rename={'rows.note': 'remark'}"


def test_a_refused_module_loads_after_a_migration(app: AppContext) -> None:
    """The refusal names all and the way on; the plan can be looked at; the rows are filled."""
    app.load(OLD, id="shop")
    app.get_service("shop").add(note=None).result()
    with pytest.raises(LoadError) as info:
        app.load(NEW, id="shop")
    message = str(info.value)
    assert "rows.note: the model says NOT NULL, the table allows NULL" in message
    assert "rows.amount: the model says NOT NULL without default, the table has it not" in message
    assert "app.database.migrate('shop', allow=['set not null rows.note']" in message
    assert "fill={'rows.amount': ...}" in message
    assert "modframe db revision" in message
    app.get_service("shop").add(note="live").result()
    plan = app.database.migrate("shop", plan=True)
    assert [step.name for step in plan.missing] == [
        "add column rows.amount",
        "set not null rows.note",
    ]
    assert "needed, not allowed yet; fill={'rows.amount': ...}" in repr(plan)
    assert "<td" in plan._repr_html_()
    assert "set not null rows.note" in plan._repr_html_()
    done = app.database.migrate("shop", fill={"rows.amount": 5, "rows.note": ""})
    assert done.done
    assert "was migrated" in repr(done)
    app.load(NEW, id="shop")
    app.get_service("shop").add(note="new", amount=6).result()
    assert repr(app.database.migrate("shop", plan=True)) == "database 'shop' fits its models"


def test_wrong_arguments_are_errors(app: AppContext) -> None:
    app.load(OLD, id="shop")
    with pytest.raises(ModframeError, match="allow"):
        app.database.migrate("shop", allow="drop column rows.note")
    with pytest.raises(ModframeError, match=r"rename is columns with their new names"):
        app.database.migrate("shop", rename=["rows.note"])  # type: ignore[arg-type]
    with pytest.raises(ModframeError, match=r"fill is columns with values"):
        app.database.migrate("shop", fill=[""])  # type: ignore[arg-type]
    with pytest.raises(ModframeError, match=r"no models are known.*Did you mean 'shop'"):
        app.database.migrate("shup")


ADDS_COMPUTED = {"postgresql": (None, True), "sqlite": (None, False), "duckdb": ()}
"""Which values of ``persisted`` an engine adds to a table as it is."""


@pytest.mark.parametrize("persisted", [None, True, False])
def test_a_computed_column_is_added_to_an_old_table(
    app: AppContext, persisted: bool | None
) -> None:
    """Where the engine can, a load adds it; elsewhere its refusal says how `migrate` does."""
    engine = engine_of(app)
    if (engine, persisted) in {("postgresql", False), ("duckdb", True)}:
        pytest.skip("the engine has no such columns at all")
    columns = 'amount = Column(Integer, unique=True); note = Column(String, default="x")'
    new = model(f"{columns}; twice = Column(Integer, Computed('amount * 2', {persisted}))")
    app.load(model(columns), id="shop")
    app.get_service("shop").add(amount=3).result()
    if persisted in ADDS_COMPUTED[engine]:
        app.load(new, id="shop")
    else:
        with pytest.raises(LoadError) as info:
            app.load(new, id="shop")
        assert "adds one only by copying the table" in str(info.value)
        step = "add column rows.twice"
        assert f"app.database.migrate('shop', allow=['{step}'])" in str(info.value)
        (planned,) = app.database.migrate("shop", plan=True).missing
        assert planned.hint == f"allow=['{step}']"
        (done,) = app.database.migrate("shop", allow=[step]).steps
        assert done.way == "the table is copied"
        app.load(new, id="shop")
    app.get_service("shop").add(amount=4).result()
    rows = app.database.sql("SELECT amount, twice, note FROM shop.rows ORDER BY 1").rows
    assert rows == [(3, 6, "x"), (4, 8, "x")]
    assert repr(app.database.migrate("shop", plan=True)) == "database 'shop' fits its models"


REFERS = (
    "other_id = Column(Integer, ForeignKey('rows.id')); note = Column(String); by = Column(Integer)"
)
REFERS_NO_MORE = "other_id = Column(Integer); amount = Column(Integer)"


def test_what_is_done_lists_what_was_done(app: AppContext) -> None:
    """What is possible and was not asked for is in a plan alone, and is named by its columns."""
    app.load(model(REFERS), id="shop")
    app.load(model(REFERS_NO_MORE), id="shop")
    plan = app.database.migrate("shop", plan=True)
    assert "drop column rows.note: possible, not needed; allow=['drop column rows.note']" in repr(
        plan
    )
    done = app.database.migrate("shop", allow=["drop column rows.note"])
    assert [step.name for step in done.steps if step.chosen] == ["drop column rows.note"]
    for text in (repr(done), done._repr_html_()):
        assert "was migrated so:" in text
        assert "drop column rows.note" in text
        assert "possible" not in text
        assert "allow=" not in text
    again = app.database.migrate("shop")
    assert repr(again) == "database 'shop' fits its models"


def test_a_reference_that_models_lack_has_a_name(app: AppContext) -> None:
    """One without a name in the database is named by its columns, and can be dropped."""
    if (engine := engine_of(app)) == "duckdb":
        pytest.skip("foreign keys are no part of DuckDB's tables")
    app.load(model(REFERS), id="shop")
    app.load(model(REFERS_NO_MORE), id="shop")
    name = "rows.other_id" if engine == "sqlite" else "rows.rows_other_id_fkey"
    steps = {step.name: step.loses for step in app.database.migrate("shop", plan=True).steps}
    assert steps[f"drop foreign key {name}"] == "the reference to rows (id)"
    app.database.migrate("shop", allow=[f"drop foreign key {name}"])
    app.get_service("shop").add(other_id=77).result()
    left = [step.name for step in app.database.migrate("shop", plan=True).steps]
    assert sorted(left) == ["drop column rows.by", "drop column rows.note"]
