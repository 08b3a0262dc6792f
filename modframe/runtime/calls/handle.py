"""`Handle`: the stable object that callers hold instead of a service instance.

On the app loop a call goes straight to the instance of the live generation; from any other thread
it is submitted to the loop and returns a `Call`. A handle outlives every generation.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from threading import get_ident
from time import perf_counter
from types import CoroutineType, TracebackType
from typing import Any

from ...errors import CallEndedError, NoAttributeError, ServiceUnavailableError
from ...html import section, state, table
from ...load.methods import public_methods, signature_of, signature_text, takes
from ...observe import (
    Numbers,
    begin_span,
    correlation_id,
    end_span,
    record_result,
    span,
    tracing,
)
from ...result import Result
from ...spec import ServiceMethod, type_name
from ...wording import count, near
from ..generation import Generation, wait_for_gate
from ..loop.app_loop import AppLoop
from ..stragglers import cancelled_at_deadline, register_entry_point
from ..traces import hide_frames
from .call import Call, Stream

Find = Callable[[str], "Generation | None"]
"""Module id → the generation that a caller sees for it, or ``None``."""
Explain = Callable[[str], Exception]
"""Module id → the error that says why there is no generation."""


class Handle:
    """Stands for a service by name; every public method of the service is a method here."""

    _handle: Target

    def __init__(self, target: Target) -> None:
        self.__dict__["_handle"] = target

    @hide_frames
    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if not self._handle.has(name):
            raise self._handle.no_method(name)
        method = self.__dict__[name] = Method(self._handle, name)
        return method

    @hide_frames
    def __setattr__(self, name: str, value: object) -> None:
        raise NoAttributeError(
            f"{self!r} is a handle: it carries calls, so {name!r} can't be set on it; "
            "give the service a method that sets it"
        )

    def __dir__(self) -> list[str]:
        try:
            return self._handle.offered()
        except ServiceUnavailableError:
            return []

    @property
    def __doc__(self) -> str:  # type: ignore[override]  # help() and `handle?` ask the instance
        target = self._handle
        try:
            own = inspect.getdoc(type(target.instance())) or ""
        except ServiceUnavailableError:
            return repr(self)
        rows = [
            f"    {name}{signature}{f': {about}' if about != f'{name}{signature}' else ''}"
            for name, signature, about in self._methods()
        ]
        return "\n\n".join(filter(None, [own, "\n".join(["Methods:", *rows]) if rows else ""]))

    def _methods(self) -> Iterator[tuple[str, str, str]]:
        """Yield name, signature and the first line of the help of every method."""
        for name in dir(self):
            method = getattr(self, name)
            yield name, method.signature_text(), (method.__doc__ or "").split("\n")[0]

    def __repr__(self) -> str:
        target = self._handle
        try:
            generation = target.resolve()
        except ServiceUnavailableError:
            return f"<service {target.service}: not live>"
        methods = count(len(dir(self)), "method")
        return f"<service {target.service}: {methods}, generation {generation.number}>"

    def _repr_html_(self) -> str:
        target = self._handle
        try:
            note: object = f"generation {target.resolve().number}"
        except ServiceUnavailableError:
            note = state("not live", "bad")
        rows = [(f"{name}{signature}", about) for name, signature, about in self._methods()]
        body = table(rows, head=("method", "what it does")) if rows else ""
        return section(target.service, body, note=note)


def forget_methods(handle: Handle) -> None:
    """Let a handle look up its methods again, after its module was published."""
    for name in list(handle.__dict__):  # other threads may use the handle meanwhile
        if name != "_handle":
            handle.__dict__.pop(name, None)


@dataclass(eq=False, slots=True)
class Target:
    """The service that a handle and its methods call, and the way to it.

    Attributes:
        service: The full name of the service.
        own: Whether the module calls itself; such calls wait at no gate.
        numbers: Counts the calls.
    """

    app_loop: AppLoop
    find: Find
    explain: Explain
    module_id: str
    service: str
    own: bool
    numbers: Numbers

    def resolve(self) -> Generation:
        """Return the generation to call.

        Raises:
            ModframeError: If there is none; it says why.
        """
        generation = self.find(self.module_id)
        if generation is None:
            raise self.explain(self.module_id)
        return generation

    async def admit(self, seen: Generation | None) -> Generation:
        """Return the generation to call, after waiting at its gate; raises as `resolve` does."""
        if seen is not None and not self.own:
            seen = await wait_for_gate(lambda: self.find(self.module_id))
        return seen if seen is not None else self.resolve()

    def instance(self) -> Any:
        """Return the service instance to call; raises as `resolve` does."""
        generation = self.resolve()
        try:
            return generation.services[self.service]
        except KeyError:
            raise self.no_service(generation) from None

    def has(self, name: str) -> bool:
        """Return whether the service has a method to call; raises as `instance` does."""
        generation = self.resolve()
        instance = self.instance()
        if instance is not generation.own_services.get(self.service):
            return callable(getattr(instance, name, None))  # a replacement may be any object
        cls = type(instance)
        return callable(inspect.getattr_static(cls, name, None)) or callable(
            getattr(cls, name, None)
        )

    def no_service(self, generation: Generation) -> ServiceUnavailableError:
        """Return the error for a generation that has no such service, or not yet."""
        return ServiceUnavailableError(
            f"{self.module_id} (generation {generation.number}) has no service {self.service!r}",
            cure="services are made at the end of phase 1; was it renamed or taken out?",
        )

    def documented(self) -> Mapping[str, ServiceMethod]:
        """Return the documented methods, by name."""
        service = self.resolve().spec.service
        return service.methods if service else {}

    def offered(self) -> list[str]:
        """Return the names of the methods; raises as `instance` does."""
        return [name for name, _ in public_methods(type(self.instance()), self.documented())]

    def no_method(self, name: str) -> NoAttributeError:
        """Return the error for a method that the service lacks."""
        names = self.offered()
        hint = near(name, names).rstrip() or f"it has {', '.join(names) or 'none'}"
        return NoAttributeError(f"service {self.service!r} has no method {name!r}; {hint}")


class Method:
    """One method of a handle; help, completion and signature show the service's method."""

    __slots__ = ("_calls", "_name", "_target")

    def __init__(self, target: Target, name: str) -> None:
        self._target = target
        self._name = name
        self._calls = target.numbers.calls_of(target.module_id, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Looked up at every call, because a swap may turn a method into a stream and back.
        target, calls = self._target, self._calls
        generation = target.find(target.module_id)
        streams = generation is not None and self._name in generation.streams
        if get_ident() == target.app_loop.thread_id or target.app_loop.here:
            if streams:
                return self._items(args, kwargs)
            if calls.count >= calls.due:
                return self._measured(args, kwargs)
            return self._run(args, kwargs)
        if streams:
            return Stream(target.app_loop, lambda: self._items(args, kwargs), self.label)
        due = tracing.look() or calls.count >= calls.due
        run = self._measured if due else self._run
        return Call(target.app_loop, lambda: run(args, kwargs), self.label)

    async def _measured(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run, time it, and make a span if any are made."""
        target, began = self._target, perf_counter()
        try:
            if not tracing.on:
                return await self._run(args, kwargs)
            with span(self.label, module=target.module_id, method=self._name):
                return await self._run(args, kwargs)
        except Exception as error:
            error.__traceback__ = _without_own_frames(error)
            raise
        finally:
            self._calls.took(perf_counter() - began, traced=tracing.on)

    async def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # The hot path: one lookup of the generation, a count, the service's method.
        target = self._target
        seen = target.find(target.module_id)
        if seen is None or seen.gate is not None:
            seen = await target.admit(seen)
        generation = seen  # stragglers.py reads this name: a call that waits is not inside yet
        generation.in_flight += 1
        self._calls.count += 1
        try:
            # `_method` finds the same, for one more call; where nothing is found, it says why.
            method = getattr(generation.services.get(target.service), self._name, None)
            outcome = (method or self._method(generation))(*args, **kwargs)
            if type(outcome) is CoroutineType or hasattr(outcome, "__await__"):
                outcome = await outcome
            if type(outcome) is Result and outcome.code is not None:
                self._calls.errors += 1
                self._record(outcome, generation)
            return outcome
        except asyncio.CancelledError:
            if cancelled_at_deadline(generation):
                raise self._ended_error(generation) from None
            raise
        except Exception as error:
            self._explain(error, generation, args, kwargs)
            raise
        finally:
            generation.in_flight -= 1
            if generation.drain_event is not None:
                generation.wake_drain()

    async def _items(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> AsyncIterator[Any]:
        target = self._target
        seen = target.find(target.module_id)
        if seen is None or seen.gate is not None:
            seen = await target.admit(seen)
        generation = seen
        self._calls.count += 1
        generation.in_flight += 1
        generation.count_as_stream()
        begun = begin_span(self.label, module=target.module_id, method=self._name)
        try:
            async with aclosing(self._method(generation)(*args, **kwargs)) as items:
                async for item in items:
                    if type(item) is Result and item.code is not None:
                        self._record(item, generation)
                    yield item
        except asyncio.CancelledError:
            if cancelled_at_deadline(generation):
                raise self._ended_error(generation) from None
            raise
        except Exception as error:
            self._explain(error, generation, args, kwargs)
            raise
        finally:
            end_span(begun, sys.exc_info()[1])
            generation.count_as_call()
            generation.release()

    def _record(self, result: Result, generation: Generation) -> None:
        """Record an error that leaves the module, which its own calls do in a request alone."""
        if self._target.own and correlation_id.get() is None:
            return
        method = getattr(generation.services.get(self._target.service), self._name, None)
        what, number = f"{self.label}()", generation.number
        record_result(result, generation.module_id, what, generation=number, returned_by=method)

    def _ended_error(self, generation: Generation) -> Exception:
        target = self._target
        self._calls.errors += 1
        if target.find(target.module_id) is None:
            return target.explain(target.module_id)
        return CallEndedError(
            f"{self._target.module_id}.{self._name}() was ended: it began on generation "
            f"{generation.number}, which was replaced, and was still running at the deadline",
            cure="make the call shorter, or raise MODFRAME_DRAIN_TIMEOUT",
            module_id=self._target.module_id,
            generation=generation.number,
        )

    def _explain(
        self,
        error: Exception,
        generation: Generation,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """Take the handle's own frames off an error of a call.

        If the method did not take the arguments, add its signature to the message.
        """
        self._calls.errors += 1
        trace = error.__traceback__ = _without_own_frames(error)
        if not isinstance(error, TypeError) or trace is not None:
            return
        signature = signature_of(self._method(generation))
        if signature is not None and not takes(signature, *args, **kwargs):
            name = f"{self._name}{signature_text(signature)}"
            text = str(error)  # 3.13 may end it with a question
            error.args = (f"{text}{'' if text.endswith('?') else '.'} The method is {name}",)

    def _method(self, generation: Generation) -> Any:
        target = self._target
        service = generation.services.get(target.service)
        if service is None:
            raise target.no_service(generation)
        try:
            return getattr(service, self._name)
        except AttributeError:
            if hasattr(type(service), self._name):
                raise  # by a property of the service
            raise target.no_method(self._name) from None

    @property
    def label(self) -> str:
        """The module and the method, as messages show them."""
        return f"{self._target.module_id}.{self._name}"

    @property
    def __name__(self) -> str:
        return self._name

    @property
    def __wrapped__(self) -> Any:
        return self._method(self._target.resolve())

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.__wrapped__)

    @property
    def __doc__(self) -> str:  # type: ignore[override]  # help() asks the instance
        documented = self._target.documented().get(self._name)
        own = inspect.getdoc(self.__wrapped__) or ""
        texts = [own, _documentation(documented) if documented else ""]
        # Never empty: help() shows the class of an object without a docstring.
        return "\n\n".join(filter(None, texts)) or f"{self._name}{self.signature_text()}"

    def signature_text(self) -> str:
        """Return the signature as views show it."""
        return signature_text(signature_of(self.__wrapped__))

    def __repr__(self) -> str:
        return f"<method {self._target.service}.{self._name}{self.signature_text()}>"


def _without_own_frames(error: BaseException) -> TracebackType | None:
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals is globals():
        trace = trace.tb_next
    return trace


def _describe_call(variables: Mapping[str, Any]) -> str:
    return f"{variables['self']._name}()"


register_entry_point(Method._run, _describe_call)
register_entry_point(Method._items, _describe_call)


def _documentation(method: ServiceMethod) -> str:
    """Return a `ServiceMethod` as the text of a docstring."""
    rows = [str(method.description)] if method.description else []
    if method.params:
        rows.append("Parameters:")
        for param in method.params:
            optional = "" if param.required else ", optional"
            default = "" if param.default is None else f", default {param.default!r}"
            description = f": {param.description}" if param.description else ""
            kind = f"{type_name(param.param_type)}{optional}{default}"
            rows.append(f"    {param.name} ({kind}){description}")
    if method.returns:
        description = f": {method.returns.description}" if method.returns.description else ""
        rows.append(f"Returns: {type_name(method.returns.return_type)}{description}")
    for example in method.examples:
        result = f" → {example.result}" if example.result else ""
        rows.append(f"Example: {example.call}{result}")
    if method.tags:
        tags = [method.tags] if isinstance(method.tags, str) else method.tags
        rows.append(f"Tags: {', '.join(map(str, tags))}")
    return "\n".join(rows)
