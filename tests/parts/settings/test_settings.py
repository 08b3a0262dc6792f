"""Settings: sources in order, all faults at once, provenance, secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from tests.fakes import simple

HEAD = """
from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings

class ThingSettings(BaseSettings):
    model_config = {"env_prefix": "THING_", "extra": "forbid"}
    limit: int = Field(default=3, ge=0)
    name: str = "none"
    key: SecretStr = SecretStr("hidden-default")
"""
BODY = """
async def values(self):
    return self.settings.limit, self.settings.name, self.app_context.settings is self.settings
"""
TEXT = simple(BODY, head=HEAD, arguments="settings='ThingSettings'")


def test_defaults_environment_and_session_in_this_order(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each source wins over the one before it, and `explain` says which it was."""
    monkeypatch.setenv("THING_LIMIT", "7")
    monkeypatch.setenv("THING_NAME", "environment")
    monkeypatch.setenv("THING_KEY", "hidden-environment")
    given = {"thing": {"name": "session"}}
    with modframe.start(workspace=workspace, data=":memory:", settings=given) as app:
        app.load({"api.py": TEXT}, id="thing")
        assert app.get_service("thing").values().result() == (7, "session", True)
        explained = app.get_service("core.settings").explain("thing").result()
        assert explained.data == {
            "limit": {"value": 7, "source": "environment"},
            "name": {"value": "session", "source": "session"},
            "key": {"value": "**********", "source": "environment"},
        }
        seen = app.snapshot().to_json() + repr(app.modules["thing"].settings)
        assert "hidden" not in seen
        model = type(app.modules["thing"].settings)
        typed = app.get_service("core.settings").get_typed_settings("standard.thing", model)
        assert typed.result().data is app.modules["thing"].settings


def test_all_faults_are_said_at_once_with_their_values_and_lines(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two bad values are one error, which names both, and where they come from."""
    monkeypatch.setenv("THING_LIMIT", "many")
    given = {"thing": {"name": ["wrong"]}}
    with modframe.start(workspace=workspace, data=":memory:", settings=given) as app:
        with pytest.raises(LoadError) as caught:
            app.load({"api.py": TEXT}, id="thing")
        assert [str(finding) for finding in caught.value.findings] == [
            "api.py, line 7: limit = 'many' (environment THING_LIMIT): Input should be a valid "
            "integer, unable to parse string as an integer. Correct limit in THING_LIMIT.",
            "api.py, line 8: name = ['wrong'] (start(settings=...)): Input should be a valid "
            "string. Correct name in start(settings=...).",
        ]


def test_a_bad_default_is_not_blamed_on_the_environment(app: AppContext) -> None:
    """The error says that the value was given by nobody."""
    text = TEXT.replace("default=3, ge=0", "default=-3, ge=0")
    with pytest.raises(LoadError, match=r"limit = -3 \(its default\): Input .*0\. Correct"):
        app.load({"api.py": text}, id="thing")


def test_faults_name_the_variables_that_are_read(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alias has no prefix, and what is wrong with the whole has no one place."""
    alias = 'limit: int = Field(default=3, ge=0, validation_alias="SOME_LIMIT")'
    text = TEXT.replace("limit: int = Field(default=3, ge=0)", alias)
    monkeypatch.setenv("SOME_LIMIT", "-1")
    with pytest.raises(LoadError, match=r"\(environment SOME_LIMIT\)"):
        app.load({"api.py": text}, id="thing")
    needed = text.replace("default=3, ge=0", "ge=0")
    monkeypatch.delenv("SOME_LIMIT")
    with pytest.raises(LoadError, match=r"\(set it in the environment as SOME_LIMIT\)"):
        app.load({"api.py": needed}, id="thing")
    check = "\n    @model_validator(mode='after')\n    def check(self):\n        raise ValueError('odd')\n"
    text = text.replace("import BaseModel, Field", "import BaseModel, Field, model_validator")
    with pytest.raises(LoadError, match=r"ThingSettings: Value error, odd\. "):
        app.load(
            {"api.py": text.replace('("hidden-default")\n', f'("hidden-default")\n{check}')},
            id="thing",
        )


def test_a_plain_model_reads_the_modules_environment(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `BaseModel` without settings of its own takes ``<MODULE>_...``."""
    monkeypatch.setenv("THING_LIMIT", "9")
    head = "from pydantic import BaseModel\nclass S(BaseModel):\n    limit: int = 3\n"
    text = simple(
        "async def get(self):\n    return self.settings.limit", head=head, arguments="settings=S"
    )
    app.load({"api.py": text}, id="thing")
    assert app.get_service("thing").get().result() == 9


def test_settings_that_phase_1_forgot_are_an_error(app: AppContext) -> None:
    """A settings file whose model nobody registered fails the load and says how to."""
    files = {"api.py": simple("async def get(self):\n    return 1"), "settings.py": HEAD}
    with pytest.raises(LoadError, match=r"settings\.py has ThingSettings, and phase 1 did not"):
        app.load(files, id="thing")


def test_a_swallowed_registration_error_still_fails_the_load(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that catches the error and only warns does not go live with bad settings."""
    monkeypatch.setenv("THING_LIMIT", "-1")
    body = """
    def __init__(self):
        try:
            self.app_context.register_pydantic_model("standard.thing", ThingSettings)
        except Exception:
            pass

    async def get(self):
        return 1
    """
    with pytest.raises(LoadError, match="greater than or equal to 0"):
        app.load({"api.py": simple(body, head=HEAD)}, id="thing")


def test_framework_settings_are_read_only_for_modules(app: AppContext) -> None:
    """``app_context.config`` can be read and not changed."""
    body = """
    async def get(self):
        return self.app_context.config.drain_timeout

    async def change(self):
        self.app_context.config.drain_timeout = 1
    """
    app.load({"api.py": simple(body)}, id="thing")
    assert app.get_service("thing").get().result() == 30
    with pytest.raises(Exception, match="frozen"):
        app.get_service("thing").change().result()


def test_a_module_asks_the_settings_service_while_it_starts(app: AppContext) -> None:
    """In phase 2 of its first load, with the core modules long live, it gets its own settings."""
    head = "from pydantic import BaseModel\nclass S(BaseModel):\n    limit: int = 3\n"
    body = (
        "async def initialize(self):\n"
        "    service = self.app_context.get_service('core.settings.service')\n"
        "    found = await service.get_typed_settings('standard.thing', S)\n"
        "    self.limit = found.data.limit if found.success else found.message\n"
        "async def get(self):\n"
        "    return self.limit\n"
    )
    app.load({"api.py": simple(body, head=head, arguments="settings=S")}, id="thing")
    assert app.get_service("thing").get().result() == 3


def test_a_model_that_phase_1_forgot_is_named_once(workspace: Path) -> None:
    """The error names the module once, and the model that `settings.py` has."""
    texts = {"api.py": simple(), "settings.py": HEAD}
    with (
        modframe.start(workspace=workspace, modules=[], data=":memory:") as app,
        pytest.raises(LoadError, match=r"^standard\.thing: settings\.py has ThingSettings"),
    ):
        app.load(texts, id="thing")


def test_values_stay_out_of_what_is_saved_or_public(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a module's display in a notebook nor the page at ``/`` shows values of settings."""
    monkeypatch.setenv("THING_NAME", "plain-password")

    with modframe.start(workspace=workspace, modules=[], data=":memory:") as app:
        app.load({"api.py": TEXT}, id="thing")

        async def page() -> str:
            async with app.test_client() as client:
                return str((await client.get("/modframe/")).text)

        assert "plain-password" not in app.modules["thing"]._repr_html_() + app.run(page())
