"""Settings for this session: set while the app runs, above preferences, kept by no file."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from tests import inside
from tests.fakes import simple
from tests.parts.settings.test_preferences import HEAD, HOOK, call, sources, text, values
from tests.waiting import wait_for

NEW = "sk-set-for-the-session"
SECRET_HEAD = """
import logging
from pydantic import BaseModel, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

class Inner(BaseModel):
    password: str = ""
    port: int = 1

class ThingSettings(BaseModel):
    low: int = 1
    high: int = 3
    pin: SecretStr = SecretStr("the-first-pin")
    password: str = "the-first-password"
    tokens: dict[str, str] = {}
    inner: Inner = Inner()

    @model_validator(mode="after")
    def fits(self):
        if "refuse" in self.pin.get_secret_value():
            raise ValueError(f"the pin {self.pin.get_secret_value()} is refused")
        if "custom" in self.pin.get_secret_value():
            raise PydanticCustomError("pin", f"the pin {self.pin.get_secret_value()} is refused")
        return self
"""
TELL = """
def on_settings_changed(self, changed):
    told = f"{self.settings.pin.get_secret_value()} {self.settings.password}"
    logging.getLogger(__name__).warning("now %s", told)
    print(told)
    if "bad" in told:
        raise OSError(f"can't use {told}")
def tell(self):
    logging.getLogger(__name__).warning("told %s", self.settings.pin.get_secret_value())
    raise ValueError(self.settings.pin.get_secret_value())
