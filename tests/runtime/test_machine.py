"""Any sequence of verbs, held against a model of a few lines: what is live, which number, what fails.

``MODFRAME_TEST_MACHINE`` gives how many sequences are tried; each has at most 50 steps.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass

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
from tests.fakes import simple

NAMES = st.sampled_from(["base", "left", "right"])
REQUIRES = {"base": (), "left": ("base",), "right": ("base",)}
BREAKS = st.sampled_from(["1 / 0\n", "def broken(:\n", "import nowhere_to_be_found\n"])


@dataclass
class Known:
    """What the model knows of a module."""

    answer: int | None = None
    number: int = 0
    state: str = ""


class Verbs(RuleBasedStateMachine):
    """Loads, broken loads, reloads, unloads and restarts of three modules, two upon one."""

    app: AppContext

    @initialize()
    def start(self) -> None:
        """An app that keeps nothing, in an empty workspace."""
        self.folder = tempfile.TemporaryDirectory()
        self._begin()

    def _begin(self) -> None:
        self.app = modframe.start(workspace=self.folder.name, data=":memory:")
        self.known = {name: Known() for name in REQUIRES}

    @rule(name=NAMES, answer=st.integers(0, 3))
    def load(self, name: str, answer: int) -> None:
        """Goes live with the next number; equal text changes nothing; a requirement is needed."""
        known = self.known[name]
        missing = [one for one in REQUIRES[name] if self.known[one].answer is None]
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
            known.answer, known.number, known.state = answer, known.number + 1, "LIVE"

    @rule(name=NAMES, broken=BREAKS)
    def load_broken(self, name: str, broken: str) -> None:
        """Raises, and changes nothing that is live."""
        try:
            self.app.load({"api.py": self._text(name, 9) + broken}, id=name)
        except ModframeError:
            self._failed(self.known[name])
        else:
            raise AssertionError("a broken text went live")

    @rule(name=NAMES)
    def reload(self, name: str) -> None:
        """A new number for the same text."""
        known = self.known[name]
        if known.answer is not None:
            self.app.modules[name].reload()
            known.number += 1

    @rule(name=NAMES)
    def unload(self, name: str) -> None:
        """Refused while another requires it."""
        known = self.known[name]
        held = [
            other
            for other, needs in REQUIRES.items()
            if name in needs and self.known[other].answer is not None
        ]
        if known.answer is None:
            return
        try:
            self.app.modules[name].unload()
        except ModframeError:
            assert held
            return
        assert not held
        known.answer, known.state = None, "STOPPED"

    @rule()
    def restart(self) -> None:
        """Nothing of before is left."""
        self.app.stop()
        self._begin()

    @staticmethod
    def _failed(known: Known) -> None:
        if known.answer is None:
            known.state = "FAILED"

    @staticmethod
    def _text(name: str, answer: int) -> str:
        needs = f"requires={list(REQUIRES[name])!r}" if REQUIRES[name] else ""
        return simple(f"async def get(self):\n    return {answer}", arguments=needs)

    @invariant()
    def shows_what_the_model_says(self) -> None:
        """Modules, handles and the snapshot agree with the model."""
        if not hasattr(self, "app"):
            return
        snapshot = self.app.snapshot()
        for name, known in self.known.items():
            view = snapshot.module(f"standard.{name}")
            assert (view.state if view else "") == known.state
            if known.answer is not None:
                assert view is not None
                assert view.generation == known.number
                assert self.app.get_service(name).get().result(60) == known.answer
        assert len(self.app._engine.live.generations) == 2 + sum(
            one.answer is not None for one in self.known.values()
        )

    def teardown(self) -> None:
        """Everything was closed, and only the generations that are live own something."""
        if not hasattr(self, "app"):
            return
        self.app.run(self.app._engine.swap.settled())
        packages = {one.package_name for one in self.app._engine.live.generations.values()}
        assert set(self.app._app_loop.owners) == packages
        assert self.app.stop().unsettled == ()
        self.folder.cleanup()


def test_any_sequence_of_verbs_does_what_the_model_says() -> None:
    """The machine, on a fixed seed."""
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
