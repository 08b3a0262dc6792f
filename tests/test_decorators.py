"""Decorators accept every spelling of the guide, and report wrong arguments at their own line."""

from __future__ import annotations

import pytest

from modframe import decorators as d
from modframe.errors import DecoratorError, InvalidModuleIdError
from modframe.spec import FACTS

from .fakes import simple
from .load.shapes import changed, line_of
from .load.support import fault


def values(decorator: object) -> dict[str, object]:
    """Return what a decorator records."""
    cls = decorator(type("Thing", (), {}))  # type: ignore[operator]  # any of them
    return dict(getattr(cls, FACTS)[0].values)


@pytest.mark.parametrize(
    ("decorator", "recorded"),
    [
        (d.inject_dependencies("app_context"), {"names": ("app_context",)}),
        (d.inject_dependencies(["app_context"]), {"names": ("app_context",)}),
        (d.require_services([]), {"services": ()}),
        (d.require_services(), {"services": ()}),
        (d.require_services("a.b.c", "d.e.f"), {"services": ("a.b.c", "d.e.f")}),
        (d.initialization_sequence("a"), {"methods": ("a",), "phase": "phase1"}),
        (
            d.initialization_sequence(["a", "b"], phase="phase2"),
            {"methods": ("a", "b"), "phase": "phase2"},
        ),
        (d.phase2_operations("a"), {"methods": ("a",), "dependencies": ()}),
        (
            d.phase2_operations(methods=["a"], dependencies=["x.y.z"]),
            {"methods": ("a",), "dependencies": ("x.y.z",)},
        ),
        (d.register_api_endpoints(), {"router_name": "router"}),
        (d.register_database(database_name=None), {"database_name": None}),
        (d.register_database("orders"), {"database_name": "orders"}),
        (
            d.module_health_check(check_function=None),
            {"check": None, "interval": 60.0, "timeout": 5.0, "group": "ready"},
        ),
        (
            d.module_health_check(interval=300, function="check"),
            {"check": "check", "interval": 300.0, "timeout": 5.0, "group": "ready"},
        ),
        (d.graceful_shutdown(method="cleanup", timeout=30), {"method": "cleanup", "timeout": 30.0}),
        (d.force_shutdown(method=None), {"method": None, "timeout": 5.0}),
        (d.requires_modules("orders"), {"required": ("standard.orders",), "optional": ()}),
        (
            d.requires_modules([{"modules": ["standard.a"], "optional": True}, "core.b"]),
            {"required": ("core.b",), "optional": ("standard.a",)},
        ),
        (d.module(), {"module_id": None, "requires": ()}),
        (d.module("orders", requires="b"), {"module_id": "standard.orders", "requires": ("b",)}),
    ],
)
def test_spellings(decorator: object, recorded: dict[str, object]) -> None:
    """A decorator takes one name or several, by position or by keyword."""
    assert values(decorator) == recorded


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            lambda: d.graceful_shutdown(timeout="x"),
            "timeout is a number of seconds above 0, not 'x'",
        ),
        (lambda: d.force_shutdown(timeout=0), "timeout is a number of seconds above 0"),
        (lambda: d.force_shutdown(timeout=float("nan")), "timeout is a number of seconds above 0"),
        (lambda: d.module_health_check(interval=-1), "interval is a number of seconds above 0"),
        (lambda: d.enforce_data_integrity(strict_mode="yes"), "strict_mode is True or False"),
        (
            lambda: d.enforce_data_integrity(anti_mock="yes"),
            "anti_mock is True or False, not 'yes'",
        ),
        (lambda: d.enforce_data_integrity(anti_mock=None), "anti_mock is True or False, not None"),
        (
            lambda: d.enforce_data_integrity(anti_moc=True),
            r"does not take anti_moc=. Did you mean 'anti_mock'\? It takes strict_mode, anti_mock",
        ),
        (
            lambda: d.enforce_data_integrity(level=3),
            r"not take level=. It takes strict_mode, anti_",
        ),
        (lambda: d.enforce_data_integrity(int), "enforce_data_integrity stands without parenthes"),
        (
            lambda: d.enforce_data_integrity(True),
            r"what it takes is by name \(strict_mode, anti_mo",
        ),
        (lambda: d.inject_dependencies("app_ctx"), "can't hand 'app_ctx'.*'app_context' is what"),
        (lambda: d.register_service(5), "the service's name is a name as text, not 5"),
        (
            lambda: d.register_service("a.b.c", methods=d.ServiceMethod("x")),
            "a list of ServiceMethod",
        ),
        (lambda: d.register_service("a.b.c", methods=["x"]), "a list of ServiceMethod, not 'x'"),
        (lambda: d.register_service("a.b.c", priority="high"), "priority is a number"),
        (
            lambda: d.register_service("a.b.c", [d.ServiceMethod("x", params=d.ServiceParam("p"))]),
            "what 'x' has is a list of ServiceParam",
        ),
        (
            lambda: d.register_service("a.b.c", [d.ServiceMethod("x", returns="int")]),
            "returns of 'x' is a ServiceReturn",
        ),
        (
            lambda: d.register_service("a.b.c", [d.ServiceMethod("x"), d.ServiceMethod("x")]),
            "documents 'x' twice",
        ),
        (lambda: d.initialization_sequence("a", phase="phase3"), "phase is 'phase1' or 'phase2'"),
        (lambda: d.phase2_operations({"a": 1}), "names as text, or a list of them"),
        (lambda: d.require_services([5]), "names as text, not 5"),
        (lambda: d.auto_service_creation(5), "service_class is a class or its name"),
        (lambda: d.register_database(5), "database_name is a name as text"),
        (lambda: d.requires_modules([{"module": ["a"]}]), "each entry is an id or"),
        (lambda: d.requires_modules([{"modules": ["a"], "optional": "no"}]), "optional is True or"),
        (lambda: d.module(settigns=1), r"does not take settigns=.*Did you mean 'settings'\?"),
        (lambda: d.module(database=1), "database is a name as text"),
        (lambda: d.module(5), "decorates a module class, not 5"),
        (lambda: d.module(print), "decorates a module class, not function 'print'"),
        (lambda: d.force_shutdown()(print), "decorates a module class, not function 'print'"),
        (lambda: d.force_shutdown(int), r"without parentheses. Write @force_shutdown\(...\)"),
        (lambda: d.require_services(int), "stands without parentheses"),
        (
            lambda: d.force_shutdown()(d.graceful_shutdown()),
            "got no class from the decorator below",
        ),
    ],
)
def test_what_they_refuse(use: object, message: str) -> None:
    """The message names the decorator, the fault and what it takes."""
    with pytest.raises(DecoratorError, match=f"@.*{message}"):
        use()  # type: ignore[operator]  # each is a lambda


