"""Any sequence of verbs, held against a model of a few lines: what is live, which number, what fails.

``MODFRAME_TEST_MACHINE`` gives how many sequences are tried; each has at most 50 steps.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from textwrap import indent
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

import modframe
from modframe.app import AppContext
from modframe.errors import ModframeError
from tests import inside

NAMES = st.sampled_from(["base", "left", "right"])
REQUIRES = {"base": (), "left": ("base",), "right": ("base",)}
PATIENCE = 60

TEXT = """
import asyncio
from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import Integer
from sqlalchemy.orm import Mapped, mapped_column
from modframe.database import get_database_base
from modframe.decorators import module
from modframe.error_utils import Result

DATABASE_NAME = "{name}"
Base = get_database_base(DATABASE_NAME)
router = APIRouter()


class Row(Base):
    __tablename__ = "{name}_rows"
    id: Mapped[int] = mapped_column(primary_key=True)


class Limits(BaseModel):
    most: int = 10


@router.get("/answer")
async def answer() -> int:
    return {answer}


{top}


@module({arguments})
class Thing:
    async def initialize(self):
        self.count = 0
        self.task = asyncio.create_task(asyncio.Event().wait())
{initialize}

    async def get(self):
        return {answer}

    async def add(self):
        self.count += 1
        return self.count

    def dump_state(self):
        return {{"count": self.count}}

    def load_state(self, state, from_version):
{load}
        self.count = state["count"]
