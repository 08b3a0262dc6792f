"""What modules and people see of the events: ``app_context.events`` and ``app.events``."""

from __future__ import annotations

from collections.abc import Awaitable
from threading import get_ident
from typing import Any

from ...html import notice, section, table
from ...runtime.calls.call import Call
from ...runtime.loop.app_loop import AppLoop
from ...wording import count
from .dead import DeadLetter
from .events import Events


class ModuleEvents:
    """The events, for module code."""

    def __init__(self, events: Events, app_loop: AppLoop) -> None:
        self._events = events
        self._app_loop = app_loop

    def publish(self, event: object) -> Awaitable[int]:
        """Give an event to every method that is subscribed to its class.

        Returns:
            Something to await: how many subscriptions have it now. On the app loop nothing happens
            before it is awaited; elsewhere it has begun.

        Raises:
            EventError: If it is no pydantic model and no dataclass.
            EventRefusedError: If a full queue refused it.
        """
        if get_ident() == self._app_loop.thread_id or self._app_loop.here:
            return self._events.publish(event)
        return Call(self._app_loop, lambda: self._events.publish(event), "events.publish")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {count(len(self._events.describe()), 'subscription')}>"


class AppEvents(ModuleEvents):
    """The events, for people and tests."""

    @property
    def dead(self) -> tuple[DeadLetter, ...]:
        """The newest events that could not be handled, oldest first."""
        return self._events.dead.all()

    def retry(self, letter: DeadLetter | int) -> Awaitable[None]:
        """Give an event that could not be handled to its method once more; ``dead`` has it.

        It is given to the method of that name that is live, after what waits for it already and
        with the tries of its subscription. Once it was handled it is no longer in ``dead``.

        Returns:
            Something to await: the end of that. On the app loop nothing happens before it is
            awaited; elsewhere it has begun.

        Raises:
            DeadLetterError: If it is not there any more, nothing live is subscribed to it, or it
                failed again; it then stays, with its new error.
        """
        if self._app_loop.here:
            return self._events.retry(letter)
        return Call(self._app_loop, lambda: self._events.retry(letter), "events.retry")

    def drop(self, letter: DeadLetter | int) -> None:
        """Forget an event that could not be handled: nobody gets it any more.

        Raises:
            DeadLetterError: If it is not there any more.
        """
        self._app_loop.call("events.drop()", lambda: self._events.drop(letter))

    @property
    def subscriptions(self) -> list[dict[str, Any]]:
        """The subscriptions of what is live, with what waits and what was handled."""
        return self._events.describe()

    def settled(self, timeout: float = 30.0) -> Awaitable[None]:
        """Wait until every event that was published was handled or given up.

        Off the app loop it returns when that is so; what it returns can be awaited as well.

        Raises:
            EventsNotSettledError: If that takes longer than ``timeout`` seconds.
        """
        if get_ident() == self._app_loop.thread_id or self._app_loop.here:
            return self._events.settled(timeout)
        call: Call[None] = Call(
            self._app_loop, lambda: self._events.settled(timeout), "events.settled"
        )
        call.result()
        return call

    def _repr_html_(self) -> str:
        keys = ("event", "module", "method", "policy", "waiting", "handled", "failed", "dead")
        rows = [tuple(each[key] for key in keys) for each in self.subscriptions]
        dead = count(len(self.dead), "event") if self.dead else ""
        lost = (
            notice("bad", f"{dead} could not be handled; app.events.dead has them") if dead else ""
        )
        body = table(rows, head=keys) if rows else ""
        return section("subscriptions", lost, body, note=len(rows))