"""


def said_anywhere(app: AppContext) -> str:
    """Return what the app shows of the module, of its log and of its errors."""
    found = [call(app, "explain", "thing"), call(app, "session_keys", "thing")]
    found += [call(app, "preferences", "thing"), call(app, "schema", "thing")]
    errors = app.get_service("core.error_handler").errors("standard.thing").result(30)
    module = app.modules["thing"]
    shown = (app.snapshot().to_json(), module._repr_html_(), repr(module.settings), module.error)
    return repr((found, errors, shown, inside.log(app)))


# -- what fails ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "arguments", "code", "said"),
    [
        ("set_session_value", ("thin", "low", 1), "SETTINGS_UNAVAILABLE", "standard.thing"),
        ("session_keys", ("thin",), "SETTINGS_UNAVAILABLE", "standard.thing"),
        ("clear_session_value", ("thin", "low"), "SETTINGS_UNAVAILABLE", "standard.thing"),
        ("clear_session_value", ("thin",), "SETTINGS_UNAVAILABLE", "standard.thing"),
        ("set_session_value", ("thing", "hihg", 1), "UNKNOWN_SETTING", "did you mean 'high'?"),
        ("clear_session_value", ("thing", "hihg"), "UNKNOWN_SETTING", "did you mean 'high'?"),
        ("set_session_value", ("thing", "low", -1), "INVALID_SETTINGS", "greater than or equal"),
        ("set_session_value", ("thing", "low", 9), "INVALID_SETTINGS", "low is above high"),
        ("set_session_value", ("thing", "low", object()), "INVALID_SETTINGS", "as JSON"),
        ("set_session_value", ("thing", "low", "**********"), "INVALID_SETTINGS", "is not shown"),
        ("set_preference", ("thing", "low", "a **********"), "INVALID_SETTINGS", "is not shown"),
        ("set_session_value", ("plain", "low", 1), "NO_SETTINGS", "has no settings"),
        ("set_session_values", ("thing", {"high": 9, "low": "x"}), "INVALID_SETTINGS", "low"),
    ],
)
def test_what_is_refused_changes_nothing(
    app: AppContext, method: str, arguments: tuple[Any, ...], code: str, said: str
) -> None:
    """Each refusal says why, with the nearest name, and all is as it was."""
    app.load({"api.py": text(HOOK)}, id="thing")
    app.load({"api.py": simple()}, id="plain")
    result = call(app, method, *arguments)
    assert (result.code, said in str(result.message).replace("Did", "did")) == (code, True), result
    assert call(app, "session_keys", "thing").data == []
    assert values(app) == (1, 3, ())


def test_a_hook_or_a_swap_that_fails_takes_the_change_back(app: AppContext) -> None:
    """The values are as they were, and what was set before stays."""
    hook = "def on_settings_changed(self, changed):\n    return changed.get('high') != 5\n"
    app.load({"api.py": text(hook)}, id="thing")
    assert call(app, "set_session_value", "thing", "high", 4).success
    assert call(app, "set_session_value", "thing", "high", 5).code == "CHANGE_REFUSED"
    assert (sources(app)["high"], values(app)[1]) == ((4, "session"), 4)
    refusing = "async def initialize(self):\n    assert self.settings.high < 5, 'too high'\n"
    app.load({"api.py": text(refusing, arguments=", settings_change='swap'")}, id="thing")
    result = call(app, "set_session_value", "thing", "high", 5)
    assert (result.code, "too high" in str(result.message)) == ("CHANGE_REFUSED", True)
    assert (app.modules["thing"].generation, values(app)[1]) == (2, 4)


def test_a_value_that_no_longer_validates_fails_the_load(app: AppContext) -> None:
    """The error says where it was given; taken back, the load goes through."""
    app.load({"api.py": text()}, id="thing")
    assert call(app, "set_session_value", "thing", "high", 9).success
    stricter = text(head=HEAD.replace("high: int = 3", "high: int = Field(default=3, le=5)"))
    with pytest.raises(LoadError, match=r"high = 9 \(set_session_value\(\.\.\.\)\)"):
        app.load({"api.py": stricter}, id="thing")
    assert call(app, "clear_session_value", "thing", "high").success
    app.load({"api.py": stricter}, id="thing")
    assert sources(app)["high"] == (3, "default")


# -- what it does -------------------------------------------------------------------------------


def test_it_counts_above_all_others(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above preferences and what start() was given; taken back, the next lower source counts."""
    monkeypatch.setenv("THING_LOW", "2")
    data = workspace / "data"
    given = {"thing": {"high": 7}}
    with modframe.start(workspace=workspace, data=data, settings=given) as app:
        app.load({"api.py": text(HOOK)}, id="thing")
        settings = app.modules["thing"].settings
        assert call(app, "set_preferences", "thing", {"low": 3, "high": 8}).success
        assert sources(app) == {"low": (3, "preference"), "high": (7, "session")}
        result = call(app, "set_session_values", "thing", {"low": 4, "high": "5"})
        assert result.data == {
            "low": {"value": 4, "source": "session"},
            "high": {"value": 5, "source": "session"},
        }
        assert values(app) == (4, 5, ({"low": 3}, {"low": 4, "high": 5}))
        assert app.modules["thing"].settings is settings
        assert call(app, "session_keys", "thing").data == ["low", "high"]
        assert call(app, "set_preference", "thing", "low", 1).data["low"]["source"] == "session"
        assert call(app, "clear_session_value", "thing", "LOW").success
        assert sources(app) == {"low": (1, "preference"), "high": (5, "session")}
        assert call(app, "clear_session_value", "thing").success
        assert sources(app) == {"low": (1, "preference"), "high": (7, "session")}
        assert call(app, "set_session_value", "thing", "low", 5).success
        assert b"session" not in (data / "preferences.sqlite").read_bytes()
    with modframe.start(workspace=workspace, data=data) as app:
        app.load({"api.py": text()}, id="thing")
        assert sources(app) == {"low": (1, "preference"), "high": (8, "preference")}


def test_a_module_is_swapped_if_it_says_so(app: AppContext) -> None:
    """Later generations have it, also after the module was away; meanwhile it can be taken back."""
    app.load({"api.py": text(arguments=", settings_change='swap'")}, id="thing")
    assert call(app, "set_session_value", "thing", "high", 5).success
    assert (app.modules["thing"].generation, values(app)[1]) == (2, 5)
    app.modules["thing"].unload()
    assert call(app, "session_keys", "thing").data == ["high"]
    app.load({"api.py": text()}, id="thing")
    assert sources(app)["high"] == (5, "session")
    app.modules["thing"].unload()
    assert call(app, "clear_session_value", "thing").success
    app.load({"api.py": text()}, id="thing")
    assert sources(app)["high"] == (3, "default")


def test_a_module_sets_its_own_while_it_starts(app: AppContext) -> None:
    """The generation that is being built has it; a hook can't change what is being changed."""
    initialize = """
async def initialize(self):
    service = self.app_context.get_service("core.settings.service")
    return await service.set_session_value("standard.thing", "high", 8)
async def on_settings_changed(self, changed):
    service = self.app_context.get_service("core.settings.service")
    return await service.set_session_value("standard.thing", "low", 2)
"""
    app.load({"api.py": text(initialize)}, id="thing")
    assert values(app) == (1, 8, ())
    result = call(app, "set_session_value", "thing", "high", 5)
    assert (result.code, "are being changed" in str(result.message)) == ("CHANGE_REFUSED", True)
    assert values(app) == (1, 8, ())


