"""Where settings come from: the files of the workspace beside environment and session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from pydantic_settings import BaseSettings

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.parts.settings.files import Variables
from modframe.parts.settings.resolve import resolve
from modframe.parts.settings.sources import Given
from tests import inside
from tests.fakes import simple

HEAD = """
from pydantic import Field
from pydantic_settings import BaseSettings

class ThingSettings(BaseSettings):
    model_config = {"env_prefix": "THING_", "extra": "forbid"}
    limit: int = Field(default=3, ge=0)
    name: str = "none"
"""
VALUES_OF = "async def values(self):\n    return self.settings.limit, self.settings.name"
TEXT = simple(VALUES_OF, head=HEAD, arguments="settings='ThingSettings'")


def explained(app: AppContext, module_id: str = "thing") -> dict[str, Any]:
    result = app.get_service("core.settings").explain(module_id).result(10)
    assert result.success, result
    return dict(result.data)


# -- what fails ---------------------------------------------------------------------------------


def test_a_wrong_toml_is_said_with_its_line_and_mended_by_the_next_load(app: AppContext) -> None:
    """A module with settings does not run on half of them; one without settings does not care."""
    Path("settings.toml").write_text("[standard.thing]\nlimit = 4\nname = \n")
    with pytest.raises(LoadError, match=r"settings\.toml, line 3: can't be read: Invalid value"):
        app.load({"api.py": TEXT}, id="thing")
    app.load({"api.py": simple()}, id="other")
    Path("settings.toml").write_text("[standard.thing]\nlimit = 4\n")
    app.load({"api.py": TEXT}, id="thing")
    assert app.get_service("thing").values().result(10) == (4, "none")


def test_a_setting_outside_of_a_table_is_no_modules(app: AppContext) -> None:
    """The message says what to write, and not the value, which may be a secret."""
    Path("settings.toml").write_text("password = 'hidden'\n")
    with pytest.raises(LoadError, match=r"'password' stands outside .* \[standard\.orders\]") as no:
        app.load({"api.py": TEXT}, id="thing")
    assert "hidden" not in str(no.value)


def test_an_unreadable_dotenv_fails_the_modules_with_settings(app: AppContext) -> None:
    """Bytes that are no UTF-8 are named with the file."""
    Path(".env").write_bytes(b"THING_LIMIT=4\xff\n")
    with pytest.raises(LoadError, match=r"\.env: can't be read: 'utf-8' codec can't decode"):
        app.load({"api.py": TEXT}, id="thing")
    app.load({"api.py": simple()}, id="other")


def test_a_folder_called_dotenv_is_none(app: AppContext) -> None:
    """It is a virtual environment."""
    Path(".env").mkdir()
    assert app.load({"api.py": TEXT}, id="thing").findings == ()


def test_bad_values_say_which_file_gave_them(app: AppContext) -> None:
    """Each fault names its source."""
    Path("settings.toml").write_text("[standard.thing]\nname = 3\n")
    Path(".env").write_text("THING_LIMIT=many\n")
    with pytest.raises(LoadError) as caught:
        app.load({"api.py": TEXT}, id="thing")
    assert [finding.message for finding in caught.value.findings] == [
        "limit = 'many' (.env): Input should be a valid integer, unable to parse string as an "
        "integer",
        "name = 3 (settings.toml): Input should be a valid string",
    ]


# -- misspelt -----------------------------------------------------------------------------------


def test_what_is_misspelt_is_named_and_fails_nothing(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables and keys of all sources, each with the nearest name, in the outcome and the log."""
    monkeypatch.setenv("THING_LIMITT", "7")
    monkeypatch.setenv("THING_WHATEVER_ELSE", "someone else's")
    Path(".env").write_text("\n# names\nTHING_NAMEE=x\nnot a variable\n")
    Path("settings.toml").write_text("[thing]\nnames = 'x'\n\n[standard.thingy]\nlimit = 1\n")
    session = {"thing": {"limits": 5}, "thin": {"limit": 5}}
    with modframe.start(workspace=workspace, data=":memory:", settings=session) as app:
        app.load({"api.py": TEXT}, id="thing")
        assert explained(app)["limit"] == {"value": 3, "source": "default"}
        said = inside.log(app, "thing")
        for line in (
            "the variable THING_LIMITT sets nothing of ThingSettings. Write THING_LIMIT.",
            ".env, line 3: THING_NAMEE sets nothing of ThingSettings. Write THING_NAME.",
            ".env, line 4: it can't be read, and is left out. Write NAME=value.",
            "'names' in settings.toml is no setting of ThingSettings. Write 'name'.",
            "'limits' in start(settings=...) is no setting of ThingSettings. Write 'limit'.",
        ):
            assert line in said
        assert not any("WHATEVER" in line for line in said)
        assert any(line.startswith("1 · live in") and "THING_LIMITT" in line for line in said)
        before = len(said)
        app.load({"api.py": f"{TEXT}\n# again"}, id="thing")
        again = inside.log(app, "thing")
        assert len(again) == before + 1  # the outcome: what was said already is not said again


