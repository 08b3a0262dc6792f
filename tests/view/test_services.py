"""What a `ServiceMethod` says, wherever a person looks: help, snapshot, shell, catalogue."""

from __future__ import annotations

import dataclasses
import json
import pydoc
from pathlib import Path
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.cli.modules import inspect_module
from tests.load.shapes import changed

WORDS = """ServiceMethod(
    "weigh",
    "Weigh <a> thing.",
    params=[
        ServiceParam("label", "str", "What it is called"),
        ServiceParam("unit", "str", "In which unit", required=False, default="kg"),
    ],
    returns=ServiceReturn("Result", "Its data: the weight"),
    examples=[ServiceExample("weigh('flour')", "Result.success(7)")],
    tags=["Kitchen", "daily"],
)"""
WEIGH = '    async def weigh(self, label, unit: str = "kg"):\n        """Look at the scales."""\n'
TEXT = changed(
    'ServiceMethod("weigh")', WORDS, changed("    async def weigh(self):\n", WEIGH)
).replace(
    "\n\n@inject_dependencies",
    "\n    def clean(self) -> None:\n        'Wipe it.'\n\n\n@inject_dependencies",
    1,
)
SERVICE = "standard.thing.service"


@pytest.fixture
def app(app: AppContext) -> AppContext:
    """An app in which the module is live."""
    app.load({"api.py": TEXT}, id="thing")
    return app


def method(app: AppContext) -> Any:
    """The facts of ``weigh`` in the snapshot, as JSON has them."""
    [module] = (
        one for one in json.loads(app.snapshot().to_json())["modules"]
        if one["id"] == "standard.thing"
    )  # fmt: skip
    [clean, weigh] = module["parts"]["service"][SERVICE]["methods"]
    assert (clean["name"], clean["documented"], clean["tags"]) == ("clean", False, [])
    return weigh


def test_help_has_everything(app: AppContext) -> None:
    """Of a method its words, of the service its methods."""
    thing = app.get_service("thing")
    text = pydoc.plain(pydoc.render_doc(thing.weigh))
    for line in (
        "weigh(label, unit: str = 'kg')",
        "Look at the scales.",
        "Weigh <a> thing.",
        "label (str): What it is called",
        "unit (str, optional, default 'kg'): In which unit",
        "Returns: Result: Its data: the weight",
        "Example: weigh('flour') → Result.success(7)",
        "Tags: Kitchen, daily",
    ):
        assert line in text
    assert "weigh(label, unit: str = 'kg'): Look at the scales." in thing.__doc__
    assert "clean() -> None: Wipe it." in pydoc.plain(pydoc.render_doc(thing))
    assert repr(thing.weigh) == f"<method {SERVICE}.weigh(label, unit: str = 'kg')>"
    app.modules["thing"].unload()
    assert thing.__doc__ == f"<service {SERVICE}: not live>"


def test_the_snapshot_has_everything(app: AppContext) -> None:
    """As plain data: types fall back to the documented ones."""
    facts = method(app)
    assert facts["description"] == "Weigh <a> thing."
    assert facts["returns"] == {"type": "Result", "description": "Its data: the weight"}
    assert facts["examples"] == [{"call": "weigh('flour')", "result": "Result.success(7)"}]
    assert facts["tags"] == ["Kitchen", "daily"]
    assert [(one["name"], one["type"], one["description"]) for one in facts["params"]] == [
        ("label", "str", "What it is called"),
        ("unit", "str", "In which unit"),
    ]


def test_every_view_shows_it(app: AppContext) -> None:
    """A line for each parameter, return, example and tag; what a module has does not count them."""
    view = app.snapshot().module("standard.thing")
    assert view is not None
    lines = [" ".join(line.split()) for line in str(view).splitlines()]
    for line in (
        "parameter weigh(label) str What it is called",
        'parameter weigh(unit) str, default "kg" In which unit',
        "return weigh Result Its data: the weight",
        "example weigh('flour') Result.success(7)",
        "tag Kitchen weigh",
        "tag daily weigh",
    ):
        assert line in lines
    assert view.contents == "1 service, 2 methods"
    html = app.modules["thing"]._repr_html_()
    assert "Weigh &lt;a&gt; thing." in html
    assert "Its data: the weight" in html


