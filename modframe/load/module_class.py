"""Finds the module class among the classes that ``api.py`` defines; called by the reader."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from ..spec import FACTS
from .class_facts import MANDATORY, Findings

BASE = "DataIntegrityModule"


def is_framework_base(cls: type) -> bool:
    """Return whether a class is the guide's base class of modules."""
    return cls.__name__ == BASE and cls.__module__ == "modframe.module_base"


def find_module_class(modules: Mapping[str, ModuleType], findings: Findings) -> type | None:
    """Return the module class, or ``None`` and add a finding that says why there is none.

    It is the one class of ``api.py`` that has decorators, else the one that inherits them.
    """
    namespace = vars(modules["api.py"])
    classes = list(dict.fromkeys(cls for cls in namespace.values() if isinstance(cls, type)))
    own = [cls for cls in classes if cls.__module__ == namespace["__name__"]]
    decorated = [cls for cls in own if FACTS in vars(cls)]
    candidates = decorated or [cls for cls in own if hasattr(cls, FACTS)]
    if len(candidates) > 1:
        names = ", ".join(cls.__name__ for cls in candidates)
        findings.add(
            "several-module-classes",
            f"there are {len(candidates)} module classes: {names}",
            "keep one here, and make each other one a module of its own",
            at=candidates[1].__name__,
        )
        return None
    if candidates:
        return candidates[0]
    undecorated = next((cls for cls in own if any(map(is_framework_base, cls.__mro__))), None)
    if undecorated is not None:
        report_missing_decorators(undecorated, MANDATORY, findings)
        return None
    imported = next((cls for cls in classes if FACTS in vars(cls)), None)
    hint = ""
    if imported is not None:
        home = next((file for file in modules if modules[file].__name__ == imported.__module__), "")
        where = ", so it is another module's"
        if home:
            where = f" from {home}, and api.py is where it has to stand"
        hint = f"; {imported.__name__!r} is imported{where}"
    findings.add(
        "no-module-class",
        f"there is no module class{hint}",
        f"write one here, under @module, or under the guide's decorators and derived from {BASE}",
    )
    return None


def report_missing_decorators(cls: type, missing: tuple[str, ...], findings: Findings) -> None:
    """Add a finding that lists the decorators of the guide's form that a class lacks."""
    listed = ", ".join(f"@{name}" for name in missing)
    findings.add(
        "missing-decorator",
        f"class {cls.__name__!r} lacks {listed}",
        "add what is missing, or use @module, the short form of all of them",
        at=cls.__name__,
    )
