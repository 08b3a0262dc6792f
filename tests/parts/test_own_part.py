"""The part that CONTRIBUTING.md adds as an example: written there, run here, seen in every view."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from modframe.cli.modules import inspect_module
from tests import inside
from tests.cockpit.conftest import TOKEN
from tests.cockpit.front import AskError, Front

GUIDE = Path(__file__).parents[2] / "CONTRIBUTING.md"
NOTES = """
from modframe.decorators import module

@module
class Notes:
    SCRATCH = True

    def __init__(self):
        (self.app_context.scratch / "note").write_text("made before phase 1")

    def read(self) -> str:
        return (self.app_context.scratch / "note").read_text()
"""
PLAIN = "from modframe.decorators import module\n\n@module\nclass Plain: ...\n"


def example() -> Any:
    """The class of the guide's example."""
    section = GUIDE.read_text().partition("## Adding a part")[2]
    (text,) = re.findall(r"```python\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    names: dict[str, Any] = {"__name__": "scratch"}
    exec(compile(text, str(GUIDE), "exec"), names)
    return names["ScratchPart"]


@pytest.fixture
def part() -> Any:
    return example()


@pytest.fixture
def app(tmp_path: Path, part: Any) -> Iterator[AppContext]:
    """An app with the part, and one module that asks for a folder."""
    home = tmp_path / "modules" / "standard" / "notes"
    home.mkdir(parents=True)
    (home / "api.py").write_text(NOTES)
    with modframe.start(
        workspace=tmp_path, data=":memory:", modules=["standard.notes"], parts=[part()]
    ) as app:
        yield app


@pytest.fixture
def folder(app: AppContext) -> str:
    """The folder that the live generation has."""
    view = app.snapshot().module("standard.notes")
    assert view is not None
    return str(view.parts["scratch"]["folder"])


def test_it_is_entered_before_the_module_is_made(app: AppContext) -> None:
    """The module finds its folder where the part put it."""
    assert app.get_service("notes").read().result() == "made before phase 1"


def test_it_is_released_with_its_generation(app: AppContext, folder: str) -> None:
    """A swap makes another folder and deletes the old one; the end of all deletes that too."""
    app.modules["notes"].reload()
    inside.settle(app)
    assert not Path(folder).exists()
    view = app.snapshot().module("standard.notes")
    assert view is not None
    newer = Path(view.parts["scratch"]["folder"])
    assert newer.is_dir()
    app.stop()
    assert not newer.exists()


def test_it_is_not_entered_where_it_does_not_apply(app: AppContext, part: Any) -> None:
    """A module that does not ask for a folder has none, and nothing to show."""
    app.load({"api.py": PLAIN}, id="plain")
    generation = inside.generation(app, "plain")
    assert part.of(generation) is None
    assert part.name not in generation.ledger.names  # type: ignore[union-attr]
    view = app.snapshot().module("standard.plain")
    assert view is not None
    assert "scratch folder" not in view.contents


def test_text_shows_it(app: AppContext, folder: str) -> None:
    """A view as text has a line for each row."""
    lines = str(app.snapshot().module("standard.notes")).splitlines()
    assert f"  scratch folder  {folder}" in lines


def test_html_shows_it(app: AppContext, folder: str) -> None:
    """So has what a cell displays: of a module its rows, of all of them how many there are."""
    html = app.modules["notes"]._repr_html_()
    assert "scratch folders" in html
    assert folder in html
    assert "1 scratch folder" in app.snapshot()._repr_html_()


def test_the_cockpit_shows_it(app: AppContext, folder: str) -> None:
    """The module's facts have the panel, with its tab and its button, and its rows."""
    news, *_ = inside.news(app, "notes")
    panel = {"noun": "scratch folder", "title": "scratch folders", "columns": ["scratch folder"]}
    drawn = {"tab": "Files", "actions": [{"name": "Empty", "danger": True}], "detail": False}
    facts = news["detail"]["facts"].values()
    assert panel | drawn in facts
    assert [[folder]] in facts


def test_its_button_does_what_the_part_says(app: AppContext, folder: str) -> None:
    """Pressing it empties the folder; what the part raises is the answer."""
    app.serve(port=0, token=TOKEN)
    with Front(app.url, token=TOKEN) as front:
        press = partial(front.ask, "act", module="notes", noun="scratch folder", action="Empty")
        press(row=folder)
        assert list(Path(folder).iterdir()) == []
        Path(folder, "inner").mkdir()
        with pytest.raises(AskError, match="inner"):
            press(row=folder)
        with pytest.raises(AskError, match=r"has no scratch folder '/elsewhere' any more"):
            press(row="/elsewhere")


def test_json_has_it(app: AppContext, folder: str) -> None:
    """Facts for programs, and the rows that views draw."""
    (module,) = (
        one
        for one in json.loads(app.snapshot().to_json())["modules"]
        if one["id"] == "standard.notes"
    )
    assert module["parts"]["scratch"] == {"folder": folder}
    panel = {"noun": "scratch folder", "heads": [], "rows": [[folder]], "live_only": False}
    drawn = {"tab": "Files", "actions": [{"name": "Empty", "danger": True}]}
    assert panel | drawn in module["panels"]


def test_the_status_page_shows_it(app: AppContext, folder: str) -> None:
    """The page at ``/`` draws the same rows."""

    async def get() -> str:
        async with app.test_client() as client:
            return str((await client.get("/modframe/")).text)

    page = app.run(get())
    assert "1 scratch folder" in page
    assert folder in page


def test_the_shell_shows_it(
    app: AppContext, folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``modframe inspect`` prints the lines of the text."""
    assert inspect_module("notes", tmp_path, as_data=False) == 0
    assert f"  scratch folder  {folder}" in capsys.readouterr().out
