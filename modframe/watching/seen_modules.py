"""`SeenModules`: what runs and what was tried, as `scan` needs it, without a walk over all modules.

`Watching` makes one on the app loop for each scan, which reads it in a thread. That is safe: the
live mapping never changes, and of records only single attributes are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..load.reads import Reads
from ..runtime.generation import Generation
from ..runtime.record import Record
from ..source import OnDisk, Source


@dataclass(frozen=True, slots=True)
class SeenModule:
    """What runs of a module, and how its newest attempt ended.

    Attributes:
        live: The live text, if there is one.
        follows: Whether it follows the disk: its live text came from there, or nothing is live.
        since: When the live text was built, in seconds since the epoch.
        error: Why the newest attempt failed.
        tried: The mark of the attempt that failed last.
    """

    live: Source | None = None
    follows: bool = True
    since: float = 0.0
    error: BaseException | None = None
    tried: object = None


class SeenModules:
    """All modules at one moment: live generations, records, and marks of what was tried."""

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

    def __getitem__(self, module_id: str) -> SeenModule:
        """Return a module; an unknown one is neither live nor failed."""
        generation, record = self._generations.get(module_id), self._records.get(module_id)
        return SeenModule(
            live=generation.source if generation else None,
            follows=generation is None or self._disk.holds(generation.source),
            since=generation.built_at if generation else 0.0,
            error=record.error if record else None,
            tried=self._tried.get(module_id),
        )

    def live(self) -> Iterator[tuple[str, Source]]:
        return ((key, generation.source) for key, generation in self._generations.items())

    def failed(self) -> Iterator[tuple[str, SeenModule]]:
        """Yield the modules whose newest attempt to go live failed."""
        return (
            (key, self[key])
            for key, record in self._records.items()
            if record.error is not None and record.state != "FAILED_UNLOAD"
        )

    def reads(self) -> Iterator[tuple[str, tuple[Reads, ...]]]:
        """Yield the modules that read or declare files, with those of the live generation first."""
        for key in self._generations.keys() | self._records.keys():
            reads = self._reads(key)
            if any(reads):
                yield key, reads

    def _reads(self, module_id: str) -> tuple[Reads, ...]:
        generation, record = self._generations.get(module_id), self._records.get(module_id)
        live = generation.reads if generation else None
        newest = record.reads if record else None
        both = (live, newest) if newest is not live else (live,)
        return tuple(reads for reads in both if reads is not None)
