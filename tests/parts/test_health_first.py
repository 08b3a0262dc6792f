"""``healthy_first``: a generation goes live after its first good verdict; a bad one refuses it."""

from __future__ import annotations

from pathlib import Path

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from tests import inside
from tests.fakes import simple

FIRST = "healthy_first=True"
IMPORTS = "import asyncio, time\nfrom modframe.decorators import module_health_check"


def first(check: str, *, body: str = "", arguments: str = FIRST, timeout: str = "5") -> str:
    """Return a module that has to be healthy first."""
    text = simple(f"{body}\n{check}", head=IMPORTS, arguments=arguments)
    return text.replace("@module", f"@module_health_check(timeout={timeout})\n@module", 1)


NAME = "check_health() (first health check)"
GOOD = first("async def check_health(self): return True", body="def get(self): return 'good'")


def test_it_is_healthy_as_soon_as_it_is_live(app: AppContext) -> None:
    """The verdict that let it go live is the one that is shown."""
    app.load({"api.py": GOOD}, id="thing")
    found = app.health()["standard.thing"]
    assert found.status == "healthy"
    assert found.at is not None


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("def check_health(self): return False", f"{NAME} says unhealthy: it returned False"),
        ("def check_health(self): return 'warn: slow'", f"{NAME} says degraded: slow"),
        (
            "async def check_health(self): raise ValueError('the wire is loose')",
            f"{NAME} raised ValueError: the wire is loose",
        ),
        (
            "async def check_health(self): await asyncio.sleep(1000)",
            f"{NAME} took longer than its 0.05 s and was cancelled",
        ),
        ("def check_health(self): return 42", "it returned 42 (int), which is no verdict"),
    ],
)
def test_a_bad_verdict_refuses_the_swap(app: AppContext, check: str, said: str) -> None:
    """What is live stays, the draft and the error say why, and nothing of the new one is left."""
    app.load({"api.py": GOOD}, id="thing")
    with pytest.raises(LoadError) as refused:
        app.load({"api.py": first(check, timeout="0.05")}, id="thing")
    assert refused.value.step == "health"
    assert said in str(refused.value)
    assert app.modules["thing"].generation == 1
    assert app.get_service("thing").get().result(30) == "good"
    assert app.health()["standard.thing"].status == "healthy"
    owners = [one for one in inside.owners(app) if not one.startswith("modules.core.")]
    assert len(owners) == 1
    app.load({"api.py": GOOD + "# mended\n"}, id="thing")
    assert app.modules["thing"].error is None


def test_the_error_names_the_line(app: AppContext) -> None:
    """Of the check that raised."""
    text = first("def check_health(self):\n    raise ValueError('the wire is loose')")
    with pytest.raises(LoadError) as refused:
        app.load({"api.py": text}, id="thing")
    line = next(at for at, row in enumerate(text.splitlines(), 1) if "wire" in row)
    assert (refused.value.file, refused.value.line) == ("api.py", line)


def test_one_of_several_refuses_all(app: AppContext) -> None:
    """A group is one change: no module of it goes live, and each sees the others of the group."""
    shop = simple("def size(self): return 3")
    asks = first(
        "async def check_health(self):\n"
        "    return await self.app_context.get_service('shop').size() == 3"
    )
    app.load([("shop", {"api.py": shop}), ("thing", {"api.py": asks})])
    assert app.health()["standard.thing"].status == "healthy"
    smaller = shop.replace("return 3", "return 2")
    with pytest.raises(LoadError, match="it returned False"):
        app.load([("shop", {"api.py": smaller}), ("thing", {"api.py": f"{asks}# newer\n"})])
    assert app.get_service("shop").size().result(30) == 3
    assert [app.modules[name].generation for name in ("shop", "thing")] == [1, 1]


def test_a_start_goes_on_without_it(workspace: Path) -> None:
    """The module failed, and what requires it is blocked; all others are live."""
    for name, text in {
        "sick": first("def check_health(self): return 'down: no disk'", body="def get(self): ..."),
        "needs": simple(arguments="requires=['standard.sick']"),
        "well": GOOD,
    }.items():
        folder = workspace / "modules" / "standard" / name
        folder.mkdir(parents=True)
        (folder / "api.py").write_text(text)
    with modframe.start(workspace=workspace, data=":memory:") as app:
        states = {key: module.state for key, module in app.modules.items()}
        assert states["standard.sick"] == "FAILED"
        assert states["standard.needs"] == "BLOCKED"
        assert states["standard.well"] == "LIVE"
        assert "no disk" in str(app.modules["sick"].error)


def test_kept_state_stays_with_what_is_live(app: AppContext) -> None:
    """Nothing is handed over to a generation that is not healthy; calls do not wait for it."""
    arguments = f"{FIRST}, keep_state=('count',)"
    body = "count = 0\ndef add(self):\n    self.count += 1\n    return self.count"
    text = first("def check_health(self): pass", body=body, arguments=arguments)
    app.load({"api.py": text}, id="thing")
    handle = app.get_service("thing")
    assert handle.add().result(30) == 1
    with pytest.raises(LoadError):
        app.load({"api.py": text.replace("pass", "return False")}, id="thing")
    assert handle.add().result(30) == 2
    app.load({"api.py": f"{text}# newer\n"}, id="thing")
    assert handle.add().result(30) == 3


def test_what_was_stopped_first_comes_back(app: AppContext) -> None:
    """Its old text is built again under a new number, even if that is not healthy either."""
    arguments = f"{FIRST}, swap='stop_first'"
    body = "def get(self): return 'good'"
    check = "checks = []\ndef check_health(self):\n    self.checks.append(1)"
    text = first(check, body=body, arguments=arguments)
    app.load({"api.py": text}, id="thing")
    with pytest.raises(LoadError) as refused:
        app.load({"api.py": f"{text}        return False\n"}, id="thing")
    assert any("its old text runs again" in note for note in refused.value.__notes__)
    assert app.get_service("thing").get().result(30) == "good"
    assert app.modules["thing"].state == "LIVE"
