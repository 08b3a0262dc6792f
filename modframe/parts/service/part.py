"""The service part: makes the module and its service, runs their phases, and stops them.

Entering is phase 1: make the module, run its phase-1 methods, make the service. Starting is
phase 2. Leaving stops it: gracefully within one timeout, or else by force within another.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol

from ...errors import ModframeError
from ...load.methods import names_of_parameters
from ...observe import record_failure, span
from ...runtime.failure import refuse_bad_outcome
from ...runtime.generation import Generation, Step
from ...runtime.loop.bounds import OverdueError, run_module_code, run_plain, run_with_timeout
from ...runtime.owner import activation_of
from ...runtime.ownership import callable_package, find_method
from ...runtime.part import Panel, Part
from ...spec import ShutdownSpec
from .injected import injected_into
from .methods import describe_services, short_names
from .words import TAB, panels_of_words


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
        activation: The rest of an ``activate`` that is an async generator.
    """

    __slots__ = ("activation",)

    def __init__(self) -> None:
        self.activation: AsyncGenerator[Any, Any] | None = None


class ServicePart(Part[Service]):
    """Makes and stops the instances of a generation.

    Args:
        hurry: Once set, graceful stops end at once and force follows.
        settings_of: Returns the settings of a generation.
    """

    name = "service"
    describes_once = True

    def __init__(
        self, hurry: asyncio.Event, settings_of: Callable[[Generation], Settings | None]
    ) -> None:
        self._hurry = hurry
        self._settings_of = settings_of

    @asynccontextmanager
    async def enter(self, generation: Generation) -> AsyncIterator[Service]:
        spec = generation.spec
        settings = self._settings_of(generation)
        generation.step = Step(spec.module_class, "phase 1")
        generation.module = await _make(
            spec.module_class,
            injected_into(generation, spec.module_class),
            app_context=generation.context,
        )
        generation.step = None
        try:
            for name in spec.phase1:
                await _run_phase(generation, getattr(generation.module, name), "phase 1")
            if settings is not None:
                settings.finish()
            await self._make_service(generation, settings)
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
    async def _make_service(generation: Generation, settings: Settings | None) -> None:
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
            generation.step = Step(spec.service_class, "end of phase 1")
            injected = injected_into(generation, spec.service_class)
            instance = await _make(spec.service_class, injected, **values)
            generation.step = None
            generation.module.service_instance = instance
        generation.own_services[spec.name] = instance
        generation.expose_services({})

    def starts(self, generation: Generation) -> bool:
        """Return whether the module has phase-2 methods, or a service to initialize."""
        spec = generation.spec
        return bool(spec.phase2) or (
            spec.initializes_service and generation.find_hook("initialize") is not None
        )

    async def start(self, generation: Generation) -> None:
        """Run the phase-2 methods and, for the short form, the service's ``initialize``."""
        for name in generation.spec.phase2:
            await _run_phase(generation, getattr(generation.module, name), "phase 2")
        if generation.spec.initializes_service:
            for instance in generation.own_services.values() or [generation.module]:
                if (initialize := find_method(instance, "initialize")) is not None:
                    await _run_phase(generation, initialize, "phase 2")

    def activates(self, generation: Generation) -> bool:
        """Return whether the module or its service has an ``activate``."""
        return generation.find_hook("activate") is not None

    async def activate(self, generation: Generation) -> None:
        """Run ``activate``; one that is an async generator runs up to its ``yield``."""
        hook = generation.find_hook("activate")
        with activation_of(generation.package_name):
            outcome = await run_module_code(hook)
            if inspect.isasyncgen(outcome):
                if (service := self.of(generation)) is not None:
                    service.activation = outcome
                await anext(outcome, None)
                return
        refuse_bad_outcome(outcome, "activate()")

    async def retire(self, generation: Generation) -> None:
        """Run what follows the ``yield`` of ``activate``, which ends what it started."""
        service = self.of(generation)
        if service is not None and (activation := service.activation) is not None:
            service.activation = None
            await run_with_timeout(
                lambda: _finish_activation(activation),
                generation.spec.graceful.timeout,
                what="activate(), behind its yield",
                hurry=self._hurry,
            )

    async def _stop(self, generation: Generation) -> None:
        """Run the graceful stop; if it fails or takes too long, the forced one.

        Raises:
            ModframeError: If the module did not stop.
        """
        spec = generation.spec
        graceful = _bound_method(generation, spec.graceful)
        force = _bound_method(generation, spec.force)
        fault = ""
        overdue: OverdueError | None = None
        if graceful is not None:
            try:
                await run_with_timeout(
                    lambda: run_module_code(graceful),
                    spec.graceful.timeout,
                    what=f"{spec.graceful.method}()",
                    hurry=self._hurry,
                )
            except OverdueError as error:
                fault, overdue = str(error), error
                _record(generation, fault, error)
            except Exception as error:  # noqa: BLE001  # the module's own: logged, and force follows
                fault = f"{spec.graceful.method}() raised {error!r}"
                _record(generation, fault, error)
        if force is not None and fault:
            await _force_stop(generation, force, fault)
        if overdue is not None and overdue.still_runs:
            raise ModframeError(
                fault,
                cure="let CancelledError out of it; it can be loaded again",
                subject=spec.module_id,
            )

    def describe(self, generation: Generation) -> dict[str, Any]:
        """Return the services with their methods, for forms."""
        return describe_services(generation)

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        """Show the services with their classes, and their methods."""
        services = tuple((name, service["class"]) for name, service in facts.items())
        yield Panel("service", ("class",), services, tab=TAB)
        methods = (
            (f"{method['name']}{short_names(method['signature'])}", method["description"])
            for service in facts.values()
            for method in service["methods"]
        )
        yield Panel("method", ("what it does",), tuple(methods), tab=TAB)
        yield from panels_of_words(facts)


