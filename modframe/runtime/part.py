"""`Part`: one aspect of a generation (settings, database, web, ...); `Panel`: what it shows.

Subclasses of `Part` stand in `modframe.parts`; the engine makes one object of each. A batch
prepares and enters the parts of a generation, the ledger leaves them, and the snapshot collects
what they describe and show, so that changes and views know no part by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from ..errors import ModframeError
from .generation import Generation

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Action:
    """A button that the cockpit draws in each row of a panel; `Part.act` does what it says.

    Attributes:
        name: What the button says, such as ``"Run now"``.
        danger: Whether a person is asked once more: what it ends or deletes is not got back.
    """

    name: str
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """A table that a part shows of a generation; every view draws it.

    Attributes:
        noun: What a row is, in the singular, such as ``"route"``; the head of the first column.
        heads: The heads of the other columns.
        rows: The cells of each row, as plain text; the first one names the row.
        live_only: Whether a notebook's saved display of the module and the status page leave the
            panel out: its rows come and go while the module works, or may hold private values.
        tab: The title of the cockpit's tab that it stands under, below the other panels of that
            tab; by default it has a tab of its own.
        actions: The buttons of each row.
    """

    noun: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    live_only: bool = False
    tab: str = ""
    actions: tuple[Action, ...] = ()

    @property
    def title(self) -> str:
        """The noun in the plural."""
        return f"{self.noun}s"

    @property
    def columns(self) -> tuple[str, ...]:
        """The heads of all columns."""
        return (self.noun, *self.heads)


class Detail(Panel):
    """A panel that says more about the rows of another one; what a module has is counted there."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Clash:
    """Why a generation can't be live beside one of another module.

    Attributes:
        other: The other module.
        error: What the change is refused with; it names what of both clashes.
    """

    other: str
    error: ModframeError


Description = tuple[Any, tuple[Panel, ...]]
"""The frozen facts of a generation that a part describes, and the panels that show them."""