def test_settings_for_a_module_that_is_not_there_are_named(
    workspace: Path,
) -> None:
    """In the log of the start, with the nearest id, for both places."""
    Path("settings.toml").write_text("[core.setings]\nlimit = 1\n")
    with modframe.start(workspace=workspace, data=":memory:", settings={"ordrs": {}}) as app:
        said = " ".join(inside.log(app))
    assert "core.setings: settings.toml has settings for it, and there is no such" in said
    assert "Did you mean 'core.settings'?" in said
    assert "standard.ordrs: settings were given for it, and there is no such" in said


# -- precedence ---------------------------------------------------------------------------------


class Plain(BaseSettings):
    model_config = {"env_prefix": "PLAIN_", "env_nested_delimiter": "__"}
    limit: int = 0
    label: int = Field(default=0, validation_alias="PLAIN_ALIAS")
    inner: dict[str, int] = {}


class WithOwnFile(Plain):
    """A model that has sources of its own, and is made in another way."""

    model_config = {"env_file": "there-is-none.env"}


SOURCES = ("default", "toml", "dotenv", "environment", "preference", "session")
SEEN_AS = {"toml": "file", "dotenv": "file"}
VALUES: Mapping[str, int] = {name: number for number, name in enumerate(SOURCES)}


@given(
    model=st.sampled_from([Plain, WithOwnFile]),
    places=st.fixed_dictionaries(
        dict.fromkeys(("limit", "label"), st.sets(st.sampled_from(SOURCES[1:])))
    ),
)
def test_the_highest_source_wins(model: type[Plain], places: dict[str, set[str]]) -> None:
    """Whatever combination of sources gives a field, by its name or by an alias."""

    def of(source: str) -> dict[str, int]:
        return {name: VALUES[source] for name, at in places.items() if source in at}

    def variables(source: str) -> dict[str, str]:
        spelt = {"limit": "PLAIN_LIMIT", "label": "PLAIN_ALIAS"}
        return {spelt[name]: str(value) for name, value in of(source).items()}

    dotenv = Variables(variables("dotenv"))
    everything = Given(of("toml"), dotenv, of("preference"), of("session"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables("environment").items():
            patch.setenv(name, value)
        resolved = resolve(model, "standard.plain", everything)
    assert type(resolved.value) is model
    for name, at in places.items():
        wins = max(at, key=SOURCES.index, default="default")
        assert getattr(resolved.value, name) == VALUES[wins]
        assert resolved.sources[name] == SEEN_AS.get(wins, wins)
    assert resolved.findings == ()


def test_mappings_of_several_sources_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    """As pydantic-settings does, the higher source winning for each key."""
    monkeypatch.setenv("PLAIN_INNER__A", "2")
    monkeypatch.setenv("PLAIN_INNER__B", "2")
    everything = Given({"inner": {"a": 1, "c": 1}}, session={"inner": {"b": 3}})
    value = resolve(Plain, "standard.plain", everything).value
    assert isinstance(value, Plain)
    assert value.inner == {"a": 2, "b": 3, "c": 1}


def test_a_plain_model_reads_the_files_too(app: AppContext) -> None:
    """By the module's name as prefix, and by its short id."""
    Path("settings.toml").write_text("[thing]\nname = 'toml'\nlimit = 1\n")
    Path(".env").write_text("export THING_LIMIT=2\n")
    head = """
    from pydantic import BaseModel

    class S(BaseModel):
        limit: int = 3
        name: str = ""
    """
    text = simple(VALUES_OF, head=head, arguments="settings=S")
    app.load({"api.py": text}, id="thing")
    assert app.get_service("thing").values().result(10) == (2, "toml")
    assert {row["source"] for row in explained(app).values()} == {"file"}


def test_the_files_of_the_workspace_travel_with_an_export(workspace: Path) -> None:
    """The fresh process that tries an export reads them too."""
    required = TEXT.replace("Field(default=3, ge=0)", "Field(ge=0)")
    Path("settings.toml").write_text("[standard.thing]\nlimit = 4\n")
    with modframe.start(workspace=workspace, data=":memory:") as app:
        module = app.load({"api.py": required}, id="thing")
        assert module.export().paths
