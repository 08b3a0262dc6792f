"""A user's test folder at the gate: the outcome is that of pytest in a terminal."""

from __future__ import annotations

from modframe.app import AppContext
from tests.trial.orders import load_outcome
from tests.trial.user_tests import API, PASS, TESTS, WHOLE, WHOLE_PASS


def test_the_same_files_pass_at_the_gate(app: AppContext) -> None:
    """All pass; those that want an app of their own are skipped, and counted."""
    texts = {"api.py": API, "tests/test_orders.py": TESTS, "tests/test_whole.py": WHOLE}
    outcome = load_outcome(app, texts)
    assert str(outcome.tests) == f"{PASS} tests passed, {WHOLE_PASS} skipped"


def test_what_scaffold_writes_passes_at_the_gate(app: AppContext) -> None:
    """The three-line test of a new module is green before it goes live."""
    from modframe.ship import scaffold

    done = scaffold("parts", workspace=app._engine.workspace)
    assert app.load(str(done.folder), test=True).state == "LIVE"