class Part(Generic[T]):
    """Builds one aspect of each generation, releases it, and describes it.

    A part is one object for the whole app. What it builds for a generation, a ``T``, is found with
    `of`. Nothing that a part does before publish may touch what is live.

    A new kind of thing that modules own is a new part: it builds or watches what the module makes
    of it, and on leaving settles all of it. What it can't settle it raises as a `ModframeError`
    that names each thing: the module is then FAILED_UNLOAD, or the swap says what leaked.
    What comes into being later, one by one, is put on ``generation.ledger`` with its name.

    Attributes:
        name: What the ledger and the snapshot call it.
        noun: What `outline` lists, in the singular; empty for a part that lists nothing.
        vanishes: Whether what a new generation no longer lists is gone. A column of a table stays.
        empty_facts: What `describe` returns of a generation that has nothing of this aspect. Most
            have nothing, and a snapshot then takes a description that it made before.
        describes_once: Whether the facts of a live generation stay as they are; `describe` and
            `panels` are then called for its first snapshot only.
    """

    name: ClassVar[str] = ""
    noun: ClassVar[str] = ""
    vanishes: ClassVar[bool] = True
    empty_facts: ClassVar[Mapping[str, Any]] = {}
    describes_once: ClassVar[bool] = False

    @classmethod
    def of(cls, generation: Generation | None) -> T | None:
        """Return what this part built for a generation; ``None`` if it was not entered."""
        return generation.parts.get(cls.name) if generation is not None else None

    def prepare(self, generation: Generation) -> None:
        """Get ready for the module's body, which runs next, on this thread.

        For what the body may already own before phase 1, and then fail. Put what settles it on
        ``generation.ledger``: it is called after all parts were left, and also if the body raises.
        """

    def clashes(
        self, going: Mapping[str, Generation], live: Mapping[str, Generation]
    ) -> Mapping[str, Clash]:
        """Return module id → why a generation of a change can't be live beside the others.

        Called once the texts of a change were read, by a plan too, and last before publish.
        ``going`` has the generations of the change. Of ``live`` they replace their own.
        """
        return {}

    def migrates(self, generation: Generation) -> bool:
        """Return whether there is anything to `migrate`."""
        return type(self).migrate is not Part.migrate

    async def migrate(self, generation: Generation) -> None:
        """Bring stored data to what the generation needs, before phase 1 of all of a change.

        Called for one generation after the other, without a timeout: much data takes long. What is
        raised refuses the generation; what was done to the data stays.
        """

    def applies(self, generation: Generation) -> bool:
        """Return whether the generation has a use for this part; if not, it is not entered.

        Asked once, before phase 1. A part that has to settle what module code may begin at any
        later time applies to every generation.
        """
        return True

    def build(self, generation: Generation) -> T | None:
        """Phase 1: build the aspect and return it, without waiting; `of` returns it then."""
        return None

    async def leave(self, generation: Generation) -> None:
        """Release what `build` built, and settle what module code began, at its end.

        Called too if the build of the generation fails further on.
        """

    def enter(self, generation: Generation) -> AbstractAsyncContextManager[T]:
        """Phase 1, in place of `build` and `leave`, for a part that waits while it builds.

        What the context manager yields is what `of` returns. Leaving releases it, with the
        exception if the build failed further on.
        """
        raise NotImplementedError

    def starts(self, generation: Generation) -> bool:
        """Return whether there is anything to `start`."""
        return type(self).start is not Part.start

    async def start(self, generation: Generation) -> None:
        """Phase 2: do what needs the other modules; called in dependency order."""

    def confirms(self, generation: Generation) -> bool:
        """Return whether there is anything to `confirm`."""
        return type(self).confirm is not Part.confirm

    async def confirm(self, generation: Generation) -> None:
        """Try out what is ready to go live, before anything is handed over: it may take time.

        Called in dependency order. What is raised refuses the generation, as in `verify`.
        """

    def verifies(self, generation: Generation) -> bool:
        """Return whether there is anything to `verify`."""
        return type(self).verify is not Part.verify

    async def verify(self, generation: Generation) -> None:
        """Look once more at what is ready to go live, with its kept state; called before publish.

        What is raised refuses the generation: what is live then stays.
        """

    def activates(self, generation: Generation) -> bool:
        """Return whether there is anything to `activate`."""
        return False

    async def activate(self, generation: Generation) -> None:
        """Start what consumes from outside; called after publish, in dependency order.

        The predecessor was retired before, so that no two consume at once. What is raised is the
        load's error, but the generation is live and stays so.
        """

    async def retire(self, generation: Generation) -> None:
        """End at once what must not run beside a successor: the generation was replaced, or stops.

        Calls inside the generation go on. Called once, before the successor is activated.
        """

    def end_streams(self, generation: Generation) -> None:
        """Tell open streams to end: their deadline has come."""

    def outline(self, generation: Generation) -> tuple[str, ...] | None:
        """Return by name what a loaded generation has of this aspect, entered or not.

        Called from any thread; changes nothing. Returns ``None`` where that can't be known before
        phase 1, and raises what entering would raise for a fault that shows already.
        """
        return ()

    def remark(self, old: Generation, new: Generation) -> str:
        """Return what a person should know of a replacement, as a phrase for its line and its plan.

        ``new`` may be loaded only. Empty, as mostly, if there is nothing to say.
        """
        return ""

    def describe(self, generation: Generation) -> dict[str, Any]:
        """Return the facts of a live generation, as JSON-ready data for the snapshot.

        Called from any thread, whether the part was entered or not; must not wait.
        """
        return {}

    def panels(self, facts: Mapping[str, Any]) -> Iterable[Panel]:
        """Return what people see of the facts that `describe` returned, for every view.

        A panel without rows is left out.
        """
        return ()

    def warn(self, generation: Generation, action: str, row: str) -> str:
        """Return what a person is told before a button that is a ``danger``: what it breaks now.

        As sentences. Called from any thread; must not wait.
        """
        return ""

    async def act(self, generation: Generation, action: str, row: str) -> None:
        """Do what a button says, of the row whose first cell is ``row``; on the app loop.

        Called for the actions of the part's panels alone; the row may be gone since. It is done to
        its end, also if the person does not wait for it. What is raised is shown to that person.
        """
        raise NotImplementedError


class Parts(tuple[Part[Any], ...]):  # noqa: SLOT001  # keeps what `defining` found
    """The parts of one app, in the order they are entered."""

    def remarks(self, old: Generation, new: Generation) -> list[str]:
        """Return what the parts remark of a replacement."""
        said = (part.remark(old, new) for part in self.defining("remark"))
        return [text for text in said if text]

    def defining(self, *methods: str) -> tuple[Part[Any], ...]:
        """Return the parts that define one of these methods of the protocol themselves.

        A change asks for each step of each generation, and most parts have no use for most steps.
        """
        known: dict[Any, tuple[Part[Any], ...]] = self.__dict__
        if methods not in known:
            known[methods] = tuple(
                part
                for part in self
                if any(getattr(type(part), name) is not getattr(Part, name) for name in methods)
            )
        return known[methods]
