"""`RecordedErrors`: the failures in `errors.jsonl`, searched and grouped.

In go filters, out come failures and groups of one fingerprint, the newest first. The service of
`core.error_handler` and ``modframe errors`` call it; reading takes its time, so a service does it
on a thread. Lines that are damaged are left out, and a rotation meanwhile loses none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..names import full_id
from ..wording import some
from .failure import Failure, failure_of, format_time, parse_failure
from .reading import LogFiles
from .since import parse_since


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which failures are wanted; what is empty leaves out none.

    Attributes:
        module_id: Only this module's.
        since: Only those that are not older.
        text: Only those that have it in any of their texts, in whichever case.
        fingerprint: Only those of this kind.
    """

    module_id: str = ""
    since: datetime | None = None
    text: str = ""
    fingerprint: str = ""

    @classmethod
    def of(
        cls,
        module_id: str | None = None,
        *,
        since: str | datetime | None = None,
        text: str | None = None,
        fingerprint: str = "",
    ) -> Wanted:
        """Return what a person asks for; an id without a dot means ``standard.``.

        Raises:
            ValueError: If ``since`` is no time, as `parse_since` reads it.
        """
        if isinstance(since, datetime):
            after: datetime | None = since if since.tzinfo else since.replace(tzinfo=UTC)
        else:
            after = parse_since(str(since), datetime.now(UTC)) if since else None
        return cls(full_id(module_id) if module_id else "", after, text or "", fingerprint)

    def takes(self, failure: Failure) -> bool:
        """Return whether a failure is wanted."""
        return (
            self.module_id in ("", failure.module_id)
            and (self.since is None or failure.time >= self.since)
            and self.fingerprint in ("", failure.fingerprint)
            and (not self.text or self.text.casefold() in _text_of(failure))
        )

    def failure_in(self, line: str) -> Failure | None:
        """Return the failure of a line; ``None`` if it has none, or one that isn't wanted."""
        if self.module_id not in line:
            return None
        failure = parse_failure(line)
        return failure if failure is not None and self.takes(failure) else None

    def ends_at(self, line: str) -> bool:
        """Return whether all lines above one are too old."""
        failure = parse_failure(line) if self.since is not None else None
        return failure is not None and self.since is not None and failure.time < self.since


@dataclass(frozen=True, slots=True)
class Group:
    """The failures of one kind.

    Attributes:
        newest: The newest one that was written.
        first: When the first one was, of those that are kept; ``last``: the last one.
        count: How many there were.
        generations: Number of a generation → how many failures of it; 0 if none of it was live.
    """

    newest: Failure
    first: datetime
    last: datetime
    count: int
    generations: Counter[int]

    @property
    def generations_text(self) -> str:
        """The generations, for people: ``generation 2, 3``; empty if none was live."""
        numbers = [str(number) for number in sorted(self.generations) if number]
        return f"generation {some(numbers)}" if numbers else ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        newest = self.newest.to_dict()
        names = ("fingerprint", "module_id", "code", "type", "place", "message", "correlation_id")
        return {
            **{name: newest[name] for name in names},
            "count": self.count,
            "first": format_time(self.first),
            "last": format_time(self.last),
            "generations": {str(number): many for number, many in sorted(self.generations.items())},
        }


def group_of(facts: Mapping[str, Any]) -> Group:
    """Return the group that `Group.to_dict` gave."""
    return Group(
        failure_of({**facts, "time": facts["last"], "count": 1}),
        datetime.fromisoformat(facts["first"]),
        datetime.fromisoformat(facts["last"]),
        int(facts["count"]),
        Counter({int(number): many for number, many in facts["generations"].items()}),
    )


class RecordedErrors:
    """The failures that were recorded.

    Args:
        files: Where they are; ``None`` if nothing may be stored.
        reading: Is entered while the files are read; gives those that no file has, oldest first.
    """

    def __init__(
        self,
        files: LogFiles | None = None,
        *,
        reading: Callable[[], AbstractContextManager[Sequence[Failure]]] = lambda: nullcontext(()),
    ) -> None:
        self._files, self._reading = files, reading

    def find(self, wanted: Wanted, *, limit: int | None = 100) -> list[Failure]:
        """Return the newest failures that are wanted, the newest first."""
        if limit is not None and limit <= 0:
            return []
        found: list[Failure] = []
        with self._reading() as others:
            if self._files is not None:
                found, _ = self._files.newest(wanted.failure_in, limit=limit, enough=wanted.ends_at)
        return [*found, *filter(wanted.takes, others)][::-1][:limit]

    def groups(self, wanted: Wanted, *, limit: int | None = 100) -> list[Group]:
        """Return the wanted failures by their kind, the kind that failed last first."""
        groups: dict[str, Group] = {}

        def note(line: str) -> None:
            if (failure := wanted.failure_in(line)) is not None:
                _note(groups, failure)

        with self._reading() as others:
            if self._files is not None:
                self._files.newest(note, limit=None, enough=wanted.ends_at)
        for failure in filter(wanted.takes, others):
            _note(groups, failure)
        in_order = sorted(groups.values(), key=lambda group: group.last)[::-1]
        return in_order[:limit]


def _note(groups: dict[str, Group], failure: Failure) -> None:
    known = groups.pop(failure.fingerprint, None)
    first, last = _first_time(failure), failure.time
    if known is None:
        generations = Counter({failure.generation: failure.count})
        known = Group(failure, first, last, failure.count, generations)
    else:
        known.generations[failure.generation] += failure.count
        known = Group(
            max(failure, known.newest, key=_worth),
            min(known.first, first),
            max(known.last, last),
            known.count + failure.count,
            known.generations,
        )
    groups[failure.fingerprint] = known


def _worth(failure: Failure) -> tuple[bool, datetime]:
    """Return how well a failure speaks for its kind: one that was written, and the newest."""
    return failure.count == 1, failure.time


def _first_time(failure: Failure) -> datetime:
    since = failure.fields.get("since") if failure.count > 1 else None
    try:
        first = datetime.fromisoformat(since) if isinstance(since, str) else failure.time
    except ValueError:
        return failure.time
    return first if first.tzinfo is not None else failure.time


def _text_of(failure: Failure) -> str:
    """Return all texts of a failure, for a search."""
    texts: Iterable[object] = (
        failure.message, failure.module_id, failure.code, failure.type, failure.place,
        failure.correlation_id, failure.fingerprint, failure.traceback, *failure.fields.values(),
    )  # fmt: skip
    return "\n".join(map(str, texts)).casefold()
