"""`Ask`: one question of a front end; `Asks` runs those of one session.

Each runs in a thread of its own, so that a slow one keeps neither the next nor the app loop. Its
answer is JSON-ready data, or the error as data. Threads start with an empty context: what module
code prints goes to the log and into no cell.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError
from contextvars import Context
from functools import cache
from typing import Any, TypeVar

from pydantic import ConfigDict, ValidationError, validate_call

from ..errors import FormError, ModframeError
from ..runtime.calls.call import Call
from ..view.snapshot import thaw
from ..wording import near
from .blocks import facts_of
from .facts import Facts
from .rows import error_facts

MOST = 32
"""How many questions of one front end run at once."""
T = TypeVar("T")
Send = Callable[[dict[str, Any]], None]
Operation = Callable[..., Any]
"""What a front end may ask: a function of an `Ask` and of JSON-ready arguments by name."""


class Ask:
    """One question.

    Attributes:
        facts: What is known of the app.
        cancelled: Set once the person does not want the answer any more.
    """

    def __init__(self, facts: Facts, send_part: Callable[[Any], None]) -> None:
        self.facts = facts
        self.part = send_part
        self.cancelled = threading.Event()
        self._cancel: Callable[[], object] | None = None

    @property
    def app(self) -> Any:
        """The `AppContext`, whose verbs may block here."""
        return self.facts.app()

    def start(self, begin: Callable[[], Coroutine[Any, Any, T]], label: str) -> Call[T]:
        """Start a coroutine on the app loop, in a task: what it prints goes into no cell."""
        app_loop = self.facts.app_loop
        return Call(app_loop, lambda: app_loop.spawn(begin(), name=label), label)

    def run(self, begin: Callable[[], Coroutine[Any, Any, T]], label: str) -> T:
        """Run a coroutine as `start` does and wait for it; it is cancelled with the question."""
        call = self.start(begin, label)
        self.on_cancel(call.cancel)
        return call.result()

    def on_cancel(self, cancel: Callable[[], object]) -> None:
        """Call a function when the question is cancelled; at once if it is already."""
        self._cancel = cancel
        if self.cancelled.is_set():
            cancel()

    def cancel(self) -> None:
        """Note that nobody waits for the answer any more, and end what it waits for."""
        self.cancelled.set()
        if self._cancel is not None:
            self._cancel()


class Asks:
    """The questions of one session that are not answered yet.

    Args:
        operations: Name → what can be asked.
        send: Sends a message to the front end, from any thread.
    """

    def __init__(self, facts: Facts, operations: Mapping[str, Operation], send: Send) -> None:
        self._facts, self._operations, self._send = facts, operations, send
        self._running: dict[int, Ask] = {}
        self._lock = threading.Lock()

    def start(self, number: int, name: str, arguments: Mapping[str, Any]) -> None:
        """Begin to answer a question; the answer is sent once there is one."""
        ask = Ask(self._facts, lambda part: self._send({"id": number, "part": thaw(part)}))
        with self._lock:
            refused = f"question {number} runs already" if number in self._running else ""
            if len(self._running) >= MOST:
                refused = f"{MOST} questions run already"
            if not refused:
                self._running[number] = ask
        if refused:
            error = ModframeError(refused, cure="wait for one, or cancel it")
            self._send({"id": number, "ok": False, "error": error_facts(error), "ms": 0})
            return
        run = Context().run
        work = (self._run, number, ask, name, arguments)
        threading.Thread(target=run, args=work, name="modframe-cockpit", daemon=True).start()

    def cancel(self, number: int) -> None:
        """Cancel a question; one that was answered already is left alone."""
        with self._lock:  # so that its thread, whose number may be another's later, has not ended
            if (ask := self._running.get(number)) is not None:
                ask.cancel()

    def close(self) -> None:
        """Cancel all of them: the front end is gone."""
        with self._lock:
            for ask in self._running.values():
                ask.cancel()

    def _run(self, number: int, ask: Ask, name: str, arguments: Mapping[str, Any]) -> None:
        began = time.perf_counter()
        answer: dict[str, Any]
        try:
            answer = {"ok": True, "value": facts_of(self._call(ask, name, arguments))}
        except CancelledError:
            answer = {"ok": False, "error": {"type": "Cancelled", "message": "It was cancelled."}}
        except BaseException as error:  # noqa: BLE001  # module code, which may raise anything
            answer = {"ok": False, "error": error_facts(error)}
        finally:
            with self._lock:
                self._running.pop(number, None)
        self._send({"id": number, **answer, "ms": round((time.perf_counter() - began) * 1000, 1)})

    def _call(self, ask: Ask, name: str, arguments: Mapping[str, Any]) -> Any:
        operation = self._operations.get(name)
        if operation is None:
            hint = near(name, self._operations)
            raise FormError(f"there is no operation {name!r}; {hint}".rstrip("; "), field="")
        try:
            return _checked(operation)(ask, **arguments)
        except ValidationError as error:
            if error.title != getattr(operation, "__name__", ""):
                raise  # of what the operation does, not of what it was given
            faults = "; ".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
                for one in error.errors(include_url=False, include_input=False)
            )
            raise FormError(f"{name} can't take that: {faults}", field="") from None


@cache
def _checked(operation: Operation) -> Callable[..., Any]:
    """Return an operation that checks what it is given."""
    return validate_call(config=ConfigDict(arbitrary_types_allowed=True))(operation)
