"""`Exposition`: the page `/metrics`, in the formats that Prometheus reads.

In go the numbers of the app, the views of its modules and what the watchdog saw; out comes text.
It also has what the registry of the process has: the metrics of live modules, and those of
libraries. modframe's own are registered nowhere, so an app that starts again in a process can't
meet those of the one before. `SystemPages` calls it, in a thread.

Every name stands in `docs/metrics.md`, with its labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from ..observe import SAMPLED, TIMED, Durations, EventLog, Numbers, Watchdog
from ..view.snapshot import ModuleView

if TYPE_CHECKING:
    from prometheus_client import Metric

_Labels = Sequence[str]
_HEALTH = ("healthy", "degraded", "unhealthy", "unknown")
_REQUEST = ("module", "route", "method", "status")


class Exposition:
    """Makes the page.

    Args:
        numbers: What is counted.
        rows: Returns the views of the modules that should run.
        readiness: Whether all is ready, and module id → state.
        log: Counts the events. ``watchdog``: measures how far the app loop lags behind.
    """

    def __init__(
        self,
        numbers: Numbers,
        rows: Callable[[], Iterable[ModuleView]],
        *,
        readiness: Callable[[], tuple[bool, Mapping[str, str]]],
        log: EventLog,
        watchdog: Watchdog,
    ) -> None:
        self._numbers, self._rows = numbers, rows
        self._readiness = readiness
        self._log, self._watchdog = log, watchdog

    def __call__(self, accept: str) -> tuple[bytes, str]:
        """Return the page in the format that an ``Accept`` header asks for, and its media type."""
        from prometheus_client.exposition import choose_encoder

        encode, media_type = choose_encoder(accept)
        return encode(self), media_type

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics, as a registry of prometheus_client does."""
        from prometheus_client import REGISTRY

        own = set()
        for metric in self._own():
            own.add(metric.name)
            yield metric
        for metric in REGISTRY.collect():
            if metric.name not in own:
                yield metric

    def _own(self) -> Iterator[Metric]:
        yield from self._requests()
        yield from self._calls()
        yield from self._changes()
        yield from self._loop()
        views = list(self._rows())
        yield from self._modules(views)
        yield from _work(views)
        yield from _events(views)

    def _requests(self) -> Iterator[Metric]:
        every = [
            ((module_id, *map(str, answer)), answered)
            for module_id, requests in list(self._numbers.requests.items())
            for answer, answered in list(requests.answers.items())
        ]
        counts = [(labels, answered.count) for labels, answered in every]
        yield _counter("requests", "Requests that were answered.", _REQUEST, counts)
        durations = [
            (labels, answered.durations) for labels, answered in every if answered.durations.count
        ]
        text = "Seconds from a request to the end of its answer; no event streams, no websockets."
        yield _histogram("request_duration_seconds", text, _REQUEST, durations)

    def _calls(self) -> Iterator[Metric]:
        every = [
            ((module_id, name), calls)
            for module_id, served in list(self._numbers.calls.items())
            for name, calls in list(served.methods.items())
            if calls.count  # a handle that was only looked at has methods that nobody called
        ]
        labels = ("module", "method")
        counts = [(key, calls.count) for key, calls in every]
        yield _counter("service_calls", "Calls of methods of services.", labels, counts)
        errors = [(key, calls.errors) for key, calls in every]
        text = "Calls that raised, or returned an error Result."
        yield _counter("service_call_errors", text, labels, errors)
        durations = [(key, calls.durations) for key, calls in every if calls.durations.count]
        text = f"Seconds that calls took: the first {TIMED} of a method, then one of {SAMPLED}."
        yield _histogram("service_call_duration_seconds", text, labels, durations)

    def _changes(self) -> Iterator[Metric]:
        numbers = self._numbers
        counts = list(numbers.changes.items())
        yield _counter("swaps", "What came of changes.", ("module", "outcome"), counts)
        text = "Seconds that changes took until they were live."
        yield _histogram("swap_duration_seconds", text, (), [((), numbers.swaps)])
        steps = [((step,), taken) for step, taken in list(numbers.steps.items())]
        text = "Seconds that the steps of changes took."
        yield _histogram("swap_step_duration_seconds", text, ("step",), steps)

    def _loop(self) -> Iterator[Metric]:
        text = "Seconds that the app loop took to get to something new while it worked."
        yield _histogram("loop_lag_seconds", text, (), [((), self._watchdog.lag)])
        stall = self._watchdog.stall
        text = "Seconds for which something keeps the app loop now; 0 if nothing does."
        yield _gauge("loop_stalled_seconds", text, (), [((), stall.seconds if stall else 0.0)])
        facts = self._log.describe()
        yield _counter("log_events", "Lines of the log.", (), [((), facts["events"])])
        yield _counter("log_errors", "Those that are errors.", (), [((), facts["errors"])])

    def _modules(self, views: Sequence[ModuleView]) -> Iterator[Metric]:
        ready, states = self._readiness()
        yield _gauge("ready", "Whether all modules that should run are live.", (), [((), ready)])
        state = [((key, state), 1) for key, state in states.items()]
        yield _gauge("module_state", "The state of each module.", ("module", "state"), state)
        live = [view for view in views if view.generation]
        numbers = [((view.id,), view.generation) for view in live]
        text = "The number of the live generation."
        yield _gauge("module_generation", text, ("module",), numbers)
        inside = [((view.id,), _inside(view)) for view in views]
        text = "Calls, requests and streams that are inside now, also in replaced generations."
        yield _gauge("in_flight", text, ("module",), inside)
        text = "Replaced generations that still drain."
        draining = [((view.id,), len(view.retired)) for view in views]
        yield _gauge("draining_generations", text, ("module",), draining)