"""


@dataclass(frozen=True)
class Fault:
    """Something that makes a text fail, and the step at which it does."""

    step: str
    top: str = ""
    initialize: str = ""
    load: str = ""

    @property
    def late(self) -> bool:
        """Return whether the fault shows after the graph."""
        return self.step not in ("check", "import", "read")


FAULTS = [
    Fault("check", top="def broken(:"),
    Fault("check", top="print(nowhere)"),
    Fault("import", top="1 / 0"),
    Fault("import", top="raise SystemExit"),
    Fault("import", top="raise KeyboardInterrupt"),
    Fault("import", top="import nowhere_to_be_found"),
    Fault("read", top="@module\nclass Second: pass"),
    Fault("settings", top="Limits.model_fields['most'].default = 1\nclass Limits(BaseModel):\n    most: int"),
    Fault("database", top="DATABASE_NAME = '../up'"),
    Fault("web", top="@router.get('/answer')\nasync def again() -> int:\n    return 2"),
    Fault("phase2", initialize="1 / 0"),
    Fault("phase2", initialize="return False"),
    Fault("phase2", initialize="return Result.error('BROKEN', 'on purpose')"),
    Fault("phase2", initialize="raise SystemExit"),
    Fault("phase2", initialize="raise KeyboardInterrupt"),
    Fault("phase2", initialize="raise asyncio.CancelledError"),
    Fault("phase2", initialize="await asyncio.Event().wait()"),
]  # fmt: skip
HANDOVERS = [
    Fault("handover", load="1 / 0"),
    Fault("handover", load="return False"),
    Fault("handover", load="raise SystemExit"),
]


@dataclass
class Known:
    """What the model knows of a module."""

    answer: int | None = None
    number: int = 0
    state: str = ""
    count: int = 0
    instead: list[int] = field(default_factory=list)
    past: list[int] = field(default_factory=list)


class Verbs(RuleBasedStateMachine):
    """Every verb on three modules, of which one requires two, with faults at every step."""

    app: AppContext

    @initialize()
    def start(self) -> None:
        """Start an app that keeps nothing, in an empty workspace."""
        self.folder = tempfile.TemporaryDirectory()
        self._begin()

    def _begin(self) -> None:
        self.app = modframe.start(workspace=self.folder.name, data=":memory:")
        self.known = {name: Known() for name in REQUIRES}
        self.overrides = ExitStack()

    # -- swaps ----------------------------------------------------------------------------

    @rule(name=NAMES, answer=st.integers(0, 3))
    def load(self, name: str, answer: int) -> None:
        """A text goes live with the next number and the count; an equal text changes nothing."""
        known = self.known[name]
        missing = self._missing(name)
        unchanged = known.answer == answer
        try:
            self.app.load({"api.py": self._text(name, answer)}, id=name)
        except ModframeError:
            if not missing:
                raise
            self._failed(known)
            return
        assert unchanged or not missing
        if not unchanged:
            self._live(known, answer)

    @rule(answer=st.integers(0, 3))
    def load_together(self, answer: int) -> None:
        """A group goes live as one, in any order."""
        self.app.load([(name, {"api.py": self._text(name, answer)}) for name in reversed(REQUIRES)])
        for known in self.known.values():
            if known.answer != answer:
                self._live(known, answer)

    @rule(name=NAMES, fault=st.sampled_from([*FAULTS, *HANDOVERS]))
    def load_broken(self, name: str, fault: Fault) -> None:
        """A fault raises, names its step, and changes nothing that is live."""
        known = self.known[name]
        if fault.step == "handover" and known.answer is None:
            return
        try:
            self.app.load({"api.py": self._text(name, 9, fault)}, id=name)
        except ModframeError as error:
            step = getattr(error, "step", "graph")
        else:
            step = "none: it went live"
        assert step == ("graph" if self._missing(name) and fault.late else fault.step)
        self._failed(known)

    @rule(name=NAMES, fault=st.sampled_from(FAULTS))
    def load_together_broken(self, name: str, fault: Fault) -> None:
        """One fault keeps the whole group from going live."""
        group = [
            (member, {"api.py": self._text(member, 8, fault if member == name else None)})
            for member in REQUIRES
        ]
        try:
            self.app.load(group)
        except ModframeError:
            for member, known in self.known.items():
                if known.answer is None:
                    known.state = "FAILED" if member == name else "BLOCKED"
        else:
            raise AssertionError("a group with a broken text went live")

    @rule(name=NAMES)
    def reload(self, name: str) -> None:
        """A reload gives the same text a new number."""
        known = self.known[name]
        if known.answer is not None:
            self.app.modules[name].reload()
            self._live(known, known.answer)

    @rule(name=NAMES)
    def rollback(self, name: str) -> None:
        """A rollback brings back the newest text that differs, under a new number."""
        known = self.known[name]
        if known.answer is None:
            return
        older = [answer for answer in reversed(known.past) if answer != known.answer]
        try:
            self.app.modules[name].rollback()
        except ModframeError:
            assert not older
            return
        self._live(known, older[0])

    # -- the rest -------------------------------------------------------------------------

    @rule(name=NAMES)
    def count(self, name: str) -> None:
        """A call changes the state that swaps hand over."""
        known = self.known[name]
        if known.answer is not None and not known.instead:
            known.count += 1
            assert self.app.get_service(name).add().result(PATIENCE) == known.count

    @rule(name=NAMES, answer=st.integers(100, 103))
    def override(self, name: str, answer: int) -> None:
        """Callers get something else from now on."""
        known = self.known[name]
        if known.answer is None:
            return
        self.overrides.enter_context(self.app.override(name, SimpleNamespace(get=lambda: answer)))
        known.instead.append(answer)

    @rule()
    def end_overrides(self) -> None:
        """All callers get the services again."""
        self.overrides.close()
        for known in self.known.values():
            known.instead.clear()

    @rule(name=NAMES)
    def unload(self, name: str) -> None:
        """An unload is refused while another module requires it."""
        known = self.known[name]
        users = [
            other
            for other, needs in REQUIRES.items()
            if name in needs and self.known[other].answer is not None
        ]
        if known.answer is None:
            return
        try:
            self.app.modules[name].unload()
        except ModframeError:
            assert users
            return
        assert not users
        known.answer, known.state, known.count = None, "STOPPED", 0

    @rule()
    def restart(self) -> None:
        """A new app knows nothing of the one before."""
        self.overrides.close()
        self.app.stop()
        self._begin()

    # -- the model ------------------------------------------------------------------------

    def _missing(self, name: str) -> list[str]:
        return [other for other in REQUIRES[name] if self.known[other].answer is None]

    @staticmethod
    def _live(known: Known, answer: int) -> None:
        known.answer, known.number, known.state = answer, known.number + 1, "LIVE"
        if known.past[-1:] != [answer]:  # what was loaded again gives way in the history
            known.past = [*known.past, answer][-20:]

    @staticmethod
    def _failed(known: Known) -> None:
        if known.answer is None:
            known.state = "FAILED"

    @staticmethod
    def _text(name: str, answer: int, fault: Fault | None = None) -> str:
        fault = fault or Fault("")
        return TEXT.format(
            name=name,
            answer=answer,
            arguments=f"requires={list(REQUIRES[name])!r}, settings='Limits'",
            top=fault.top,
            initialize=indent(fault.initialize, " " * 8),
            load=indent(fault.load, " " * 8),
        )

    @invariant()
    def shows_what_the_model_says(self) -> None:
        """Modules, handles, routes, settings and the snapshot agree with the model."""
        if not hasattr(self, "app"):
            return
        snapshot = self.app.snapshot()
        for name, known in self.known.items():
            view = snapshot.module(f"standard.{name}")
            assert (view.state if view else "") == known.state
            if known.answer is None:
                continue
            assert view is not None
            assert view.generation == known.number
            assert len(view.routes) == 1
            assert view.parts["settings"]["most"]["value"] == 10
            assert len(view.parts["tasks"]["running"]) == 1
            asked = self.app.get_service(name).get().result(PATIENCE)
            assert asked == (known.instead[-1] if known.instead else known.answer)
            assert self.app.run(self._ask(name)) == known.answer
        own = [one for one in inside.live_packages(self.app) if "modules.core." not in one]
        assert len(own) == sum(known.answer is not None for known in self.known.values())

    async def _ask(self, name: str) -> int:
        async with self.app.test_client() as http:
            return int((await http.get(f"/api/v1/{name}/answer")).json())

    def teardown(self) -> None:
        """Assert that everything was closed and only live generations own something."""
        if not hasattr(self, "app"):
            return
        self.overrides.close()
        inside.settle(self.app)
        assert inside.owners(self.app) == inside.live_packages(self.app)
        assert self.app.stop().unsettled == ()
        self.folder.cleanup()


@pytest.mark.soak
def test_any_sequence_of_verbs_does_what_the_model_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verbs in any order give what a model of three modules expects; on a fixed seed."""
    monkeypatch.setenv("MODFRAME_PHASE_TIMEOUT", "1.5")
    import_module("modframe.parts.database.databases")  # its drivers take longer to import
    import_module("modframe.parts.database.duckdb.alterations")
    run_state_machine_as_test(
        Verbs,
        settings=settings(
            max_examples=int(os.environ.get("MODFRAME_TEST_MACHINE", "6")),
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
