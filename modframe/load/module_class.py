"""Finds the class that is the module, among those ``api.py`` defines."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from ..spec import FACTS
from .class_facts import MANDATORY, Findings

BASE = "DataIntegrityModule"


def is_framework_base(cls: type) -> bool:
    """Whether a class is the guide's base class of modules."""
    return cls.__name__ == BASE and cls.__module__ == "modframe.module_base"


def find_module_class(modules: Mapping[str, ModuleType], findings: Findings) -> type | None:
    """The module class; ``None`` where the findings say why there is none.

    It is the one class of ``api.py`` that has decorators, else the one that inherits them.
    """
    namespace = vars(modules["api.py"])
    classes = [one for one in dict.fromkeys(map(_class, namespace.values())) if one is not None]
    own = [one for one in classes if one.__module__ == namespace["__name__"]]
    decorated = [one for one in own if FACTS in vars(one)]
    found = decorated or [one for one in own if hasattr(one, FACTS)]
    if len(found) > 1:
        names = ", ".join(one.__name__ for one in found)
        findings.error(
            "several-module-classes",
            f"there are {len(found)} module classes: {names}",
            "keep one here, and make each other one a module of its own",
            at=found[1].__name__,
        )
        return None
    if found:
        return found[0]
    bare = next((one for one in own if any(map(is_framework_base, one.__mro__))), None)
    if bare is not None:
        report_missing_decorators(bare, MANDATORY, findings)
        return None
    elsewhere = next((one for one in classes if FACTS in vars(one)), None)
    hint = _where(elsewhere, modules) if elsewhere is not None else ""
    findings.error(
        "no-module-class",
        f"there is no module class{hint}",
        f"write one here, under @module, or under the guide's decorators and derived from {BASE}",
    )
    return None


def report_missing_decorators(cls: type, missing: tuple[str, ...], findings: Findings) -> None:
    """Note which decorators of the guide's form a class lacks."""
    listed = ", ".join(f"@{one}" for one in missing)
    findings.error(
        "missing-decorator",
        f"class {cls.__name__!r} lacks {listed}",
        "add what is missing, or use @module, the short form of all of them",
        at=cls.__name__,
    )


def _class(value: object) -> type | None:
    return value if isinstance(value, type) else None


def _where(cls: type, modules: Mapping[str, ModuleType]) -> str:
    for file, module in modules.items():
        if module.__name__ == cls.__module__:
            return (
                f"; {cls.__name__!r} is imported from {file}, and api.py is where it has to stand"
            )
    return f"; {cls.__name__!r} is imported, so it is another module's"
