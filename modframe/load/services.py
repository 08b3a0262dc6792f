"""Which service a module registers: its name, its class, its documented methods."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from ..spec import Fact, ServiceSpec
from ..wording import near, otherwise
from .facts import Facts, Notes
from .methods import public_methods


class Services:
    """Reads the service of one executed module; what is wrong goes to the notes."""

    def __init__(self, module_id: str, modules: Mapping[str, ModuleType], notes: Notes) -> None:
        self._module_id = module_id
        self._modules = modules
        self._notes = notes

    def guide(self, facts: Facts) -> ServiceSpec | None:
        """The service of the guide's form."""
        created, registered = facts.first("auto_service_creation"), facts.first("register_service")
        wanted = created.values["service_class"] if created else None
        cls = self.class_named(wanted, at=created) if wanted else None
        if registered is None:
            return None
        if created is not None and wanted is None:
            self._notes.error(
                "no-service-class",
                f"@auto_service_creation names no class, so {registered.values['name']!r} would "
                "be nothing",
                "write service_class= and the name of the service's class",
                at=created,
            )
        return self._spec(registered, cls)

    def short(self, cls: type, facts: Facts) -> ServiceSpec | None:
        """The service of the short form: named, or the module class itself if it has methods."""
        at = facts.first("module")
        wanted = facts.value("module", "service")
        if wanted is None:
            at = facts.first("auto_service_creation")
            wanted = facts.value("auto_service_creation", "service_class")
        found: type | None = None
        if wanted is not None:
            found = self.class_named(wanted, at=at)
        elif any(True for _ in public_methods(cls)):
            found = cls
        registered = facts.first("register_service")
        if registered is not None:
            return self._spec(registered, found)
        return ServiceSpec(f"{self._module_id}.service", found) if found else None

    def _spec(self, registered: Fact, cls: type | None) -> ServiceSpec:
        name = registered.values["name"]
        if not name.startswith(f"{self._module_id}.") or name == f"{self._module_id}.":
            self._notes.error(
                "service-name",
                f"the service is called {name!r}, which is no name for one of {self._module_id!r}",
                f"call it '{self._module_id}.service'",
                at=registered,
            )
        methods = {one.name: one for one in registered.values["methods"]}
        return ServiceSpec(name, cls, methods, registered.values["priority"])

    def class_named(self, wanted: str | type, *, at: Fact | None) -> type | None:
        """A class by its name, in ``api.py`` first, then ``services.py``, then any other file."""
        if isinstance(wanted, type):
            return wanted
        order = sorted(self._modules, key=lambda file: (file != "api.py", file != "services.py"))
        there: object = None
        for file in order:
            found = vars(self._modules[file]).get(wanted)
            if isinstance(found, type):
                return found
            there = there if found is None else found
        own = [
            name
            for module in self._modules.values()
            for name, value in vars(module).items()
            if isinstance(value, type) and value.__module__ == module.__name__
        ]
        hint = near(wanted, own)
        files = ", ".join(sorted(self._modules))
        self._notes.error(
            "unknown-service-class",
            f"there is no class {wanted!r} in {files}"
            if there is None
            else f"{wanted!r} is no class but {there!r}",
            otherwise(hint, "write the class, or name the one there is"),
            at=at if at is not None else "",
        )
        return None
