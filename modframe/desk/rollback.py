"""`Rollbacks`: what was live before, and the swap back to it.

The swap notifies it of what went live; `Module.history` and `Module.rollback` call it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from ..errors import ModframeError
from ..runtime.change.outcome import Outcome, refuse_superseded
from ..runtime.change.swap import Swap
from ..source import Source
from ..wording import count
from .history import History
from .history_entry import HistoryEntries, HistoryEntry

_FRAMEWORK = f"{Path(__file__).parent.parent}/"
_log = logging.getLogger("modframe.history")


class Rollbacks:
    """The history of one app's modules, as its swaps make it; in memory if ``data`` is None."""

    def __init__(self, swap: Swap, data: Path | None) -> None:
        self._swap = swap
        self._history = History(data / "history.sqlite" if data is not None else None)
        swap.listeners.append(self._note)

    def _note(self, source: Source, outcome: Outcome) -> None:
        history, key = self._history, source.module_id
        try:
            # The framework's own modules come with it; a start that keeps nothing makes no file.
            written = not source.place.startswith(_FRAMEWORK)
            history.note(source, generation=outcome.after, outcome=outcome, written=written)
            if outcome.before:
                outcome.pending_account.closing.when_done(
                    lambda leaked: history.note_leaked(key, outcome.before, leaked)
                )
        except Exception:  # noqa: BLE001  # the swap is done, and must not fail for its history
            _log.exception("%s: the history took no note of generation %d", key, outcome.after)

    def entries(self, module_id: str) -> HistoryEntries:
        """The last sources of a module, newest last; those of other runs included."""
        return self._history.entries(module_id)

    def last(self, module_id: str) -> Source | None:
        """The source of a module that was live last in this run."""
        own = self._history.of_this_run(module_id)
        return own[-1].source if own else None

    async def rollback(
        self, entry: HistoryEntry, source: Source, *, force: bool = False
    ) -> Outcome:
        """Swap to the source of an entry; ``force`` as for `AppContext.load`.

        Raises:
            LoadError: If it fails; what is live is untouched.
            SupersededError: If a newer text came while it waited for its turn.
        """
        run = "" if entry.run == self._history.run else f" of run {entry.run}"
        label = f"rollback to {entry.generation}{run}{errors_of(entry)}"
        outcome = (await self._swap.change([source], force=force, label=label))[0]
        refuse_superseded([outcome])
        self._swap.records[entry.module_id].draft = None
        return outcome

    def count_error(self, module_id: str, generation: int) -> None:
        """Count a failure of a live generation; from any thread."""
        self._history.count_error(module_id, generation)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._history.close)

    # -- which entry ----------------------------------------------------------------------

    def find_entry(self, module_id: str, to: int | HistoryEntry | None) -> HistoryEntry:
        """Return the entry that a rollback goes to.

        ``to`` is an entry, a generation of this run, or None for the previous different source.

        Raises:
            ModframeError: If there is none; says what there is.
        """
        if isinstance(to, HistoryEntry):
            if to.module_id != module_id:
                raise ModframeError(
                    f"{to!r} is no entry of {module_id}'s history",
                    cure=f"roll {to.module_id} back to it, or choose one of {module_id}",
                )
            return to
        if to is None:
            return self._previous(module_id)
        if isinstance(to, bool) or not isinstance(to, int):
            raise ModframeError(
                f"{to!r} is nothing to roll back to",
                cure="give the number of a generation of this run, or an entry of .history",
                subject=module_id,
            )
        own = self._history.of_this_run(module_id)
        entry = next((entry for entry in reversed(own) if entry.generation == to), None)
        if entry is None:
            generations = ", ".join(str(entry.generation) for entry in own)
            raise ModframeError(
                f"{module_id} had no generation {to} in this run, or it is kept no more",
                cure=f"there are: {generations}; .history has those of earlier runs"
                if generations
                else "nothing of it was live in this run; .history has those of earlier runs",
            )
        return entry

    def _previous(self, module_id: str) -> HistoryEntry:
        generation = self._swap.live.generations.get(module_id)
        digest = generation.source.full_digest if generation is not None else ""
        known = self._history.entries(module_id)
        own = self._history.of_this_run(module_id)
        # Not what another process on the same data made live since this run began.
        earlier = [
            entry
            for entry in known
            if entry.run != self._history.run
            and not (own and entry.sequence > (own[0].sequence or sys.maxsize))
        ]
        entries: list[HistoryEntry] = [*earlier, *own]
        previous = next((entry for entry in reversed(entries) if entry.digest != digest), None)
        if previous is None:
            contents = "only what is live" if entries else "nothing: it was never live"
            raise ModframeError(
                f"{module_id} has no other source to roll back to",
                cure=f"its history has {contents}",
            )
        return previous


def errors_of(entry: HistoryEntry) -> str:
    """Return what a rollback to an entry says of its errors; empty if it had none.

    >>> from datetime import UTC, datetime
    >>> errors_of(HistoryEntry("m", datetime.now(UTC), "cells", "", "", 1, "", errors=2))
    ', which had 2 errors while it was live'
    """
    return f", which had {count(entry.errors, 'error')} while it was live" if entry.errors else ""
