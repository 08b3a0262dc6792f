"""`Account`: what a swap re-executed, kept, dropped and left behind; as one line and as data.

`Accounts` makes one for each module of a change at publish, and follows the replaced generation to
its end: what did not settle is known only then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ...wording import some
from ..contract.signatures import method_names
from ..generation import Generation
from ..live import Live
from ..part import Part
from ..record import Records
from .graph import reach

_SHOWN = 3


class Closing:
    """Whether the replaced generation was closed, and what of it would not settle.

    Attributes:
        done: Whether it was closed; at once where nothing was replaced.
    """

    __slots__ = ("_told", "done", "leaked")

    def __init__(self, *, done: bool = True) -> None:
        self.done = done
        self.leaked: tuple[str, ...] = ()
        self._told: list[Callable[[tuple[str, ...]], None]] = []

    def notify(self, told: Callable[[tuple[str, ...]], None]) -> None:
        """Let someone know what leaked, once it was closed."""
        if self.done:
            told(self.leaked)
        else:
            self._told.append(told)

    def finish(self, leaked: tuple[str, ...]) -> None:
        """It was closed."""
        self.leaked, self.done = leaked, True
        while self._told:
            self._told.pop()(leaked)


@dataclass(frozen=True, slots=True)
class Account:
    """What a swap did to one module and to those around it.

    Attributes:
        executed: The files that were run anew.
        rebuilt: The modules that import from it and were rebuilt with it, their text unchanged.
        kept: The modules that build upon it and stay; they reach the new one by their handles.
        handed: State and resources that the new generation took over.
        dropped: Routes, methods, settings and files that were there and are gone.
    """

    executed: tuple[str, ...] = ()
    rebuilt: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    handed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    closing: Closing = field(default_factory=Closing, repr=False, compare=False)

    @property
    def leaked(self) -> tuple[str, ...]:
        """What of the replaced generation would not settle; empty until it was closed."""
        return self.closing.leaked

    @property
    def settled(self) -> bool:
        """Whether the replaced generation was closed."""
        return self.closing.done

    @property
    def unusual(self) -> str:
        """What goes into the line under a cell: only what is not always so."""
        said = [f"dropped {some(self.dropped, _SHOWN)}"] if self.dropped else []
        if self.rebuilt:
            said.append(f"rebuilt {some(self.rebuilt, _SHOWN)} with it")
        return " · ".join(said)

    def __str__(self) -> str:
        leaked = ", ".join(self.leaked) or ("nothing" if self.settled else "not known yet")
        said = {
            "re-executed": ", ".join((*self.executed, *self.rebuilt)),
            "kept": ", ".join((*self.kept, *self.handed)),
            "dropped": ", ".join(self.dropped),
            "leaked": leaked,
        }
        return "; ".join(f"{word} {what or 'nothing'}" for word, what in said.items())


class Accounts:
    """Makes the accounts of one app's swaps.

    Args:
        live: What runs.
        records: Where what would not settle is noted.
        parts: What generations are made of.
    """

    def __init__(self, live: Live, records: Records, parts: Sequence[Part]) -> None:
        self._live = live
        self._records = records
        self._parts = parts
        self._open: dict[tuple[str, int], Closing] = {}

    def of(
        self,
        built: Mapping[str, Generation],
        replaced: Mapping[str, Generation],
        *,
        handed: Mapping[str, tuple[str, ...]],
    ) -> dict[str, Account]:
        """The account of each module that was published.

        Args:
            built: What is live now.
            replaced: What was live instead.
            handed: Module id → what its new generation took over.
        """
        accounts = {}
        for key, new in built.items():
            executed = tuple(new.package.modules()) if new.package is not None else ()
            old = replaced.get(key)
            if old is None:
                accounts[key] = Account(executed)
                continue
            accounts[key] = Account(
                executed,
                rebuilt=_rebuilt(key, built, replaced),
                kept=tuple(one for one in self._live.users(key) if one not in built),
                handed=handed.get(key, ()),
                dropped=tuple(self._dropped(old, new)),
                closing=self._closing(old),
            )
        return accounts

    def _closing(self, old: Generation) -> Closing:
        closing = Closing(done=old.stage == "closed")
        if closing.done:  # it was stopped first
            closing.leaked = self._left(old)
        else:
            self._open[old.module_id, old.number] = closing
        return closing

    def _dropped(self, old: Generation, new: Generation) -> list[str]:
        gone: list[str] = []
        for part in self._parts:
            if part.noun and part.vanishes:
                gone += missing(part.outline(old), part.outline(new))
        gone += [f"{name}()" for name in sorted(method_names(old) - method_names(new))]
        return [*gone, *sorted(old.source.files.keys() - new.source.files.keys())]

    def closed(self, old: Generation) -> None:
        """A generation was closed: the account of the swap that replaced it is complete."""
        closing = self._open.pop((old.module_id, old.number), None)
        if closing is not None:
            closing.finish(self._left(old))

    def _left(self, old: Generation) -> tuple[str, ...]:
        mark = f"generation {old.number}: "
        said = self._records[old.module_id].unsettled
        return tuple(one.removeprefix(mark) for one in said if one.startswith(mark))


def missing(before: Sequence[str] | None, after: Sequence[str] | None) -> list[str]:
    """What was listed and is not any more; nothing where either can't be told."""
    if before is None or after is None:
        return []
    there = set(after)
    return [one for one in before if one not in there]


def _rebuilt(
    key: str, built: Mapping[str, Generation], replaced: Mapping[str, Generation]
) -> tuple[str, ...]:
    """Modules of the change with equal text that import from one, or from one that does."""
    same = [
        one
        for one, generation in built.items()
        if one in replaced and replaced[one].source.digest == generation.source.digest
    ]
    return tuple(
        reach([key], same, lambda one, group: not group.isdisjoint(built[one].spec.imports_modules))
    )