# -- secrets ------------------------------------------------------------------------------------


@pytest.fixture
def vault(app: AppContext) -> AppContext:
    """Return an app with a module that says its secrets."""
    app.load({"api.py": text(TELL, head=SECRET_HEAD)}, id="thing")
    return app


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pin", NEW),
        ("pin", SecretStr(NEW)),
        ("password", NEW),
        ("tokens", {"github": NEW}),
        ("tokens", {"github": SecretStr(NEW)}),
        ("inner", {"password": NEW}),
        ("inner", type("Given", (BaseModel,), {"__annotations__": {"password": SecretStr}})(
            password=NEW
        )),
    ],
)  # fmt: skip
def test_a_secret_is_set_and_shown_nowhere(vault: AppContext, key: str, value: Any) -> None:
    """What counts as one by its type, its name or where it lies; the module has it whole."""
    result = call(vault, "set_session_value", "thing", key, value)
    assert result.success
    assert result.data[key]["source"] == "session"
    has = vault.modules["thing"].settings
    assert NEW in str(has.model_dump()) + has.pin.get_secret_value()
    if key in ("pin", "password"):
        assert any(
            "now **********" in line or "pin **********" in line for line in inside.log(vault)
        )
    with pytest.raises(ValueError, match="the-first-pin" if key != "pin" else NEW):
        vault.get_service("thing").tell().result(30)
    assert NEW not in said_anywhere(vault) + repr(result)
    assert call(vault, "clear_session_value", "thing", key).success
    assert NEW not in str(has.model_dump()) + has.pin.get_secret_value()
    assert NEW not in said_anywhere(vault)


@pytest.mark.parametrize(
    ("pin", "code"),
    [
        (f"{NEW}-refuse", "INVALID_SETTINGS"),
        (f"{NEW}-custom", "INVALID_SETTINGS"),
        (f"{NEW}-bad", "CHANGE_REFUSED"),
    ],
)
def test_a_secret_that_is_refused_is_not_repeated(vault: AppContext, pin: str, code: str) -> None:
    """Also where the author's validator or hook repeats it, in the result and in the log."""
    result = call(vault, "set_session_value", "thing", "pin", pin)
    assert result.code == code
    assert pin not in said_anywhere(vault) + repr(result)
    reasons = (result.details or {}).get("reasons", [])
    assert set(reasons) <= {"ThingSettings: The value is refused"}
    assert call(vault, "session_keys", "thing").data == []


def test_a_secret_that_a_swap_fails_with_is_not_repeated(app: AppContext) -> None:
    """Also where a phase of the new generation repeats it."""
    starting = """
async def initialize(self):
    pin = self.settings.pin.get_secret_value()
    if "bad" in pin:
        raise OSError(f"can't open it with {pin}")
"""
    arguments = ", settings_change='swap'"
    app.load({"api.py": text(starting, head=SECRET_HEAD, arguments=arguments)}, id="thing")
    result = call(app, "set_session_value", "thing", "pin", f"{NEW}-bad")
    assert (result.code, "can't open it with" in str(result.message)) == ("CHANGE_REFUSED", True)
    assert NEW not in said_anywhere(app) + repr(result)
    assert call(app, "session_keys", "thing").data == []


def test_refused_tries_do_not_uncover_what_is_live(vault: AppContext) -> None:
    """Few sets of secrets are remembered of a module; the live one is always among them."""
    assert call(vault, "set_session_value", "thing", "pin", NEW).success
    for end in ("refuse", "bad"):
        for number in range(6):
            result = call(vault, "set_session_value", "thing", "pin", f"another-{number}-{end}")
            assert not result.success
    with pytest.raises(ValueError, match=NEW):
        vault.get_service("thing").tell().result(30)
    assert NEW not in said_anywhere(vault)


def test_no_generation_stays_in_memory(app: AppContext) -> None:
    """What was set is kept as plain data, whatever object was given."""
    app.load({"api.py": text(arguments=", settings_change='swap'")}, id="thing")
    model = type(app.modules["thing"].settings)
    inner = model.model_fields["inner"].annotation
    assert call(app, "set_session_value", "thing", "inner", inner(port=4)).success
    assert app.modules["thing"].settings.inner.port == 4
    gone = weakref.ref(model)
    del model, inner

    def is_gone() -> bool:
        gc.collect()
        return gone() is None

    wait_for(is_gone)
