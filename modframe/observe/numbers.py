"""`Numbers`: what an app counts and measures: requests, calls of services, changes and their steps.

The server, handles, changes and parts count; views and the page `/metrics` read, from any thread.
It is plain data that lives as long as the app, so a swap takes nothing away. This knows no module:
ids, routes and names are the labels that it is given.

What happens is added to the series of the app as it happens. Calls are not, since one takes a
microsecond: the watchdog has their counters looked at when an interval ends, and so has a snapshot.

How many labels there may be is bounded: a client can't choose any of them, and what is beyond
`MOST_ROUTES` of one module is counted as one.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any, Final, Literal

from .durations import FINE, Durations
from .series import STEP, Series

MOST_ROUTES: Final = 500
"""How many combinations of route, method and status of one module are told apart."""
OTHER: Final = "other"
"""Stands for a route beyond those, and for a method that HTTP doesn't know."""
SERVER: Final = "modframe.server"
"""Stands in the place of a module's id for the system pages, and for what nothing answers."""
TIMED: Final = 64
"""So many calls of a method are timed, each of them; later, one of `SAMPLED` is."""
SAMPLED: Final = 64
_FAULT = 500
_REFUSED = ("failed", "blocked")
Kind = Literal["swaps", "tasks", "events", "dead_events", "sessions", "checks"]
"""What is counted as it happens; `Numbers.facts` says what each counts."""


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

    def add(self, answer: Answer, seconds: float | None, *, now: float) -> None:
        """Count one that ends now, by `time.perf_counter`; it may have no duration."""
        answered = self.answers.get(answer)
        if answered is None:
            answered = self._new(answer)
        answered.count += 1
        if seconds is not None:
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


class ServiceCalls:
    """The calls of the service of one module.

    Attributes:
        methods: Name of a method → its calls.
        series: All of them in the last minutes, as far as `sample` has seen them.
    """

    __slots__ = ("_count", "_errors", "methods", "series")

    def __init__(self) -> None:
        self.methods: dict[str, Calls] = {}
        self.series = Series(None)
        self._count = self._errors = 0

    def sample(self, at: float) -> tuple[int, int]:
        """Count what came since the last time as of a time; return calls and errors of it."""
        count = errors = 0
        for calls in list(self.methods.values()):
            count += calls.count
            errors += calls.errors
        new = count - self._count, errors - self._errors
        self._count, self._errors = count, errors
        if any(new):
            self.series.add_many(at, new[0], errors=new[1])
        return new


class Numbers:
    """The numbers of one app.

    Attributes:
        requests: Module id → its requests. ``traffic``: the series of those of all modules.
        calls: Module id → the calls of its service.
        changes: Module id and what came of a change (``live``, ``failed``, ``blocked``,
            ``disabled``, ``superseded`` or ``unchanged``) → how often.
        swaps: How long the changes took that went live.
        steps: Name of a step of a change → how long it took.
    """

    def __init__(self) -> None:
        self.requests: dict[str, Requests] = {}
        self.calls: dict[str, ServiceCalls] = {}
        self.changes: Counter[tuple[str, str]] = Counter()
        self.swaps = Durations()
        self.steps: dict[str, Durations] = {}
        self.traffic, self._called = Series(), Series(None)
        self._happened: dict[str, Series] = {
            "swaps": Series(),
            "tasks": Series(),
            "events": Series(),
            "dead_events": Series(None),
            "sessions": Series(FINE),
            "checks": Series(),
        }
        self._sampling = threading.Lock()
        self._sampled = time.perf_counter()

    def answered(
        self, module_id: str, answer: Answer, seconds: float | None, *, now: float
    ) -> None:
        """Count a request that ends now, by `time.perf_counter`.

        ``seconds`` is ``None`` for one without duration: an event stream or a websocket.
        """
        requests = self.requests.get(module_id)
        if requests is None:
            requests = self.requests.setdefault(module_id, Requests())
        requests.add(answer, seconds, now=now)
        if module_id != SERVER:  # views ask there, and would count themselves
            self.traffic.add(now, seconds, failed=answer[2] >= _FAULT)

    def calls_of(self, module_id: str, method: str) -> Calls:
        """Return the calls of a method, to count one."""
        return self.calls.setdefault(module_id, ServiceCalls()).methods.setdefault(method, Calls())

    def changed(self, module_id: str, outcome: str, seconds: float | None = None) -> None:
        """Count what came of a change; ``seconds`` are how long one took that went live."""
        self.changes[module_id, outcome] += 1
        if seconds is not None:
            self.swaps.add(seconds)
        if outcome == "live" or outcome in _REFUSED:
            self.happened("swaps", seconds, failed=outcome in _REFUSED)

    def happened(self, kind: Kind, seconds: float | None = None, *, failed: bool = False) -> None:
        """Count something that ends now in the series of the app; on the app loop."""
        self._happened[kind].add(time.perf_counter(), seconds, failed=failed)

    def step_took(self, step: str, seconds: float) -> None:
        """Measure a step of a change."""
        taken = self.steps.get(step)
        if taken is None:
            taken = self.steps.setdefault(step, Durations(FINE))
        taken.add(seconds)

    def tick(self, now: float) -> None:
        """Count the calls of an interval when it is over; asked often, by `time.perf_counter`."""
        if int(now) // STEP != int(self._sampled) // STEP:
            self.sample(now)

    def sample(self, now: float) -> None:
        """Count the calls since the last time in the interval of that time."""
        with self._sampling:
            at, self._sampled = self._sampled, now
            for served in list(self.calls.values()):
                count, errors = served.sample(at)
                if count or errors:
                    self._called.add_many(at, count, errors=errors)

    def facts(self) -> dict[str, dict[str, Any]]:
        """Return what happened in the app in the last minutes, kind by kind, as JSON-ready data.

        Returns:
            ``requests`` of modules (errors: status 500 and above), ``calls`` of services (those
            that raised or returned an error `Result`), ``swaps`` (refused ones), ``tasks``: runs
            that ended (failed ones), ``events``: attempts to handle one (failed ones),
            ``dead_events``: those that were given up, ``sessions`` that ended (by an error, such
            as a conflict), ``checks``: runs (those that found the module unhealthy). Of each, what
            `Series.facts` returns; calls and dead events have no durations.
        """
        self.sample(time.perf_counter())
        every = {"requests": self.traffic, "calls": self._called, **self._happened}
        return {kind: series.facts() for kind, series in every.items()}

    def __repr__(self) -> str:
        answered = sum(
            answer.count
            for one in list(self.requests.values())
            for answer in list(one.answers.values())
        )
        return f"<Numbers: {answered} requests, {sum(self.changes.values())} changes>"
