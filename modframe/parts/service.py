"""Service: the module's instance, its phases, its service, and the way it is stopped.

Entering is phase 1: make the module, run its phase-1 methods, make the service. Starting is
phase 2. Leaving stops it: gracefully within its bound, else by force within the other.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import typing
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from ..errors import ModframeError
from ..load.methods import public_methods, signature_text
from ..runtime.bounds import OverdueError, bounded
from ..runtime.failure import refuse_bad_outcome
from ..runtime.generation import Generation
from ..runtime.owner import activation_of
from ..runtime.part import Part
from ..spec import ShutdownSpec, type_name

_log = logging.getLogger("modframe.service")
_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


class Settings(Protocol):
    """What the service needs of a generation's settings."""

    @property
    def value(self) -> Any:
        """The instance of the module's model; ``None`` without one."""

    def finish(self) -> None:
        """Raise what went wrong with them in phase 1."""


class Service:
    """What the part keeps of a generation.

    Attributes:
        facts: What `ServicePart.describe` returns; made when it is first asked for.
        activation: The rest of an ``activate`` that is an async generator.
    """

    __slots__ = ("activation", "facts")

    def __init__(self) -> None:
        self.facts: dict[str, Any] | None = None
        self.activation: AsyncGenerator[Any, Any] | None = None


class ServicePart(Part[Service]):
    """Makes and stops the instances of a generation.

    Args:
        hurry: Once set, graceful stops end at once and force follows.
        settings_of: Returns the settings of a generation.
    """

    name = "service"

    def __init__(
        self, hurry: asyncio.Event, settings_of: Callable[[Generation], Settings | None]
    ) -> None:
        self._hurry = hurry
        self._settings_of = settings_of

    @asynccontextmanager
    async def enter(self, generation: Generation) -> AsyncIterator[Service]:
        spec = generation.spec
        settings = self._settings_of(generation)
        generation.module = make(spec.module_class, app_context=generation.context)
        try:
            for name in spec.phase1:
                await _phase(generation, name, "phase1")
            if settings is not None:
                settings.finish()
            self._make_service(generation, settings)
            yield Service()
        except BaseException as fault:
            try:
                await self._stop(generation)
            except ModframeError as error:  # why it failed to start is what matters
                fault.add_note(f"and it did not stop cleanly: {error}")
            raise
        else:
            await self._stop(generation)

    @staticmethod
    def _make_service(generation: Generation, settings: Settings | None) -> None:
        spec = generation.spec.service
        if spec is None or spec.service_class is None:
            return  # it is the module alone, and has no callers
        values = {"app_context": generation.context}
        if settings is not None and settings.value is not None:
            values["settings"] = settings.value
        if spec.service_class is generation.spec.module_class:
            instance = generation.module
            _fill(instance, values)
        else:
            instance = make(spec.service_class, **values)
            generation.module.service_instance = instance
        generation.own_services[spec.name] = instance
        generation.offer({})

    def starts(self, generation: Generation) -> bool:
        """Whether it has anything to do in phase 2."""
        spec = generation.spec
        return bool(spec.phase2) or (
            spec.initializes_service and generation.hook("initialize") is not None
        )

    async def start(self, generation: Generation) -> None:
        """Phase 2, and under the short form the service's own ``initialize``."""
        for name in generation.spec.phase2:
            await _phase(generation, name, "phase2")
        if generation.spec.initializes_service:
            for instance in generation.own_services.values() or [generation.module]:
                initialize = getattr(instance, "initialize", None)
                if callable(initialize):
                    await _checked(initialize, "initialize()")

    def activates(self, generation: Generation) -> bool:
        """Whether the module has an ``activate``."""
        return generation.hook("activate") is not None

    async def activate(self, generation: Generation) -> None:
        """Run the hook; as an async generator it is run to its ``yield``, and on when it ends."""
        hook = generation.hook("activate")
        with activation_of(generation.package_name):
            outcome = hook()
            if inspect.isasyncgen(outcome):
                if (service := self.of(generation)) is not None:
                    service.activation = outcome
                await anext(outcome, None)
                return
            if hasattr(outcome, "__await__"):
                outcome = await outcome
        refuse_bad_outcome(outcome, "activate()")

    async def retire(self, generation: Generation) -> None:
        """Let what stands behind the ``yield`` of ``activate`` end what it began."""
        service = self.of(generation)
        if service is not None and (activation := service.activation) is not None:
            service.activation = None
            await bounded(
                lambda: _finished(activation),
                generation.spec.graceful.timeout,
                what="activate(), behind its yield",
                hurry=self._hurry,
            )

    async def _stop(self, generation: Generation) -> None:
        spec = generation.spec
        graceful = _bound_method(generation, spec.graceful)
        force = _bound_method(generation, spec.force)
        late = ""
        deaf: asyncio.Task[Any] | None = None
        if graceful is not None:
            try:
                await bounded(
                    graceful,
                    spec.graceful.timeout,
                    what=f"{spec.graceful.method}()",
                    hurry=self._hurry,
                )
            except OverdueError as error:
                late, deaf = str(error), error.left_behind
                _log.warning("%s: %s; force follows", spec.module_id, late)
            except Exception as error:  # noqa: BLE001  # the module's own; it is said and forced
                late = f"{spec.graceful.method}() raised {error!r}"
                _log.exception("%s: %s; force follows", spec.module_id, late)
        if force is not None and late:
            await _force(generation, force, late)
        if deaf is not None and not deaf.done():
            raise ModframeError(
                late,
                cure="let CancelledError out of it; it can be loaded again",
                subject=spec.module_id,
            )

    def describe(self, generation: Generation) -> dict[str, Any]:
        """The services with their methods, for views and forms; made at the first look, and kept.

        Each parameter has its type as text, as JSON Schema (``{}`` if it has none), and its
        default as JSON.
        """
        service = self.of(generation)
        if service is None:
            return {}
        if service.facts is None:
            service.facts = self._described(generation)
        return service.facts

    @staticmethod
    def _described(generation: Generation) -> dict[str, Any]:
        documented = generation.spec.service.methods if generation.spec.service else {}
        found: dict[str, Any] = {}
        for name, instance in generation.own_services.items():
            methods = []
            for key, method in public_methods(type(instance), documented):
                about = documented.get(key)
                doc = about.description if about else (inspect.getdoc(method) or "")
                methods.append(
                    {
                        "name": key,
                        "signature": signature_text(getattr(instance, key)),
                        "description": doc.split("\n\n")[0],
                        "documented": about is not None,
                        "params": _params(getattr(instance, key)),
                    }
                )
            found[name] = {"class": type(instance).__qualname__, "methods": methods}
        return found


