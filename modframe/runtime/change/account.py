"""`Account`: what a change re-executed, kept, dropped and leaked, as one line and as data.

`Accounts` gives one for each module of a change at publish. It is made when something asks for it,
at the latest when the replaced generation was closed: what leaked is known only then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ...observe import record_failure
from ...wording import some
from ..contract.signatures import method_names
from ..generation import Generation
from ..live import Live, reach
from ..part import Part
from ..record import Records

_SHOWN = 3


class Closing:
    """Whether the replaced generation was closed, and what of it did not settle.

    Attributes:
        done: Whether it was closed; true from the start if nothing was replaced.
        leaked: What did not settle; empty until it was closed. What outlives it is known some
            seconds later.
    """

    __slots__ = ("_callbacks", "done", "leaked")

    def __init__(self, *, done: bool = True) -> None:
        self.done = done
        self.leaked: tuple[str, ...] = ()
        self._callbacks: list[Callable[[tuple[str, ...]], None]] = []

    def when_done(self, callback: Callable[[tuple[str, ...]], None]) -> None:
        """Call back with what leaked, once the generation was closed; at once if it was.

        It is called again if it turns out later that more did.
        """
        self._callbacks.append(callback)
        if self.done:
            callback(self.leaked)

    def finish(self, leaked: tuple[str, ...]) -> None:
        """Note that the generation was closed, or what is known to outlive it."""
        if self.done and self.leaked == leaked:
            return
        self.leaked, self.done = leaked, True
        for callback in self._callbacks:
            callback(leaked)


@dataclass(frozen=True, slots=True)
class Account:
    """What a change did to one module and to those around it.

    Attributes:
        executed: The files that were executed.
        rebuilt: The modules that import from it and were rebuilt with it, their source unchanged.
        kept: The modules that use it and stay; their handles lead to the new generation.
        handed: State that the new generation took over.
        dropped: Routes, methods, settings and files that the new generation no longer has.
        added: What was added to data that is kept, such as columns of tables.
    """

    executed: tuple[str, ...] = ()
    rebuilt: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    handed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    closing: Closing = field(default_factory=Closing, repr=False, compare=False)

    @property
    def leaked(self) -> tuple[str, ...]:
        """What of the replaced generation did not settle; empty until it was closed.

        Some seconds later it has what is still in memory then, and who holds it.
        """
        return self.closing.leaked

    @property
    def settled(self) -> bool:
        """Whether the replaced generation was closed."""
        return self.closing.done

    @property
    def unusual(self) -> str:
        """What the line under a cell mentions: what data got, dropped names, rebuilt modules."""
        phrases = [f"added {some(self.added, _SHOWN)}"] if self.added else []
        if self.dropped:
            phrases.append(f"dropped {some(self.dropped, _SHOWN)}")
        if self.rebuilt:
            phrases.append(f"rebuilt {some(self.rebuilt, _SHOWN)} with it")
        return " · ".join(phrases)

    def __str__(self) -> str:
        leaked = ", ".join(self.leaked) or ("nothing" if self.settled else "not known yet")
        lists = {
            "re-executed": ", ".join((*self.executed, *self.rebuilt)),
            "kept": ", ".join((*self.kept, *self.handed)),
            "dropped": ", ".join(self.dropped),
            "leaked": leaked,
        }
        if self.added:
            lists = {"added": ", ".join(self.added), **lists}
        return "; ".join(f"{word} {names or 'nothing'}" for word, names in lists.items())


class PendingAccount:
    """An account that is made when it is first asked for, in any thread.

    Making one compares two generations, which takes longer than publishing.

    Attributes:
        closing: Whether the replaced generation was closed.
    """

    __slots__ = ("_account", "_lock", "_make", "closing")

    def __init__(
        self, make: Callable[[], Account] = Account, closing: Closing | None = None
    ) -> None:
        self._make: Callable[[], Account] | None = make
        self._account: Account | None = None
        # Re-entrant: what fails while it is made is logged, and the log may ask for it.
        self._lock = threading.RLock()
        self.closing = closing or Closing()

    def get(self) -> Account:
        """Return the account, which from then on keeps no generation alive."""
        with self._lock:
            make, self._make = self._make, None
            if make is not None:
                self._account = make()
            return self._account or Account()


class Accounts:
    """Makes the accounts of one app's changes.

    Args:
        live: What runs.
        records: Where it is noted what did not settle.
        parts: What generations are made of.
    """

    def __init__(self, live: Live, records: Records, parts: Sequence[Part[Any]]) -> None:
        self._live = live
        self._records = records
        self._parts = parts
        self._open: dict[Generation, PendingAccount] = {}
        self._closed: dict[tuple[str, int], Closing] = {}

    def of(
        self,
        built: Mapping[str, Generation],
        replaced: Mapping[str, Generation],
        *,
        handed: Mapping[str, tuple[str, ...]],
    ) -> dict[str, PendingAccount]:
        """Return the account of each module that was published.

        Args:
            built: Module id → the generation that is live now.
            replaced: Module id → the generation that was live before.
            handed: Module id → what its new generation took over.
        """

        def make(key: str, kept: tuple[str, ...], closing: Closing) -> Account:
            importers = _rebuilt_importers(built, replaced)
            return Account(
                _executed(built[key]),
                rebuilt=tuple(reach([key], lambda other: importers.get(other, ()))),
                kept=kept,
                handed=handed.get(key, ()),
                dropped=tuple(self._dropped(replaced[key], built[key])),
                added=tuple(built[key].added),
                closing=closing,
            )

        accounts: dict[str, PendingAccount] = {}
        for key, new in built.items():
            old = replaced.get(key)
            if old is None:
                first = partial(Account, _executed(new), added=tuple(new.added))
                accounts[key] = PendingAccount(first)
                continue
            closing = Closing(done=old.stage == "closed")
            kept = tuple(user for user in self._live.all_dependents(key) if user not in built)
            pending = PendingAccount(partial(make, key, kept, closing), closing)
            accounts[key] = self._open[old] = pending
            if closing.done:  # it was stopped first
                self.closed(old)
        return accounts

    def _dropped(self, old: Generation, new: Generation) -> list[str]:
        dropped: list[str] = []
        for part in self._parts:
            if part.noun and part.vanishes:
                dropped += missing(_outline(part, old), _outline(part, new))
        dropped += [f"{name}()" for name in sorted(method_names(old).keys() - method_names(new))]
        return [*dropped, *sorted(old.source.files.keys() - new.source.files.keys())]

    def closed(self, old: Generation) -> None:
        """Complete the account of the change that replaced a generation, which was closed."""
        if pending := self._open.pop(old, None):
            pending.get()  # it lets go of the generation
            self._closed[old.module_id, old.number] = pending.closing
            pending.closing.finish(self._records[old.module_id].unsettled_of(old.number))

    def looked(self, module_id: str, number: int) -> None:
        """Add to the account what outlives the replaced generation: that is known now."""
        if closing := self._closed.pop((module_id, number), None):
            closing.finish(self._records[module_id].unsettled_of(number))


def _executed(generation: Generation) -> tuple[str, ...]:
    return tuple(generation.package.modules()) if generation.package is not None else ()


def _outline(part: Part[Any], generation: Generation) -> tuple[str, ...] | None:
    try:
        return part.outline(generation)
    except Exception as error:  # noqa: BLE001  # a part of a person's own; the change is done
        record_failure(
            generation.module_id,
            f"part {part.name!r} lists nothing: {error}",
            error,
            generation=generation.number,
        )
        return None


def missing(before: Sequence[str] | None, after: Sequence[str] | None) -> list[str]:
    """Return what is no longer listed; nothing if either list is unknown."""
    if before is None or after is None:
        return []
    remaining = set(after)
    return [name for name in before if name not in remaining]


def _rebuilt_importers(
    built: Mapping[str, Generation], replaced: Mapping[str, Generation]
) -> dict[str, list[str]]:
    """Return module id → the modules of the change that import from it and have equal text."""
    importers: dict[str, list[str]] = {}
    for key, generation in built.items():
        if key in replaced and replaced[key].source.digest == generation.source.digest:
            for imported in generation.spec.imports_modules:
                importers.setdefault(imported, []).append(key)
    return importers
