"""Preferences: kept, checked as a whole, followed by what runs, and shared by kernels."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from modframe.parts.settings.preference_file import PreferenceError, PreferenceFile
from modframe.result import Result
from tests import inside
from tests.fakes import simple
from tests.waiting import wait_for

HEAD = """
from pydantic import BaseModel, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

class Inner(BaseModel):
    password: str = ""
    port: int = 1

class Key(BaseModel):
    pin: SecretStr

class ThingSettings(BaseSettings):
    model_config = {"env_prefix": "THING_", "extra": "forbid"}
    low: int = Field(default=1, ge=0)
    high: int = 3
    key: SecretStr = SecretStr("hidden")
    inner: Inner = Inner()
    keys: list[Key] = []

    @model_validator(mode="after")
    def in_order(self):
        if self.low > self.high:
            raise ValueError("low is above high")
        return self
"""
BODY = """
seen = ()

async def values(self):
    return self.settings.low, self.settings.high, self.seen
"""
HOOK = """
def on_settings_changed(self, changed):
    self.seen = (*self.seen, changed)
"""


def text(body: str = "", *, arguments: str = "", head: str = HEAD) -> str:
    return simple(BODY + body, head=head, arguments=f"settings='ThingSettings'{arguments}")


@pytest.fixture
def kept(workspace: Path) -> Iterator[AppContext]:
    """An app with a data folder."""
    with modframe.start(workspace=workspace, data=workspace / "data") as app:
        yield app


def call(app: AppContext, method: str, *arguments: Any) -> Result:
    result = getattr(app.get_service("core.settings"), method)(*arguments).result(30)
    assert isinstance(result, Result)
    return result


def values(app: AppContext) -> Any:
    return app.get_service("thing").values().result(10)


def sources(app: AppContext) -> dict[str, tuple[Any, str]]:
    rows = call(app, "explain", "thing").data
    return {key: (rows[key]["value"], rows[key]["source"]) for key in ("low", "high")}


# -- what fails ---------------------------------------------------------------------------------


def test_a_corrupt_file_stops_no_start_and_is_said(workspace: Path) -> None:
    """Reading and setting say what to do; a new file is begun once it was moved away."""
    data = workspace / "data"
    data.mkdir()
    (data / "preferences.sqlite").write_bytes(b"this is no database, however long it is" * 50)
    with modframe.start(workspace=workspace, data=data) as app:
        app.load({"api.py": text()}, id="thing")
        assert sources(app) == {"low": (1, "default"), "high": (3, "default")}
        for result in (
            call(app, "preferences", "thing"),
            call(app, "set_preference", "thing", "high", 5),
            call(app, "clear_preference", "thing", "high"),
        ):
            assert result.code == "PREFERENCES_UNAVAILABLE"
            assert "can't be read (file is not a database)" in str(result.message)
            assert "move it away" in str(result.message)
        assert values(app) == (1, 3, ())
        assert any("file is not a database" in line for line in inside.log(app, "core.settings"))
        (data / "preferences.sqlite").rename(data / "damaged")
        assert call(app, "set_preference", "thing", "high", 5).success
        assert values(app) == (1, 5, ())


def test_a_file_of_a_newer_modframe_is_left_alone(tmp_path: Path) -> None:
    """Nothing is read or written."""
    path = tmp_path / "preferences.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    file = PreferenceFile(path)
    for use in (file.read, lambda: file.replace("m", expected={}, wanted={"a": 1})):
        with pytest.raises(PreferenceError, match="written by a newer modframe"):
            use()
    file.close()


@pytest.mark.parametrize(
    ("method", "arguments", "code", "said"),
    [
        ("set_preference", ("thin", "low", 1), "SETTINGS_UNAVAILABLE", "standard.thing"),
        ("preferences", ("thin",), "SETTINGS_UNAVAILABLE", "standard.thing"),
        ("clear_preference", ("thin", "low"), "SETTINGS_UNAVAILABLE", "standard.thing"),
        ("set_preference", ("thing", "hihg", 1), "UNKNOWN_SETTING", "did you mean 'high'?"),
        ("clear_preference", ("thing", "hihg"), "UNKNOWN_SETTING", "did you mean 'high'?"),
        ("set_preference", ("thing", "low", -1), "INVALID_SETTINGS", "greater than or equal"),
        ("set_preference", ("thing", "low", 9), "INVALID_SETTINGS", "low is above high"),
        ("set_preference", ("thing", "low", object()), "INVALID_SETTINGS", "as JSON"),
        ("set_preference", ("thing", "key", "x"), "SECRET_SETTING", "start(settings=...)"),
        ("set_preference", ("thing", "inner", {"password": "x"}), "SECRET_SETTING", "secret"),
        ("set_preference", ("thing", "keys", [{"pin": "x"}]), "SECRET_SETTING", "secret"),
        ("set_preference", ("plain", "low", 1), "NO_SETTINGS", "has no settings"),
        ("set_preferences", ("thing", {"high": 9, "low": "x"}), "INVALID_SETTINGS", "low"),
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
    assert call(app, "preferences", "thing").data == {}
    assert values(app) == (1, 3, ())
    assert "hidden" not in repr(result)


@pytest.mark.parametrize(
    "hook",
    [
        "def on_settings_changed(self, changed):\n    raise OSError('the pool is busy')\n",
        "async def on_settings_changed(self, changed):\n    return False\n",
    ],
)
def test_a_hook_that_fails_takes_the_change_back(app: AppContext, hook: str) -> None:
    """The settings object has its old values again, and nothing is kept."""
    app.load({"api.py": text(hook)}, id="thing")
    result = call(app, "set_preference", "thing", "high", 5)
    assert result.code == "CHANGE_REFUSED"
    assert "on_settings_changed()" in str(result.message)
    assert "the pool is busy" in str(result.message) or "False" in str(result.message)
    assert sources(app) == {"low": (1, "default"), "high": (3, "default")}
    assert values(app)[:2] == (1, 3)
    assert call(app, "preferences", "thing").data == {}


def test_a_swap_that_fails_takes_the_change_back(app: AppContext) -> None:
    """The old generation goes on with the old settings, and a later load has them too."""
    refusing = "async def initialize(self):\n    assert self.settings.high < 5, 'too high'\n"
    app.load({"api.py": text(refusing, arguments=", settings_change='swap'")}, id="thing")
    result = call(app, "set_preference", "thing", "high", 5)
    assert result.code == "CHANGE_REFUSED"
    assert "too high" in str(result.message)
    assert app.modules["thing"].generation == 1
    assert app.modules["thing"].error is None
    assert values(app) == (1, 3, ())
    assert call(app, "preferences", "thing").data == {}


def test_what_another_kernel_writes_meanwhile_is_checked_too(kept: AppContext) -> None:
    """Both are valid by themselves and not together: the second one is refused and taken back."""
    meanwhile = """