async def _make(cls: type, injected: Mapping[str, Any], **values: Any) -> Any:
    """Make an instance, on a thread if the class has a constructor of its own, which may hang."""
    make_it = partial(make, cls, injected, **values)
    own = callable_package(cls.__init__) or callable_package(cls.__new__)  # type: ignore[misc]  # only looked at
    return await run_plain(make_it) if own else make_it()


def make(cls: type, injected: Mapping[str, Any], **values: Any) -> Any:
    """Make an instance that has ``values`` as attributes before its ``__init__`` runs.

    Those that ``__init__`` has parameters for are passed to it as well, and what it asks to be
    given.
    """
    instance: Any = cls.__new__(cls)  # type: ignore[call-overload]  # mypy thinks of metaclasses
    _fill(instance, values)
    if cls.__init__ is object.__init__:  # type: ignore[misc]  # only compared
        return instance  # takes nothing; reading a built-in's signature is slow
    names, takes_any = names_of_parameters(cls)
    arguments = {name: value for name, value in values.items() if takes_any or name in names}
    instance.__init__(**{**arguments, **injected})
    for name, value in values.items():
        if getattr(instance, name, None) is None:
            _fill(instance, {name: value})
    return instance


def _fill(instance: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        try:
            setattr(instance, name, value)
        except AttributeError:
            continue  # __slots__, or a property of the author's


async def _run_phase(generation: Generation, method: Callable[[], Any], phase: str) -> None:
    """Run a method of a phase, and raise what its `Result`, ``False`` or exception says.

    After a failure the generation still says which step ran.
    """
    step = generation.step = Step(method, phase)
    injected = injected_into(generation, method)
    call = partial(method, **injected) if injected else method
    with span(step, module=generation.module_id, generation=generation.number):
        refuse_bad_outcome(await run_module_code(call), step)
    generation.step = None


async def _finish_activation(activation: AsyncGenerator[Any, Any]) -> None:
    try:
        await anext(activation)
    except StopAsyncIteration:
        return
    finally:
        await activation.aclose()
    raise ModframeError(
        "activate() yields twice", cure="yield once: what starts stands above it, what ends below"
    )


def _record(generation: Generation, fault: str, error: Exception) -> None:
    record_failure(
        generation.module_id, f"{fault}; force follows", error, generation=generation.number
    )


def _bound_method(generation: Generation, spec: ShutdownSpec) -> Callable[[], Any] | None:
    if spec.method is None:
        return None
    for owner in (generation.module, *generation.own_services.values()):
        method: Callable[[], Any] | None = find_method(owner, spec.method)
        if method is not None:
            return method
    return None


async def _force_stop(generation: Generation, force: Callable[[], Any], fault: str) -> None:
    spec = generation.spec
    what = f"{spec.force.method}()"
    try:
        await run_with_timeout(lambda: run_module_code(force), spec.force.timeout, what=what)
    except Exception as error:  # reported as the module's failure to unload
        second = str(error) if isinstance(error, OverdueError) else f"{what} failed: {error!r}"
        raise ModframeError(
            f"{fault}; then {second}",
            cure="the module may hold on to something; it can be loaded again",
            subject=spec.module_id,
        ) from error
