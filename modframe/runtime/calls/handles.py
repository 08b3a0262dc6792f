"""`Handles`: returns the handle of a service, by name or class.

People have one; each module has its own, which finds other generations.
"""

from __future__ import annotations

import difflib
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from ...errors import ServiceNotFoundError
from ...names import module_id_in
from ...observe import Numbers
from ...spec import module_of_service
from ..loop.app_loop import AppLoop
from ..traces import shorten_traceback
from .handle import Explain, Find, Handle, Target, forget_methods


@dataclass(eq=False, repr=False)
class Handles:
    """The handles that people or one module use, made on first use.

    Attributes:
        names: Returns the names of all modules, to suggest the nearest.
        numbers: Counts the calls.
        own: The module that uses the handles; its calls of itself wait at no gate.
        made: Module id → all handles of its service in the app.
    """

    app_loop: AppLoop
    find: Find
    explain: Explain
    names: Callable[[], Iterable[str]]
    numbers: Numbers
    own: str = ""
    made: dict[str, weakref.WeakSet[Handle]] = field(default_factory=dict)
    _handles: dict[Any, Handle] = field(init=False, default_factory=dict)

    def get(self, name: Any) -> Handle:
        """Return the handle of a service by name or class.

        Raises:
            ServiceNotFoundError: If no module has such a service.
            ServiceUnavailableError: If its module isn't live.
        """
        try:
            return self._handles[name]
        except (KeyError, TypeError):
            pass  # a new name, or an object that can't be one; raising here would chain the errors
        try:
            return self._make(name)
        except BaseException as error:
            shorten_traceback(error)
            raise

    def service_of(self, name: Any) -> str:
        """Return the full name of the service that a name or class means; raises as `get` does."""
        return self.get(name)._handle.service

    def _make(self, name: Any) -> Handle:
        text = _module_of_class(name) if isinstance(name, type) else name
        if not isinstance(text, str):
            raise ServiceNotFoundError(
                f"{name!r} is neither a service's name nor its class",
                cure="give a name such as 'standard.orders.service'",
            )
        module_id = module_of_service(text)
        generation = self.find(module_id)
        if generation is None:
            raise self.explain(text)
        service = generation.spec.service
        if service is None:
            raise ServiceNotFoundError(
                f"{module_id} has no service",
                cure="give its class public methods, or register a service with @register_service",
                name=text,
            )
        if text.count(".") > 1 and text != service.name:
            raise not_found_error(text, [service.name, *self.names()])
        own = module_id == self.own
        handle = Handle(
            Target(
                self.app_loop,
                self.find,
                self.explain,
                module_id,
                service.name,
                own,
                self.numbers,
            )
        )
        self.made.setdefault(module_id, weakref.WeakSet()).add(handle)
        if not isinstance(name, type):  # a key would keep the class, and with it its generation
            self._handles[name] = handle
        return handle

    def for_module(self, find: Find, own: str) -> Handles:
        """Return the handles of one module, which finds other generations than people do."""
        return replace(self, find=find, own=own)

    def refresh(self, module_ids: Iterable[str]) -> None:
        """Let the handles of these modules look up their methods again."""
        for module_id in module_ids:
            for handle in list(self.made.get(module_id, ())):
                forget_methods(handle)


def not_found_error(name: str, names: Iterable[str]) -> ServiceNotFoundError:
    """Return the error for an unknown name; it suggests the nearest names."""
    known = list(dict.fromkeys(names))
    spellings = {spelling: full for full in known for spelling in (full, *full.split(".")[1:2])}
    near = difflib.get_close_matches(name, spellings, n=3, cutoff=0.6)
    suggestions = list(dict.fromkeys(spellings[spelling] for spelling in near))
    if suggestions:
        cure = f"did you mean {' or '.join(map(repr, suggestions))}?"
    elif known:
        cure = f"there are: {', '.join(sorted(known)[:10])}"
    else:
        cure = "no module is live yet; write one in a %%module cell or below modules/"
    return ServiceNotFoundError(f"no service is called {name!r}", cure=cure, name=name)


def _module_of_class(cls: type) -> str:
    module_id = module_id_in(cls.__module__)
    if not module_id:
        raise ServiceNotFoundError(
            f"class {cls.__qualname__!r} belongs to no module",
            cure="give the service's name instead",
        )
    return module_id