async def on_settings_changed(self, changed):
    from modframe.parts.settings.preference_file import PreferenceFile
    if changed == {"high": 2}:
        other = PreferenceFile(Path("data/preferences.sqlite").resolve())
        other.replace("standard.thing", expected={}, wanted={"low": 3})
        other.close()
"""
    kept.load({"api.py": text(meanwhile, head=f"from pathlib import Path\n{HEAD}")}, id="thing")
    result = call(kept, "set_preference", "thing", "high", 2)
    assert (result.code, "low is above high" in str(result.message)) == ("INVALID_SETTINGS", True)
    wait_for(lambda: values(kept)[:2] == (3, 3))
    assert call(kept, "preferences", "thing").data == {"low": 3}


def test_a_newer_text_that_failed_stays_the_newest(app: AppContext) -> None:
    """A swap for a setting runs the text that is live, and does not hide the failure."""
    sound = text(arguments=", settings_change='swap'")
    app.load({"api.py": sound}, id="thing")
    with pytest.raises(modframe.errors.LoadError):
        app.load({"api.py": f"{sound}\n1 / 0\n"}, id="thing")
    assert call(app, "set_preference", "thing", "high", 5).success
    assert values(app)[:2] == (1, 5)
    assert "division by zero" in str(app.modules["thing"].error)


# -- what a change means ------------------------------------------------------------------------


def test_by_default_the_settings_object_gets_the_new_values(app: AppContext) -> None:
    """In place, with the hook called with what has changed; no new generation."""
    app.load({"api.py": text(HOOK)}, id="thing")
    settings = app.modules["thing"].settings
    result = call(app, "set_preferences", "thing", {"low": 4, "high": "5"})
    assert result.data == {
        "low": {"value": 4, "source": "preference"},
        "high": {"value": 5, "source": "preference"},
    }
    assert values(app) == (4, 5, ({"low": 4, "high": 5},))
    assert app.modules["thing"].settings is settings
    assert app.modules["thing"].generation == 1
    assert call(app, "preferences", "thing").data == {"low": 4, "high": "5"}
    assert call(app, "set_preference", "thing", "low", 4).success
    assert len(values(app)[2]) == 1  # nothing has changed, so the hook is not called
    assert call(app, "clear_preference", "thing", "low").success
    assert values(app) == (1, 5, ({"low": 4, "high": 5}, {"low": 1}))
    assert sources(app) == {"low": (1, "default"), "high": (5, "preference")}
    assert call(app, "clear_preference", "thing").success
    assert values(app)[:2] == (1, 3)


@pytest.mark.parametrize(
    "model",
    ["BaseModel", "BaseModel, frozen=True", "BaseSettings, env_prefix='THING_', frozen=True"],
)
def test_what_a_module_derives_from_its_settings_follows(app: AppContext, model: str) -> None:
    """A cached property of the model, and the object that the settings service gave."""
    head = f"""
    from functools import cached_property
    from pydantic import BaseModel
    from pydantic_settings import BaseSettings

    class ThingSettings({model}):
        high: int = 3

        @cached_property
        def twice(self):
            return 2 * self.high
    """
    body = """
    async def initialize(self):
        service = self.app_context.get_service("core.settings.service")
        self.mine = (await service.get_typed_settings("standard.thing", ThingSettings)).data

    async def values(self):
        return self.mine.high, self.mine.twice, self.settings.twice
    """
    app.load({"api.py": simple(body, head=head, arguments="settings=ThingSettings")}, id="thing")
    assert values(app) == (3, 6, 6)
    assert call(app, "set_preference", "thing", "high", 5).success
    assert values(app) == (5, 10, 10)


@pytest.mark.parametrize("form", ["argument", "constant"])
def test_a_module_is_swapped_if_it_says_so(app: AppContext, form: str) -> None:
    """By `@module(settings_change="swap")`, or by `MODULE_SETTINGS_CHANGE` on the class."""
    if form == "argument":
        source = text(HOOK, arguments=", settings_change='swap'")
    else:
        source = text(f"MODULE_SETTINGS_CHANGE = 'swap'\n{HOOK}")
    app.load({"api.py": source}, id="thing")
    assert call(app, "set_preference", "thing", "high", 5).success
    assert app.modules["thing"].generation == 2
    assert values(app) == (1, 5, ())
    assert any(line.startswith("settings changed · ") for line in inside.log(app, "thing"))
    assert call(app, "clear_preference", "thing", "high").success
    assert (app.modules["thing"].generation, values(app)) == (3, (1, 3, ()))


def test_a_word_that_says_nothing_is_refused(app: AppContext) -> None:
    """`settings_change` is live or swap."""
    with pytest.raises(modframe.errors.LoadError, match="'live' or 'swap'"):
        app.load({"api.py": text(arguments=", settings_change='restart'")}, id="thing")


def test_a_session_wins_and_the_preference_is_kept(workspace: Path) -> None:
    """What `start(settings=...)` gave counts; the answer says so."""
    with modframe.start(
        workspace=workspace, data=":memory:", settings={"thing": {"high": 7}}
    ) as app:
        app.load({"api.py": text(HOOK)}, id="thing")
        result = call(app, "set_preference", "thing", "high", 5)
        assert result.data == {"high": {"value": 7, "source": "session"}}
        assert values(app) == (1, 7, ())


def test_a_preference_wins_over_the_environment_in_later_loads(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for a generation that is built after it was set."""
    monkeypatch.setenv("THING_HIGH", "6")
    app.load({"api.py": text()}, id="thing")
    assert call(app, "set_preference", "thing", "high", 5).success
    app.load({"api.py": f"{text()}\n# again"}, id="thing")
    assert sources(app) == {"low": (1, "default"), "high": (5, "preference")}


