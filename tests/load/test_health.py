"""Which check a module has, read from its decorators; one that can't be run is a finding."""

from __future__ import annotations

import re

import pytest

from modframe import decorators as d
from modframe.errors import DecoratorError
from modframe.spec import HealthSpec
from tests.fakes import simple
from tests.load.shapes import GUIDE, changed
from tests.load.support import fault, loaded

METHOD = "\n    async def check_health(self):\n        return True\n"
OF_SERVICE = changed(
    "    async def weigh", "    def check_health(self): ...\n\n    async def weigh"
)
IMPORT = "from modframe.decorators import module_health_check"


def named(check: str, more: str = "", text: str = GUIDE) -> str:
    """Return the guide's module with a check."""
    return changed("check_function=None", check, changed("router = ", f"{more}\nrouter = ", text))


def short(check: str, body: str = "pass", head: str = "") -> str:
    """Return a module in the short form with a check."""
    text = simple(body, head=f"{IMPORT}\n{head}")
    return changed("@module\n", f"@module_health_check({check})\n@module\n", text)


@pytest.mark.parametrize(
    ("text", "check"),
    [
        (GUIDE, None),
        (GUIDE + METHOD, "check_health"),
        (OF_SERVICE, "check_health"),
        (named("interval=300, function='check_health'") + METHOD, "check_health"),
        (named("check_function='weigh'"), "weigh"),
        (named("check_function=Scales.weigh"), "weigh"),
        (named("'look'", "def look(): ..."), "function look"),
        (named("look", "def look(): ..."), "function look"),
        (named("function=lambda: True"), "function <lambda>"),
        (simple(), None),
        (simple("async def check_health(self): ..."), "check_health"),
        (short("", "async def check_health(self): ..."), "check_health"),
        (short("look", head="def look(service, app_context): ..."), "function look"),
    ],
)
def test_spellings(text: str, check: str | None) -> None:
    """A method by name, a function by name, a function, and ``check_health`` by default."""
    with loaded({"api.py": text}) as found:
        said = found.spec.health.check
        shown = said if said is None or isinstance(said, str) else f"function {said.__name__}"
        assert shown == check


def test_what_else_is_said() -> None:
    """Interval, timeout and group are those of the decorator, or their defaults."""
    with loaded({"api.py": named("interval=9, timeout=2, group='startup'") + METHOD}) as found:
        assert found.spec.health == HealthSpec(
            "check_health", interval=9, timeout=2, group="startup"
        )
    with loaded({"api.py": simple("def check_health(self): ...")}) as found:
        assert found.spec.health == HealthSpec("check_health", interval=60, timeout=5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (named("'check_helth'") + METHOD, "no such method.*Did you mean 'check_health'"),
        (named("'wiegh'"), "names 'wiegh', and class 'ThingModule' has.*Did you mean 'weigh'"),
        (named("'loook'", "def look(): ..."), "Did you mean 'look'"),
        (named("'MODULE_ID'"), "'MODULE_ID', and it is no method"),
        (named("'Scales'"), "names 'Scales', and it is no method"),
        (
            named("look", "def look(database): ..."),
            r"the health check look\(\) needs 'database', and nothing gives it that",
        ),
        (
            simple("def check_health(self, orders): ..."),
            r"the health check check_health\(\) needs 'orders'",
        ),
        (
            simple(arguments="healthy_first=True"),
            "goes live only after its first good health check, and has none",
        ),
        (simple("MODULE_HEALTHY_FIRST = 1"), "MODULE_HEALTHY_FIRST is 1, and has to be True or"),
    ],
)
def test_a_check_that_cannot_be_run_is_a_finding(text: str, message: str) -> None:
    """One that is not there, with the nearest name; one that needs arguments; none at all."""
    finding = fault({"api.py": text})
    assert re.search(message, str(finding))
    assert finding.file == "api.py"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"interval": 0}, "interval is a number of seconds above 0, not 0"),
        ({"interval": -1}, "interval is a number of seconds above 0, not -1"),
        ({"interval": float("nan")}, "interval is a number of seconds above 0, not nan"),
        ({"interval": True}, "interval is a number of seconds above 0, not True"),
        ({"timeout": 0}, "timeout is a number of seconds above 0, not 0"),
        ({"timeout": float("nan")}, "timeout is a number of seconds above 0, not nan"),
        ({"timeout": "5"}, "timeout is a number of seconds above 0, not '5'"),
        ({"group": "raedy"}, "group is 'ready' or 'live' or 'startup', not 'raedy'"),
        ({"function": 5}, "check is a function or a name as text, not 5"),
        ({"function": ""}, "check is a function or a name as text, not ''"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    """At the line of the decorator, with what the argument is."""
    with pytest.raises(DecoratorError, match=message):
        d.module_health_check(**arguments)  # type: ignore[arg-type]  # that is the test


def test_healthy_first_is_a_flag() -> None:
    """In the short form an argument, in the guide's a constant."""
    with pytest.raises(DecoratorError, match="healthy_first is True or False, not 1"):
        d.module(healthy_first=1)  # type: ignore[call-overload]  # that is the test
    guide = changed("MODULE_ID = ", "MODULE_HEALTHY_FIRST = True\n    MODULE_ID = ", GUIDE)
    short_form = simple("def check_health(self): ...", arguments="healthy_first=True")
    for text in (guide + METHOD, short_form):
        with loaded({"api.py": text}) as found:
            assert found.spec.health.first
