"""`Handle`: the stable object that callers hold instead of a service instance.

On the app loop a call goes straight to the instance of the generation that is live; from any
other thread it crosses over and gives a `Call`. A handle outlives every generation.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from threading import get_ident
from typing import Any

from ...errors import CallEndedError, ServiceUnavailableError
from ...html import section, table
from ...load.methods import public_methods, signature_text
from ...spec import ServiceMethod, type_name
from ...wording import count, near
from ..generation import Generation, wait_for_gate
from ..loop import AppLoop
from ..stragglers import cancelled_at_deadline, register_entry_point
from .call import Call, Stream

Find = Callable[[str], "Generation | None"]
"""Module id → the generation that a caller sees for it."""
Explain = Callable[[str], Exception]
"""Name → the error that says why it leads to nothing."""


class Handle:
    """Stands for a service by name; every public method of the service is a method here."""

    def __init__(
        self,
        app_loop: AppLoop,
        find: Find,
        *,
        explain: Explain,
        module_id: str,
        service: str,
        own: bool = False,
    ) -> None:
        self.__dict__["_handle"] = _Facts(
            app_loop, find, explain, module_id=module_id, service=service, own=own
        )

    def __getattr__(self, name: str) -> Any:
        facts: _Facts = self.__dict__["_handle"]
        if name.startswith("_"):
            raise AttributeError(name)
        if not facts.has(name):
            raise AttributeError(_no_method(facts, name))
        method = self.__dict__[name] = Method(facts, name)
        return method

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"{self!r} is a handle: it carries calls, so {name!r} can't be set on it; "
            "give the service a method that sets it"
        )

    def __dir__(self) -> list[str]:
        try:
            facts: _Facts = self.__dict__["_handle"]
            return facts.offered()
        except ServiceUnavailableError:
            return []

    def __repr__(self) -> str:
        facts: _Facts = self.__dict__["_handle"]
        try:
            generation = facts.resolve()
        except ServiceUnavailableError:
            return f"<service {facts.label}: not live>"
        methods = count(len(dir(self)), "method")
        return f"<service {facts.label}: {methods}, generation {generation.number}>"

    def _repr_html_(self) -> str:
        facts: _Facts = self.__dict__["_handle"]
        rows = []
        for name in dir(self):
            method = getattr(self, name)
            rows.append((f"{name}{method.signature_text()}", (method.__doc__ or "").split("\n")[0]))
        return section(facts.label, table(rows, head=("method", "what it does")))


def forget_methods(handle: Handle) -> None:
    """Let a handle look its methods up again; called when its module was published anew."""
    facts = handle.__dict__["_handle"]
    handle.__dict__.clear()
    handle.__dict__["_handle"] = facts


class _Facts:
    """What a handle and its methods share."""

    __slots__ = ("app_loop", "explain", "find", "label", "module_id", "own", "service")

    def __init__(
        self,
        app_loop: AppLoop,
        find: Find,
        explain: Explain,
        *,
        module_id: str,
        service: str,
        own: bool,
    ) -> None:
        self.app_loop = app_loop
        self.find = find
        self.explain = explain
        self.module_id = module_id
        self.service = service
        self.label = service
        self.own = own

    def resolve(self) -> Generation:
        """The generation to call.

        Raises:
            ModframeError: If there is none, with the reason.
        """
        generation = self.find(self.module_id)
        if generation is None:
            raise self.explain(self.module_id)
        return generation

    def instance(self) -> Any:
        """The service to call; raises as `resolve` does."""
        generation = self.resolve()
        try:
            return generation.services[self.service]
        except KeyError:
            raise self.no_service(generation) from None

    def has(self, name: str) -> bool:
        """Whether callers can call a method of that name; raises as `instance` does."""
        generation = self.resolve()
        instance = self.instance()
        if instance is not generation.own_services.get(self.service):
            return callable(getattr(instance, name, None))  # a stand-in may be any object
        cls = type(instance)
        return callable(inspect.getattr_static(cls, name, None)) or callable(
            getattr(cls, name, None)
        )

    def no_service(self, generation: Generation) -> ServiceUnavailableError:
        """The error for a generation that has no such service, or not yet."""
        return ServiceUnavailableError(
            f"{self.module_id} (generation {generation.number}) has no service {self.service!r}",
            cure="services are made at the end of phase 1; was it renamed or taken out?",
        )

    def documented(self) -> Mapping[str, ServiceMethod]:
        """The documented methods, by name."""
        service = self.resolve().spec.service
        return service.methods if service else {}

    def offered(self) -> list[str]:
        """The names of the methods; raises as `instance` does."""
        return [name for name, _ in public_methods(type(self.instance()), self.documented())]


def _no_method(facts: _Facts, name: str) -> str:
    names = facts.offered()
    hint = near(name, names).rstrip() or f"it has {', '.join(names) or 'none'}"
    return f"service {facts.label!r} has no method {name!r}; {hint}"


class Method:
    """One method of a handle. Help, completion and signature are the real method's."""

    __slots__ = ("_facts", "_name")

    def __init__(self, facts: _Facts, name: str) -> None:
        self._facts = facts
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Asked at every call, for a swap may turn a method into a stream and back.
        facts = self._facts
        generation = facts.find(facts.module_id)
        streams = generation is not None and self._name in generation.streams
        if get_ident() == facts.app_loop.thread_id:
            return self._items(args, kwargs) if streams else self._run(args, kwargs)
        label = f"{facts.module_id}.{self._name}"
        if streams:
            return Stream(facts.app_loop, lambda: self._items(args, kwargs), label)
        return Call(facts.app_loop, lambda: self._run(args, kwargs), label)

    async def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # The hot path: one lookup in what the caller sees, a count, the real method.
        facts = self._facts
        seen = facts.find(facts.module_id)
        if seen is not None and seen.gate is not None and not facts.own:
            seen = await wait_for_gate(lambda: facts.find(facts.module_id))
        generation = seen  # not inside it while it waits
        if generation is None:
            raise facts.explain(facts.module_id)
        generation.in_flight += 1
        try:
            outcome = self._method(generation)(*args, **kwargs)
            return await outcome if hasattr(outcome, "__await__") else outcome
        except asyncio.CancelledError:
            if cancelled_at_deadline(generation):
                raise self._ended(generation) from None
            raise
        finally:
            generation.in_flight -= 1
            if generation.drain_event is not None:
                generation.wake_drain()

    async def _items(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> AsyncIterator[Any]:
        facts = self._facts
        seen = facts.resolve()
        if seen.gate is not None and not facts.own:
            seen = await wait_for_gate(lambda: facts.find(facts.module_id)) or facts.resolve()
        generation = seen
        generation.in_flight += 1
        generation.count_as_stream()
        try:
            async with aclosing(self._method(generation)(*args, **kwargs)) as items:
                async for item in items:
                    yield item
        except asyncio.CancelledError:
            if cancelled_at_deadline(generation):
                raise self._ended(generation) from None
            raise
        finally:
            generation.count_as_call()
            generation.release()

    def _ended(self, generation: Generation) -> Exception:
        facts = self._facts
        if facts.find(facts.module_id) is None:
            return facts.explain(facts.module_id)
        return CallEndedError(
            f"{self._facts.module_id}.{self._name}() was ended: it began on generation "
            f"{generation.number}, which was replaced, and was still running at the deadline",
            cure="make the call shorter, or raise MODFRAME_DRAIN_TIMEOUT",
            module_id=self._facts.module_id,
            generation=generation.number,
        )

    def _method(self, generation: Generation) -> Any:
        facts = self._facts
        service = generation.services.get(facts.service)
        if service is None:
            raise facts.no_service(generation)
        try:
            return getattr(service, self._name)
        except AttributeError:
            if hasattr(type(service), self._name):
                raise  # a property's own
            raise AttributeError(_no_method(facts, self._name)) from None

    def _real(self) -> Any:
        return self._method(self._facts.resolve())

    @property
    def __name__(self) -> str:
        return self._name

    @property
    def __wrapped__(self) -> Any:
        return self._real()

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._real())

    @property
    def __doc__(self) -> str:  # type: ignore[override]  # help() asks the instance
        documented = self._facts.documented().get(self._name)
        own = inspect.getdoc(self._real()) or ""
        texts = [own, _described(documented) if documented else ""]
        # Never empty, for help() shows the class of an object that has no words of its own.
        return "\n\n".join(filter(None, texts)) or f"{self._name}{self.signature_text()}"

    def signature_text(self) -> str:
        """The signature, as views show it."""
        return signature_text(self._real())

    def __repr__(self) -> str:
        return f"<method {self._facts.label}.{self._name}{self.signature_text()}>"


def _said(variables: Mapping[str, Any]) -> str:
    return f"{variables['self']._name}()"


register_entry_point(Method._run, _said)
register_entry_point(Method._items, _said)


def _described(method: ServiceMethod) -> str:
    """A `ServiceMethod` as the text of a docstring."""
    rows = [method.description] if method.description else []
    if method.params:
        rows.append("Parameters:")
        for param in method.params:
            optional = "" if param.required else ", optional"
            about = f": {param.description}" if param.description else ""
            rows.append(f"    {param.name} ({type_name(param.param_type)}{optional}){about}")
    if method.returns:
        about = f": {method.returns.description}" if method.returns.description else ""
        rows.append(f"Returns: {type_name(method.returns.return_type)}{about}")
    rows += [f"Example: {one.call} → {one.result}" for one in method.examples]
    return "\n".join(rows)
