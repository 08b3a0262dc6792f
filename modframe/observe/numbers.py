"""`Numbers`: what an app counts and measures: requests, calls of services, changes and their steps.

The server, handles and changes count; views and the page `/metrics` read, from any thread. It is
plain data that lives as long as the app, so a swap takes nothing away. This knows no module: ids,
routes and names are the labels that it is given.

How many labels there may be is bounded: a client can't choose any of them, and what is beyond
`MOST_ROUTES` of one module is counted as one.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from .durations import FINE, Durations
from .series import Series

MOST_ROUTES: Final = 500
"""How many combinations of route, method and status of one module are told apart."""
OTHER: Final = "other"
"""Stands for a route beyond those, and for a method that HTTP doesn't know."""
TIMED: Final = 64
"""So many calls of a method are timed, each of them; later, one of `SAMPLED` is."""
SAMPLED: Final = 64
_FAULT = 500


Answer = tuple[str, str, int]
"""The labels of a request that was answered: route, method and status.

The route is its path as the router has it, with ``{parameters}``; empty if none matched. The method
is in upper case, ``WS`` for a websocket. The status is 101 for a websocket that was opened, 499
where the client left before there was one.
"""


class Answered:
    """How many requests of one kind there were.

    Attributes:
        durations: How long they took, without event streams and websockets, which are open for
            as long as their clients like.
    """

    __slots__ = ("count", "durations")

    def __init__(self) -> None:
        self.count = 0
        self.durations = Durations()


class Requests:
    """The requests of one module.

    Attributes:
        answers: What there was of each kind.
        series: The same in the last minutes.
    """

    __slots__ = ("answers", "series")

    def __init__(self) -> None:
        self.answers: dict[Answer, Answered] = {}
        self.series = Series()

    def add(self, answer: Answer, seconds: float, *, now: float, lasting: bool = False) -> None:
        """Count one that ends now, by `time.perf_counter`; ``lasting`` for one without duration."""
        answered = self.answers.get(answer)
        if answered is None:
            answered = self._new(answer)
        answered.count += 1
        if lasting:
            seconds = 0.0
        else:
            answered.durations.add(seconds)
        self.series.add(now, seconds, failed=answer[2] >= _FAULT)

    def _new(self, answer: Answer) -> Answered:
        if len(self.answers) >= MOST_ROUTES:
            answer = (OTHER, *answer[1:])
        return self.answers.setdefault(answer, Answered())


class Calls:
    """The calls of one method of a service.

    Attributes:
        count: How many there were. ``errors``: how many raised, or returned an error `Result`.
        durations: How long the first `TIMED` took, and then one of `SAMPLED`; no streams.
        due: The count from which on the next call is timed.
    """

    __slots__ = ("count", "due", "durations", "errors")

    def __init__(self) -> None:
        self.count = self.errors = 0
        self.due = 0
        self.durations = Durations(FINE)

    def took(self, seconds: float, *, traced: bool = False) -> None:
        """Measure a call, and choose the next one to be timed: each, while calls are traced."""
        self.durations.add(seconds)
        self.due = 0 if traced else self.count + (0 if self.count < TIMED else SAMPLED)


class Numbers:
    """The numbers of one app.

    Attributes:
        requests: Module id → its requests.
        calls: Module id → name of a method of its service → its calls.
        changes: Module id and what came of a change (``live``, ``failed``, ``blocked``,
            ``disabled``, ``superseded`` or ``unchanged``) → how often.
        swaps: How long the changes took that went live.
        steps: Name of a step of a change → how long it took.
    """

    def __init__(self) -> None:
        self.requests: dict[str, Requests] = {}
        self.calls: dict[str, dict[str, Calls]] = {}
        self.changes: Counter[tuple[str, str]] = Counter()
        self.swaps = Durations()
        self.steps: dict[str, Durations] = {}

    def requests_of(self, module_id: str) -> Requests:
        """Return the requests of a module, to count one."""
        found = self.requests.get(module_id)
        return self.requests.setdefault(module_id, Requests()) if found is None else found

    def calls_of(self, module_id: str, method: str) -> Calls:
        """Return the calls of a method, to count one."""
        return self.calls.setdefault(module_id, {}).setdefault(method, Calls())

    def changed(self, module_id: str, outcome: str, seconds: float = 0.0) -> None:
        """Count what came of a change; ``seconds`` are how long one took that went live."""
        self.changes[module_id, outcome] += 1
        if seconds:
            self.swaps.add(seconds)

    def step_took(self, step: str, seconds: float) -> None:
        """Measure a step of a change."""
        taken = self.steps.get(step)
        if taken is None:
            taken = self.steps.setdefault(step, Durations(FINE))
        taken.add(seconds)

    def __repr__(self) -> str:
        answered = sum(
            answer.count
            for one in list(self.requests.values())
            for answer in list(one.answers.values())
        )
        return f"<Numbers: {answered} requests, {sum(self.changes.values())} changes>"