def test_a_bad_id_is_refused_where_it_stands() -> None:
    """A wrong id in a decorator is an error at that decorator."""
    with pytest.raises(InvalidModuleIdError, match=r"'Standard\.X' is not a module id"):
        d.requires_modules(["Standard.X"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("timeout=30", "timeout='x'", "@graceful_shutdown: timeout is a number"),
        ("timeout=30", "tiemout=30", "unexpected keyword argument 'tiemout'"),
    ],
)
def test_the_fault_points_at_the_decorator(old: str, new: str, message: str) -> None:
    """The error's line is the decorator's, neither the class's nor one of modframe."""
    finding = fault({"api.py": changed(old, new)})
    assert message in finding.message
    assert (finding.file, finding.line) == ("api.py", line_of("@graceful_shutdown"))


def test_a_short_form_fault_points_at_it_too() -> None:
    """The error's line is that of @module."""
    finding = fault({"api.py": simple(arguments="'standard.other'", head="x = 1")})
    assert (finding.rule, finding.line) == ("module-id", 5)


def test_facts_stay_with_their_class() -> None:
    """Decorating a subclass doesn't change its base."""
    base = d.force_shutdown()(type("Base", (), {}))
    d.graceful_shutdown()(type("Sub", (base,), {}))
    assert [fact.decorator for fact in getattr(base, FACTS)] == ["force_shutdown"]