def _work(views: Sequence[ModuleView]) -> Iterator[Metric]:
    """Yield what says how sessions, named tasks and health checks are."""
    opened = [((view.id,), len(_facts(view, "sessions").get("open", ()))) for view in views]
    yield _gauge("sessions_open", "Database sessions that are open.", ("module",), opened)
    tasks = [
        ((view.id, task["name"]), task)
        for view in views
        for task in _facts(view, "jobs").get("tasks", ())
    ]
    labels = ("module", "task")
    runs = [(key, task["runs"]) for key, task in tasks]
    yield _counter("task_runs", "Runs of named tasks that have begun.", labels, runs)
    skipped = [(key, task["skipped"]) for key, task in tasks]
    text = "Times that came while a run went on, and were skipped."
    yield _counter("task_skipped", text, labels, skipped)
    failing = [(key, bool(task["error"])) for key, task in tasks]
    yield _gauge("task_failing", "Whether the last run failed.", labels, failing)
    running = [(key, task["state"] == "running") for key, task in tasks]
    yield _gauge("task_running", "Whether a run goes on.", labels, running)
    checks = [(view.id, facts) for view in views if (facts := _facts(view, "health"))]
    status = [
        ((key, status), facts["status"] == status) for key, facts in checks for status in _HEALTH
    ]
    yield _gauge("check_status", "What each health check says.", ("module", "status"), status)
    failures = [((key,), facts["failures"]) for key, facts in checks]
    yield _gauge("check_failures", "Failures of the check in a row.", ("module",), failures)


def _events(views: Sequence[ModuleView]) -> Iterator[Metric]:
    """Yield what the queues of events hold, and what became of those that were in them."""
    queues = [
        ((view.id, queue["event"], queue["method"]), queue)
        for view in views
        for queue in _facts(view, "events").get("subscriptions", ())
    ]
    labels = ("module", "event", "method")
    waiting = [(key, queue["waiting"]) for key, queue in queues]
    yield _gauge("events_waiting", "Events that wait for a method.", labels, waiting)
    for name, fact, text in (
        ("events_delivered", "handled", "Events that a method has handled."),
        ("events_failed", "failed", "Attempts to handle an event that failed."),
        ("events_dead", "given_up", "Events that were given up."),
    ):
        yield _counter(name, text, labels, [(key, queue[fact]) for key, queue in queues])


def _facts(view: ModuleView, part: str) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = view.parts.get(part) or {}
    return facts


def _inside(view: ModuleView) -> int:
    return view.in_flight + sum(each["calls"] + each["streams"] for each in view.retired)


# -- families ------------------------------------------------------------------------------------


def _counter(
    name: str, text: str, labels: _Labels, samples: Iterable[tuple[_Labels, float]]
) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    return _filled(CounterMetricFamily(f"modframe_{name}", text, labels=labels), samples)


def _gauge(
    name: str, text: str, labels: _Labels, samples: Iterable[tuple[_Labels, float]]
) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    return _filled(GaugeMetricFamily(f"modframe_{name}", text, labels=labels), samples)


def _filled(family: Any, samples: Iterable[tuple[_Labels, float]]) -> Metric:
    for values, value in samples:
        family.add_metric(values, float(value))
    filled: Metric = family
    return filled


def _histogram(
    name: str, text: str, labels: _Labels, samples: Iterable[tuple[_Labels, Durations]]
) -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(f"modframe_{name}", text, labels=labels)
    for values, taken in samples:
        counts = list(accumulate(list(taken.counts)))
        bounds = [*map(str, taken.bounds), "+Inf"]
        buckets = list(zip(bounds, counts, strict=True))
        family.add_metric(values, buckets, sum_value=taken.total)
    return family
