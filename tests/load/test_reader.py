"""What a module class declares becomes a spec, or findings at the line of the fault."""

from __future__ import annotations

import re

import pytest

from modframe.app import AppContext
from modframe.load.class_facts import MANDATORY
from modframe.source import Source, SourceFile
from tests.fakes import simple

from .shapes import DECORATORS, GUIDE, changed, line_of
from .support import fault, findings, loaded


def test_the_guides_form_loads_without_a_finding() -> None:
    """Every decorator in the guide's spelling loads without a finding."""
    assert findings({"api.py": GUIDE}) == []


def test_the_guides_form_is_read() -> None:
    """The spec has what the decorators say."""
    with loaded({"api.py": GUIDE}) as found:
        spec = found.spec
    assert (spec.form, spec.phase1, spec.phase2) == ("guide", ("prepare",), ("begin",))
    assert spec.service is not None
    assert spec.service.name == "standard.thing.service"
    assert spec.service.service_class is not None
    assert spec.service.service_class.__name__ == "Scales"
    assert (spec.graceful.method, spec.graceful.timeout) == ("cleanup_resources", 30.0)
    assert (spec.force.method, spec.force.timeout) == ("force_cleanup", 5.0)
    assert spec.router is not None
    assert not spec.initializes_service


@pytest.mark.parametrize("name", MANDATORY)
def test_a_missing_decorator_is_named(name: str) -> None:
    """A missing decorator is reported at the class."""
    line = next(line for line in DECORATORS.splitlines(True) if line.startswith(f"@{name}("))
    text = changed(line, "")
    finding = fault({"api.py": text})
    assert (finding.rule, finding.line) == ("missing-decorator", line_of("class ThingModule", text))
    assert finding.message == f"class 'ThingModule' lacks @{name}"


CASES = [
    (
        "class ThingModule(DataIntegrityModule)",
        "class ThingModule",
        "class ThingModule",
        "'ThingModule' does not inherit DataIntegrityModule.*core.module_base",
    ),
    (
        'MODULE_ID = "standard.thing"',
        'MODULE_ID = "standard.other"',
        "MODULE_ID",
        "MODULE_ID is 'standard.other', but it is loaded as 'standard.thing'.*modules/standard/o",
    ),
    (
        'MODULE_ID = "standard.thing"',
        'MODULE_ID = "Standard.Thing"',
        "MODULE_ID",
        "MODULE_ID: 'Standard.Thing' is not a module id.*did you mean 'standard'",
    ),
    ('MODULE_ID = "standard.thing"', "MODULE_ID = 5", "MODULE_ID", "5 is not a module id"),
    ('MODULE_ID = "standard.thing"', "", "class ThingModule", "has no MODULE_ID.*add MODULE_ID ="),
    (
        "async def cleanup_resources",
        "async def clean",
        "@graceful_shutdown",
        "@graceful_shutdown names 'cleanup_resources', and class 'ThingModule' has no such method",
    ),
    (
        "def force_cleanup",
        "def force_clean",
        "@force_shutdown",
        "names 'force_cleanup'.*did you mean 'force_clean'",
    ),
    ('"prepare", phase', '"prepair", phase', "@initialization_sequence", "did you mean 'prepare'"),
    ('operations("begin")', 'operations("MODULE_ID")', "@phase2_operations", "it is no method"),
    (
        "check_function=None",
        'interval=300, function="check_helth"',
        "@module_health_check",
        "names 'check_helth', and class 'ThingModule' has no such method",
    ),
    (
        'service_class="Scales"',
        'service_class="Scale"',
        "@auto_service",
        "no class 'Scale' in api.py.*did you mean 'Scales'",
    ),
    ('service_class="Scales"', "service_class=None", "@auto_service", "names no class"),
    ('service_class="Scales"', 'service_class="router"', "@auto_service", "'router' is no class"),
    (
        '"standard.thing.service", m',
        '"standard.other.service", m',
        "@register_service",
        "'standard.other.service', which is no name.*call it 'standard.thing.service'",
    ),
    (
        "router = APIRouter()",
        "",
        "@register_api",
        r"names 'router', and api.py has no such variable.*router = APIRouter\(\)",
    ),
    ("router = APIRouter()", "router = 5", "@register_api", "that is no APIRouter but of type int"),
    (
        '@force_shutdown(method="force_cleanup", timeout=5)',
        '@force_shutdown(method="force_cleanup", timeout=5)\n@force_shutdown()',
        "@force_shutdown()",
        "@force_shutdown stands twice on class 'ThingModule'",
    ),
]