def test_the_shell_prints_it(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``modframe inspect`` has the same lines."""
    folder = workspace / "modules" / "standard" / "thing"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(TEXT)
    assert inspect_module("thing", workspace, as_data=False) == 0
    assert "  example    weigh('flour') Result.success(7)" in capsys.readouterr().out


# -- the catalogue -------------------------------------------------------------------------------


def test_services_are_a_frozen_list(app: AppContext) -> None:
    """Each with its methods; the framework's own are the last."""
    services = app.services()
    assert isinstance(services, tuple)
    first = services[0]
    assert (first.name, first.module, first.class_name) == (SERVICE, "standard.thing", "Scales")
    assert [one.name for one in first.methods] == ["clean", "weigh"]
    assert [one.module.split(".")[0] for one in services[1:]] == ["core"] * (len(services) - 1)
    assert services.rows[1] == (
        SERVICE, "weigh(label, unit: str = 'kg')", "Weigh <a> thing.", "Kitchen, daily",
    )  # fmt: skip
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.name = "x"  # type: ignore[misc]  # it is frozen
    with pytest.raises(TypeError):
        first.methods[1].params[0]["name"] = "x"  # type: ignore[index]  # so is this
    assert "Weigh &lt;a&gt; thing." in services._repr_html_()
    assert repr(services).startswith(f"<{len(services)} services, ")
    assert json.loads(services.to_json())["services"][0]["methods"][1]["tags"] == [
        "Kitchen", "daily",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"tag": "kitchen"}, ["weigh"]),
        ({"tag": "DAILY"}, ["weigh"]),
        ({"tag": "kitch"}, []),
        ({"text": "wipe"}, ["clean"]),
        ({"text": "standard.thing SCALES"}, ["clean", "weigh"]),
        ({"text": "flour"}, ["weigh"]),
        ({"text": "which unit"}, ["weigh"]),
        ({"text": "wipe flour"}, []),
        ({"tag": "daily", "text": "wipe"}, []),
        ({"tag": ""}, []),
    ],
)
def test_services_by_tag_and_text(app: AppContext, asked: dict[str, str], found: list[str]) -> None:
    """Only what fits is left of a service, and a service of which nothing is left is not there."""
    services = app.services(**asked)
    assert [one.name for service in services for one in service.methods] == found
    assert len(services) == bool(found)
    assert app.services(asked.get("tag"), asked.get("text")) == services


def test_a_service_that_is_not_live_is_not_there(app: AppContext) -> None:
    """Nor one of a module without any."""
    app.modules["thing"].unload()
    assert SERVICE not in [service.name for service in app.services()]


def test_the_route_answers_with_the_catalogue(app: AppContext) -> None:
    """With the same data and the same questions."""

    async def get(query: str) -> Any:
        async with app.test_client() as client:
            return (await client.get(f"/api/v1/core/framework/services{query}")).json()

    assert app.run(get("")) == app.services().to_dict()
    assert app.run(get("?tag=daily")) == app.services(tag="daily").to_dict()
    assert app.run(get("?text=wipe")) == app.services(text="wipe").to_dict()
    assert app.run(get("?tag=none")) == {"services": []}
    service = app.get_service("core.framework")
    assert service.services(tag="daily").result().data == app.services(tag="daily").to_dict()


def test_words_of_any_kind_do_no_harm(app: AppContext) -> None:
    """A tag that is one text, an example without a result, types of the module's own."""
    words = (
        "ServiceMethod('weigh', params=[ServiceParam('label', Scales)], tags='one', "
        "examples=[ServiceExample('weigh(1)')], returns=ServiceReturn(Scales))"
    )
    app.load({"api.py": TEXT.replace(WORDS, words)}, id="thing")
    facts = method(app)
    assert facts["tags"] == ["one"]
    assert facts["returns"] == {"type": "Scales", "description": ""}
    assert facts["params"][0]["type"] == "Scales"
    assert app.get_service("thing").weigh.__doc__.endswith("Example: weigh(1)\nTags: one")