def test_a_hook_can_change_no_setting_of_its_own_module(app: AppContext) -> None:
    """It is told so at once, in place of waiting for itself."""
    hook = """
async def on_settings_changed(self, changed):
    service = self.app_context.get_service("core.settings.service")
    return await service.set_preference("standard.thing", "low", 2)
"""
    app.load({"api.py": text(hook)}, id="thing")
    result = call(app, "set_preference", "thing", "high", 5)
    assert result.code == "CHANGE_REFUSED"
    assert "are being changed" in str(result.message)


def test_a_module_sets_its_own_preference_while_it_starts(app: AppContext) -> None:
    """The generation that is being built has it."""
    initialize = """
async def initialize(self):
    service = self.app_context.get_service("core.settings.service")
    return await service.set_preference("standard.thing", "high", 8)
"""
    app.load({"api.py": text(initialize)}, id="thing")
    assert values(app) == (1, 8, ())


# -- what no longer validates -------------------------------------------------------------------


def test_a_preference_that_no_longer_validates_is_named_and_left_out(workspace: Path) -> None:
    """The load goes on without it; the others count, and can be changed."""
    with modframe.start(workspace=workspace, data=workspace / "data") as app:
        app.load({"api.py": text()}, id="thing")
        assert call(app, "set_preferences", "thing", {"low": 2, "high": 9}).success
        stricter = text(head=HEAD.replace("high: int = 3", "high: int = Field(default=3, le=5)"))
        outcome = app.load({"api.py": stricter}, id="thing")
        assert outcome.state == "LIVE"
        assert sources(app) == {"low": (2, "preference"), "high": (3, "default")}
        said = inside.log(app, "thing")
        assert any("the preference for 'high' is left out" in line for line in said)
        assert call(app, "preferences", "thing").data == {"low": 2, "high": 9}
        assert call(app, "set_preference", "thing", "low", 3).success
        assert values(app)[:2] == (3, 3)
        gone = text(head=HEAD.replace("low: int", "lowest: int").replace("self.low", "self.lowest"))
        app.load({"api.py": gone.replace("self.settings.low,", "0,")}, id="thing")
        assert any("'low' is left out: ThingSettings has no such" in one for one in inside.log(app))
        assert call(app, "clear_preference", "thing", "low").success
        assert call(app, "preferences", "thing").data == {"high": 9}