@pytest.mark.parametrize(("old", "new", "at", "message"), CASES)
def test_a_fault_says_where_and_what_next(old: str, new: str, at: str, message: str) -> None:
    """A fault is reported at its decorator, constant or class, with a cure."""
    text = changed(old, new)
    finding = fault({"api.py": text})
    assert re.search(message, f"{finding.message}; {finding.cure}", re.DOTALL), str(finding)
    assert (finding.file, finding.line) == ("api.py", line_of(at, text))


def test_all_faults_come_at_once() -> None:
    """One load reports all faults."""
    text = changed('service_class="Scales"', 'service_class="Nothing"')
    text = changed("router = APIRouter()", "", text)
    rules = {finding.rule for finding in findings({"api.py": text})}
    assert rules == {"unknown-service-class", "missing-router"}


def test_a_cell_is_named_with_its_lines() -> None:
    """A finding in a cell names the cell and its line below the magic."""
    text = changed('service_class="Scales"', 'service_class="Scale"')
    cell = SourceFile(text, "/tmp/cell.py", 2, "Cell In[4]", "# %%module thing\n")
    finding = fault(Source("standard.thing", {"api.py": cell}, "cells"))
    assert finding.place == f"api.py, Cell In[4], line {line_of('@auto_service', text) + 1}"


@pytest.mark.parametrize("named", ["None", '"elsewhere"'])
def test_the_constant_wins_over_the_decorator(named: str) -> None:
    """A constant that contradicts a decorator wins, with a warning."""
    text = changed("database_name=None", f"database_name={named}")
    models = 'DATABASE_NAME = "weights"\n'
    (finding,) = findings({"api.py": text, "db_models.py": models})
    assert (finding.level, finding.line) == ("warning", line_of("@register_database"))
    assert "DATABASE_NAME = 'weights', which counts" in finding.message


def test_documentation_that_drifts_is_a_warning() -> None:
    """Documented parameters and types that don't match the method are warnings."""
    text = changed(
        'ServiceMethod("weigh")',
        'ServiceMethod("initialize", params=[ServiceParam("settings", "dict", required=False)], '
        'returns=ServiceReturn("Result"))',
    )
    text = changed("initialize(self)", "initialize(self) -> bool", text)
    warnings = findings({"api.py": text})
    assert [(warning.level, warning.line) for warning in warnings] == [
        ("warning", line_of("async def ini"))
    ] * 2
    assert "'settings' that it does not take" in warnings[0].message
    assert "documented to return Result and annotated with bool" in warnings[1].message


def test_optional_modules_are_not_required() -> None:
    """Optional modules start first if they are there, and the others are required."""
    text = changed(
        DECORATORS,
        "@requires_modules([{'modules': ['standard.a'], 'optional': True},\n"
        "                   {'modules': ['standard.b'], 'optional': False}])\n" + DECORATORS,
    )
    text = changed(
        'operations("begin")',
        'operations(methods=["begin"], dependencies=["standard.b.service"])',
        text,
    )
    with loaded({"api.py": text}) as found:
        assert found.spec.after_modules == ("standard.a",)
        assert found.spec.requires_modules == ("standard.b",)
        assert found.spec.requires_services == ("standard.b.service",)
        assert found.spec.phase2 == ("begin",)


