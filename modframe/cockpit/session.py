"""`Session`: the kernel's side of one front end. It knows the messages, and no transport.

What the front end sends comes in by `receive`; what it is sent goes out by ``send``, as one line of
JSON. These are the messages:

- ``{op: "hello", module, tab}`` first, and again after a gap: everything is told anew.
- ``{op: "look", module, tab, hidden}``: what is on the screen. While it is hidden there is no news,
  and it isn't followed: it costs nothing.
- ``{id, op, args}``: a question; ``op`` is one of `operations`.
- ``{op: "cancel", target}``: nobody waits for the answer to a question any more.
- ``{op: "bye"}``: the front end is gone.

- ``{id, ok: true, value, ms}`` or ``{id, ok: false, error, ms}`` answers a question;
  ``{id, part}`` is progress or an item, before the answer.
  The value is often a view ``{blocks, label?, refused?, danger?}`` (`blocks.View`): what a tab, an
  opened row or a dialog holds, as blocks ``{kind, ...}`` that the front end draws.
- ``{seq, full?, order?, rows?, meta?, detail?, log?, ticks?}``: news, as `News` makes them, at
  least once a second: a front end that hears nothing for longer has lost the kernel.
- ``{over: <why>}``: no more news come.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import FormError, NotRunningError
from ..names import full_id
from ..observe import record_failure
from ..wording import text_after_colon
from .asks import Asks
from .facts import Facts
from .follow import Follower
from .news import News, Place
from .operations import OPERATIONS

_STOPPED = "modframe was stopped; start it again, and open this view again"
_CROWDED = "too many views are open; close some, and open this one again"


class Message(BaseModel):
    """A message of a front end; what else it holds is ignored."""

    model_config = ConfigDict(strict=True)

    op: Annotated[str, Field(max_length=100)]
    id: Annotated[int, Field(ge=0, lt=2**53)] = 0
    args: dict[str, Any] | None = None
    target: int = 0
    module: Annotated[str, Field(max_length=200)] | None = None
    hidden: bool = False


class Session:
    """One front end, as the app sees it; it keeps no generation alive.

    Args:
        send: Takes a line of JSON to the front end; called from several threads, never twice at
            once.
        place: Where it is shown.
        follower: Asks it for news once the front end has said hello.
    """

    def __init__(
        self, facts: Facts, send: Callable[[str], None], *, place: Place, follower: Follower
    ) -> None:
        self._facts, self._out, self._follower = facts, send, follower
        self._news = News(facts, place)
        self._asks = Asks(facts, OPERATIONS, self.send)
        self._sending = threading.Lock()
        self._greeted = self._anew = self._hidden = False
        self._closed = False

    def receive(self, given: object) -> None:
        """Take a message of the front end, on any thread; returns at once.

        Raises:
            FormError: If it isn't a message.
        """
        message = _read(given)
        if self._closed:
            return
        match message.op:
            case "hello" | "look":
                self._look(message)
            case "cancel":
                self._asks.cancel(message.target)
            case "bye":
                self.close()
            case op:
                self._asks.start(message.id, op, message.args or {})

    def _look(self, message: Message) -> None:
        """Note what the next news are about; never waits for news, for the app loop calls it."""
        self._news.watched = full_id(message.module) if message.module else None
        self._hidden = message.hidden
        if message.op == "hello":
            self._anew = self._greeted = True
        if self._hidden:
            self._follower.leave(self)
        else:
            self._follower.follow(self)
            self._follower.wake()

    def refresh(self) -> bool:
        """Send the news; return false once nothing is to come any more.

        The follower's thread alone calls it.
        """
        if self._closed or self._facts.app_loop.loop.is_closed():
            self.pause(_STOPPED)
            return False
        if not self._greeted or self._hidden:
            return True
        if self._anew:
            self._anew = False
            self._news.forget()
        try:
            self.send(self._news.next())
        except NotRunningError:
            self.pause(_STOPPED)
            return False
        except Exception as error:  # noqa: BLE001  # parts of a person's own describe themselves
            record_failure("", "a view of the cockpit failed", error)
            failed = f"it failed with {type(error).__name__}{text_after_colon(error)}"
            self.pause(f"{failed}; the log has the traceback")
            return False
        return True

    def pause(self, why: str = _CROWDED) -> None:
        """Tell the front end that it gets no more news."""
        self.send({"over": why})

    def send(self, message: dict[str, Any]) -> None:
        """Send a message, without the secrets of the app; one to a front end that left is lost."""
        line = _encode(self._facts.clean(message))
        with self._sending:
            if not self._closed:
                self._out(line)

    def close(self) -> None:
        """End the session: the front end is gone, or its app."""
        self._closed = True
        self._asks.close()
        self._follower.leave(self)


def _read(given: object) -> Message:
    if not isinstance(given, dict):
        raise FormError("a message is a JSON object", field="")
    try:
        return Message.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(one) for one in first["loc"])
        raise FormError(f"{place} of a message: {first['msg']}", field=place) from None


def _encode(message: Any) -> str:
    """Return a message as a line of JSON; what JSON has no number for becomes a text."""
    try:
        return json.dumps(message, allow_nan=False, default=str, separators=(",", ":"))
    except ValueError:
        return json.dumps(_finite(message), default=str, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