def test_preferences_outlive_the_app_and_nothing_is_made_without_one(workspace: Path) -> None:
    """A start that sets none makes no file."""
    file = workspace / "data" / "preferences.sqlite"
    with modframe.start(workspace=workspace) as app:
        app.load({"api.py": text()}, id="thing")
        assert not file.exists()
        assert call(app, "set_preference", "thing", "high", 5).success
    with modframe.start(workspace=workspace) as app:
        app.load({"api.py": text()}, id="thing")
        assert values(app) == (1, 5, ())


# -- several kernels ----------------------------------------------------------------------------


def test_what_another_kernel_sets_is_followed(kept: AppContext, workspace: Path) -> None:
    """By the hook or a swap as in this one; a preference that is refused here is said."""
    kept.load({"api.py": text(HOOK)}, id="thing")
    kept.load({"api.py": text(arguments=", settings_change='swap'")}, id="other")
    failing = "def on_settings_changed(self, changed):\n    raise OSError('not now')\n"
    kept.load({"api.py": text(failing)}, id="third")
    other = PreferenceFile(workspace / "data" / "preferences.sqlite")
    try:
        for name in ("other", "third", "thing"):
            assert other.replace(f"standard.{name}", expected={}, wanted={"high": 5})
        wait_for(lambda: values(kept)[1] == 5)
        assert values(kept) == (1, 5, ({"high": 5},))
        wait_for(lambda: kept.modules["other"].generation == 2)
        assert kept.modules["other"].settings.high == 5
        wait_for(lambda: any("does not count yet" in line for line in inside.log(kept, "third")))
        assert kept.modules["third"].settings.high == 3
        kept.load({"api.py": f"{text(failing)}\n# again"}, id="third")
        assert kept.modules["third"].settings.high == 5
        assert other.replace("standard.thing", expected={"high": 5}, wanted={})
        wait_for(lambda: values(kept)[1] == 3)
    finally:
        other.close()


def test_a_file_that_is_removed_takes_its_preferences_along(
    kept: AppContext, workspace: Path
) -> None:
    """What is there is what counts; the next preference begins a new file."""
    kept.load({"api.py": text()}, id="thing")
    assert call(kept, "set_preference", "thing", "high", 5).success
    for file in (workspace / "data").glob("preferences.sqlite*"):
        file.unlink()
    wait_for(lambda: values(kept)[1] == 3)
    assert call(kept, "set_preference", "thing", "high", 6).success
    assert values(kept)[1] == 6


WRITER = """
import sys
import modframe

number, count = map(int, sys.argv[1:])
fields = "\\n".join(f"    k{one}_{two}: int = 0" for one in range(2) for two in range(count))
head = f"from pydantic import BaseModel\\nclass S(BaseModel):\\n{fields}\\n"
text = (
    f"from modframe.decorators import module\\n{head}\\n@module(settings=S)\\nclass Thing:\\n"
    "    async def get(self):\\n        return self.settings.model_dump()\\n"
)
with modframe.start(modules=[], data="data") as app:
    app.load({"api.py": text}, id="thing")
    service = app.get_service("core.settings")
    for two in range(count):
        result = service.set_preference("thing", f"k{number}_{two}", two + 1).result(60)
        assert result.success, result
    print("wrote", flush=True)
    sys.stdin.readline()
    from tests.waiting import wait_for
    wait_for(lambda: all(app.get_service("thing").get().result(10).values()))
    print("saw", flush=True)
"""


def test_two_processes_that_write_at_once_lose_nothing(workspace: Path) -> None:
    """Each sees what the other one set, without a restart."""
    count = 12
    command = [sys.executable, "-c", WRITER]
    root = str(Path(__file__).parents[3])
    writers = [
        subprocess.Popen(
            [*command, str(number), str(count)],
            cwd=workspace,
            env={**os.environ, "PYTHONPATH": root},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "wrote\n"
        said = [writer.communicate("\n", timeout=120)[0] for writer in writers]
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert said == ["saw\n", "saw\n"]
    with sqlite3.connect(workspace / "data" / "preferences.sqlite") as connection:
        rows = dict(connection.execute("SELECT key, value FROM preferences").fetchall())
    connection.close()
    assert rows == {
        f"k{one}_{two}": json.dumps(two + 1) for one in range(2) for two in range(count)
    }