def test_decorators_that_may_stand_twice_add_up() -> None:
    """Requirements and operations of repeated decorators all count."""
    decorators = (
        '@phase2_operations(methods=["prepare"])\n@require_services("standard.b.service")\n'
    )
    text = changed(DECORATORS, decorators + DECORATORS)
    with loaded({"api.py": text}) as found:
        assert found.spec.phase2 == ("prepare", "begin")
        assert found.spec.requires_services == ("standard.b.service",)


# -- which class ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "value = 1\n"])
def test_no_class_at_all(text: str) -> None:
    """A text without a module class is an error that says what the text has."""
    finding = fault({"api.py": text})
    assert (finding.rule, finding.file) == ("no-module-class", "api.py")
    assert "@module" in finding.cure


def test_two_classes() -> None:
    """A second module class is an error at its line."""
    finding = fault({"api.py": simple() + "\n\n@module\nclass Other:\n    pass\n"})
    assert finding.message == "there are 2 module classes: Thing, Other"
    assert finding.line == 10


def test_a_class_from_another_file_is_not_the_modules() -> None:
    """A module class that was imported is an error that names its file."""
    finding = fault({"api.py": "from .base import Thing\n", "base.py": simple()})
    assert "'Thing' is imported from base.py" in finding.message


def test_a_subclass_takes_over_what_its_base_says() -> None:
    """A subclass takes over the facts of a decorated base, and its own facts count first."""
    subclass = "@module_health_check(interval=9)\nclass Heavy(ThingModule):\n    pass\n"
    api = f"from .base import *\n\n\n{subclass}"
    with loaded({"api.py": api, "base.py": GUIDE, "extra.py": ""}) as found:
        assert found.spec.module_class.__name__ == "Heavy"
        assert found.spec.health.interval == 9
        assert found.spec.phase2 == ("begin",)


def test_an_undecorated_subclass_beside_its_base() -> None:
    """Of a decorated class and its plain subclass the decorated one is the module."""
    with loaded({"api.py": simple() + "\n\nclass Other(Thing):\n    pass\n"}) as found:
        assert found.spec.module_class.__name__ == "Thing"


@pytest.mark.parametrize("where", ["services.py", "deep/services.py"])
def test_a_service_class_is_found_wherever_it_stands(where: str) -> None:
    """A service class is found in a file that ``api.py`` doesn't import."""
    scales = GUIDE[GUIDE.index("class Scales") : GUIDE.index("@inject")]
    texts = {"api.py": changed(scales, ""), where: scales}
    with loaded(texts) as found:
        assert found.spec.service is not None
        assert found.spec.service.service_class is not None


# -- the short form ------------------------------------------------------------------------------


def test_the_short_form_takes_the_guides_decorators_too() -> None:
    """The guide's decorators count in the short form too, and nothing is missing there."""
    head = "from modframe.decorators import graceful_shutdown, require_services"
    text = simple("def weigh(self): return 1", head=head)
    text = text.replace(
        "@module", "@graceful_shutdown(timeout=2)\n@require_services('core.x.y')\n@module"
    )
    with loaded({"api.py": text}) as found:
        assert (found.spec.graceful.method, found.spec.graceful.timeout) == (None, 2.0)
        assert found.spec.requires_services == ("core.x.y",)
        assert found.spec.initializes_service


def test_a_router_that_is_none_is_a_warning_under_the_short_form() -> None:
    """A variable ``router`` that is no router is a warning in the short form."""
    (finding,) = findings({"api.py": simple(head="router = []")})
    assert (finding.rule, finding.level, finding.line) == ("no-router", "warning", 2)


async def test_the_guides_form_runs(app: AppContext) -> None:
    """A module in the guide's form goes live, and its service answers."""
    app.load({"api.py": GUIDE}, id="thing")
    assert await app.get_service("thing").weigh() == 7