def make(cls: type, **values: Any) -> Any:
    """An instance whose attributes are there before ``__init__`` runs, which gets what it takes."""
    instance: Any = cls.__new__(cls)  # type: ignore[call-overload]  # mypy thinks of metaclasses
    _fill(instance, values)
    if inspect.getattr_static(cls, "__init__") is object.__init__:
        return instance  # takes nothing; reading a built-in's signature is slow
    parameters = _signature(cls).parameters
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    given = {name: value for name, value in values.items() if takes_any or name in parameters}
    instance.__init__(**given)
    for name, value in values.items():
        if getattr(instance, name, None) is None:
            _fill(instance, {name: value})
    return instance


def _fill(instance: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        try:
            setattr(instance, name, value)
        except AttributeError:
            continue  # __slots__, or a property of the author's: it has no place for it


def _signature(method: Any) -> inspect.Signature:
    try:
        return inspect.signature(method)
    except (TypeError, ValueError):
        return inspect.Signature()


def _params(method: Any) -> list[dict[str, Any]]:
    hints = _hints(method)
    return [
        {
            "name": one.name,
            "type": "" if one.annotation is one.empty else type_name(one.annotation),
            "schema": _schema(hints.get(one.name, one.annotation)),
            "required": one.default is one.empty,
            "default": None if one.default is one.empty else _json(one.default),
        }
        for one in _signature(method).parameters.values()
        if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]


def _hints(method: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(inspect.unwrap(method), include_extras=True)
    except Exception:  # noqa: BLE001  # the author's annotations: what leads nowhere has no schema
        return {}


def _schema(hint: Any) -> dict[str, Any]:
    """A type as JSON Schema; empty if it is none that pydantic knows."""
    if hint is inspect.Parameter.empty or isinstance(hint, str):
        return {}
    if isinstance(hint, type) and hint in _JSON_TYPES:
        return {"type": _JSON_TYPES[hint]}
    from pydantic import TypeAdapter
    from pydantic.json_schema import GenerateJsonSchema

    class Quiet(GenerateJsonSchema):
        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012  # pydantic's own

    try:
        return TypeAdapter(hint).json_schema(schema_generator=Quiet)
    except Exception:  # noqa: BLE001  # a module's types are its own: any may refuse
        return {}


def _json(value: Any) -> Any:
    """A default as JSON says it; as its text if it can't be said so."""
    from pydantic_core import to_jsonable_python

    try:
        return to_jsonable_python(value, fallback=repr)
    except Exception:  # noqa: BLE001  # the author's object, whose repr may fail too
        return f"<{type(value).__name__}>"


async def _phase(generation: Generation, name: str, phase: str) -> None:
    method = getattr(generation.module, name)
    await _checked(method, f"{phase} {name}()")


async def _finished(active: AsyncGenerator[Any, None]) -> None:
    try:
        await anext(active)
    except StopAsyncIteration:
        return
    finally:
        await active.aclose()
    raise ModframeError(
        "activate() yields twice", cure="yield once: what starts stands above it, what ends below"
    )


async def _checked(method: Callable[[], Any], what: str) -> None:
    outcome = method()
    if hasattr(outcome, "__await__"):
        outcome = await outcome
    refuse_bad_outcome(outcome, what)


def _bound_method(generation: Generation, spec: ShutdownSpec) -> Callable[[], Any] | None:
    if spec.method is None:
        return None
    for owner in (generation.module, *generation.own_services.values()):
        method = getattr(owner, spec.method, None)
        if callable(method):
            return method  # type: ignore[no-any-return]  # the author's own method
    return None


async def _force(generation: Generation, force: Callable[[], Any], late: str) -> None:
    spec = generation.spec
    what = f"{spec.force.method}()"
    try:
        await bounded(force, spec.force.timeout, what=what)
    except Exception as error:  # reported as the module's failure to unload
        said = str(error) if isinstance(error, OverdueError) else f"{what} failed: {error!r}"
        raise ModframeError(
            f"{late}; then {said}",
            cure="the module may hold on to something; it can be loaded again",
            subject=spec.module_id,
        ) from error
