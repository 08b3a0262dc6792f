"""MF2..: the module class in the guide's form: decorators, facts, phases and the ways to stop.

Called by `check`; the rules read what the load told.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator

from ...load.class_facts import MANDATORY
from ...spec import FACTS
from .parsed import ParsedModule
from .rule import Hit, Rule


def _decorator_order(module: ParsedModule) -> Iterator[Hit]:
    facts = getattr(module.spec.module_class, FACTS, ())
    decorators = [fact.decorator for fact in facts if fact.decorator in MANDATORY]
    for earlier, later in itertools.pairwise(dict.fromkeys(decorators)):
        if MANDATORY.index(later) < MANDATORY.index(earlier):
            yield Hit(f"@{later} comes later than in the guide's order", module.class_place)
            return


def _facts(module: ParsedModule) -> Iterator[Hit]:
    cls = module.spec.module_class
    for name in ("MODULE_VERSION", "MODULE_DESCRIPTION"):
        if name not in vars(cls):
            message = f"class {cls.__name__!r} has no {name}"
            yield Hit(message, module.class_place, f"add {name} = '...'")


def _phase1(module: ParsedModule) -> Iterator[Hit]:
    if not module.spec.phase1:
        name = module.spec.module_class.__name__
        yield Hit(f"class {name!r} has no phase-1 method", module.class_place)


def _missing_cleanup(module: ParsedModule) -> Iterator[Hit]:
    for decorator, default, stop in (
        ("graceful_shutdown", "cleanup_resources", module.spec.graceful),
        ("force_shutdown", "force_cleanup", module.spec.force),
    ):
        if stop.method is None:
            cure = f"write {default}() and name it"
            yield Hit(f"@{decorator} names no method", module.class_place, cure)


def _cleanup_not_async(module: ParsedModule) -> Iterator[Hit]:
    name = module.spec.graceful.method
    if name and not _is_async(module, name):
        message = f"{name}() is the graceful way to stop and isn't async"
        yield Hit(message, module.place_of(name), f"write it as async def {name}(self)")


def _force_cleanup_async(module: ParsedModule) -> Iterator[Hit]:
    name = module.spec.force.method
    if name and _is_async(module, name):
        message = f"{name}() is the last resort, and waits: it is async"
        yield Hit(message, module.place_of(name), f"write it as def {name}(self)")


def _is_async(module: ParsedModule, name: str) -> bool:
    return inspect.iscoroutinefunction(getattr(module.spec.module_class, name, None))


RULES = (
    Rule(
        "MF201",
        "decorator-order",
        "warning",
        what="The decorators of the module class stand in another order than the guide's.",
        why="Everybody finds the same fact at the same place of every module.",
        example='@register_service("standard.orders.service", methods=[...])\n'
        '@inject_dependencies("app_context")\nclass OrdersModule(DataIntegrityModule): ...',
        cure=f"order them as {', '.join(f'@{name}' for name in MANDATORY)}",
        cured='@inject_dependencies("app_context")\n'
        '@register_service("standard.orders.service", methods=[...])\n'
        "class OrdersModule(DataIntegrityModule): ...",
        check=_decorator_order,
        about="guide",
    ),
    Rule(
        "MF202",
        "module-facts",
        "warning",
        what="The module class has no `MODULE_VERSION` or no `MODULE_DESCRIPTION`.",
        why="Lists, the cockpit and a state that is handed over show the version; the "
        "description says to others what the module is for.",
        example='class OrdersModule(DataIntegrityModule):\n    MODULE_ID = "standard.orders"',
        cure="add it to the class",
        cured='class OrdersModule(DataIntegrityModule):\n    MODULE_ID = "standard.orders"\n'
        '    MODULE_VERSION = "1.0.0"\n    MODULE_DESCRIPTION = "Takes orders"',
        check=_facts,
        about="guide",
    ),
    Rule(
        "MF203",
        "phase1",
        "warning",
        what="No method is named for phase 1.",
        why="Phase 1 is where a module registers its settings, before any service starts.",
        example="@initialization_sequence()",
        cure="name one: @initialization_sequence('setup_infrastructure', phase='phase1')",
        cured='@initialization_sequence("setup_infrastructure", phase="phase1")',
        check=_phase1,
        about="guide",
    ),
    Rule(
        "MF204",
        "missing-cleanup",
        "warning",
        what="`@graceful_shutdown` or `@force_shutdown` names no method.",
        why="A module is stopped at every swap. What its service opened stays open without a "
        "cleanup.",
        example="@graceful_shutdown(method=None, timeout=30)",
        cure="write the method and name it",
        cured='@graceful_shutdown(method="cleanup_resources", timeout=30)',
        check=_missing_cleanup,
        about="guide",
    ),
    Rule(
        "MF205",
        "cleanup-not-async",
        "warning",
        what="The method for the graceful stop is not async.",
        why="A graceful stop waits for what is under way; a plain method would keep the app loop.",
        example="def cleanup_resources(self): ...",
        cure="write it as async def",
        cured="async def cleanup_resources(self): ...",
        check=_cleanup_not_async,
        about="guide",
    ),
    Rule(
        "MF206",
        "force-cleanup-async",
        "warning",
        what="The method for the forced stop is async.",
        why="It is called when waiting took too long already, so it must not wait.",
        example="async def force_cleanup(self): ...",
        cure="write it as def",
        cured="def force_cleanup(self): ...",
        check=_force_cleanup_async,
        about="guide",
    ),
)
