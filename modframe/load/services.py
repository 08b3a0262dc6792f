"""`ServiceReader`: reads which service a module registers: name, class, documented methods.

Called by the reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from ..spec import Fact, ServiceSpec
from ..wording import near, otherwise
from .class_facts import ClassFacts, Findings
from .methods import public_methods


class ServiceReader:
    """Reads the service of one executed module, and adds findings about it."""

    def __init__(self, modules: Mapping[str, ModuleType], findings: Findings) -> None:
        self._module_id = findings.source.module_id
        self._modules = modules
        self._findings = findings

    def read_guide_form(self, facts: ClassFacts) -> ServiceSpec | None:
        """Return the service of a module in the guide's form."""
        created, registered = facts.get("auto_service_creation"), facts.get("register_service")
        wanted = created.values["service_class"] if created else None
        cls = self.find_class(wanted, at=created) if wanted else None
        if registered is None:
            return None
        if created is not None and wanted is None:
            self._findings.add(
                "no-service-class",
                f"@auto_service_creation names no class, so {registered.values['name']!r} would "
                "be nothing",
                "write service_class= and the name of the service's class",
                at=created,
            )
        return self._spec(registered, cls)

    def read_short_form(self, cls: type, facts: ClassFacts) -> ServiceSpec | None:
        """Return the service of the short form: the named class or the module class."""
        at, wanted = facts.get("module"), facts.arguments("module").get("service")
        if wanted is None:
            at = facts.get("auto_service_creation")
            wanted = facts.arguments("auto_service_creation").get("service_class")
        service_class: type | None = None
        if wanted is not None:
            service_class = self.find_class(wanted, at=at)
        elif any(True for _ in public_methods(cls)):
            service_class = cls
        registered = facts.get("register_service")
        if registered is not None:
            return self._spec(registered, service_class)
        return ServiceSpec(f"{self._module_id}.service", service_class) if service_class else None

    def _spec(self, registered: Fact, cls: type | None) -> ServiceSpec:
        name = registered.values["name"]
        if not name.startswith(f"{self._module_id}.") or name == f"{self._module_id}.":
            self._findings.add(
                "service-name",
                f"the service is called {name!r}, which is no name for one of {self._module_id!r}",
                f"call it '{self._module_id}.service'",
                at=registered,
            )
        methods = {method.name: method for method in registered.values["methods"]}
        return ServiceSpec(name, cls, methods, registered.values["priority"])

    def find_class(self, wanted: str | type, *, at: Fact | None) -> type | None:
        """Return a class by name, from ``api.py``, else ``services.py``, else any other file."""
        if isinstance(wanted, type):
            return wanted
        order = sorted(self._modules, key=lambda file: (file != "api.py", file != "services.py"))
        values = [vars(self._modules[file]).get(wanted) for file in order]
        for value in values:
            if isinstance(value, type):
                return value
        others = [value for value in values if value is not None]
        own = [
            name
            for module in self._modules.values()
            for name, value in vars(module).items()
            if isinstance(value, type) and value.__module__ == module.__name__
        ]
        message = f"there is no class {wanted!r} in {', '.join(sorted(self._modules))}"
        self._findings.add(
            "unknown-service-class",
            f"{wanted!r} is no class but {others[-1]!r}" if others else message,
            otherwise(near(wanted, own), "write the class, or name the one there is"),
            at=at or "",
        )
        return None
