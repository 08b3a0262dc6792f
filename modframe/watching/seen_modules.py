"""`SeenModules`: what runs and what was tried, as `look` needs it, without walking every module.

Made on the app loop for each look, and read in its thread: Live is one mapping that never changes,
and of records only single attributes are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..load.reads import Reads
from ..runtime.generation import Generation
from ..runtime.record import Record
from ..source import OnDisk, Source


@dataclass(frozen=True, slots=True)
class Known:
    """What runs of a module, and what became of the newest attempt.

    Attributes:
        live: The live text, if there is one.
        follows: Whether it is to follow the disk: its text came from there, or isn't live.
        since: When the live text was built, in seconds since the epoch.
        error: Why the newest attempt failed.
        reads: The files that were read, the live generation's first.
        tried: The mark of the attempt that failed last.
    """

    live: Source | None = None
    follows: bool = True
    since: float = 0.0
    error: BaseException | None = None
    reads: tuple[Reads, ...] = ()
    tried: object = None


class SeenModules:
    """All modules at one moment.

    Args:
        generations: What is live. ``records``: what is known beside it.
        disk: Where texts come from.
        tried: Module id → the mark of the attempt that failed last.
    """

    def __init__(
        self,
        generations: Mapping[str, Generation],
        records: Mapping[str, Record],
        *,
        disk: OnDisk,
        tried: Mapping[str, object],
    ) -> None:
        self._generations, self._records = generations, dict(records)
        self._disk, self._tried = disk, dict(tried)

    def __getitem__(self, module_id: str) -> Known:
        """A module; one that nobody heard of is neither live nor failed."""
        generation, record = self._generations.get(module_id), self._records.get(module_id)
        return Known(
            live=generation.source if generation else None,
            follows=generation is None or self._disk.holds(generation.source),
            since=generation.built_at if generation else 0.0,
            error=record.error if record else None,
            reads=self._reads(module_id),
            tried=self._tried.get(module_id),
        )

    def _reads(self, module_id: str) -> tuple[Reads, ...]:
        generation, record = self._generations.get(module_id), self._records.get(module_id)
        live = generation.reads if generation else None
        newest = record.reads if record else None
        found = (live, newest) if newest is not live else (live,)
        return tuple(one for one in found if one is not None)

    def live(self) -> Iterator[tuple[str, Source]]:
        """Module id → the live text."""
        return ((key, one.source) for key, one in self._generations.items())

    def failed(self) -> Iterator[tuple[str, Known]]:
        """The modules whose newest attempt to go live failed."""
        return (
            (key, self[key])
            for key, one in self._records.items()
            if one.error is not None and one.state != "FAILED_UNLOAD"
        )

    def reads(self) -> Iterator[tuple[str, tuple[Reads, ...]]]:
        """The modules that read or declare files, with those."""
        for key in self._generations.keys() | self._records.keys():
            found = self._reads(key)
            if any(found):
                yield key, found
