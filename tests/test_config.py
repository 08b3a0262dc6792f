"""The framework's own settings: valid values, and errors for wrong ones."""

from __future__ import annotations

import pytest

import modframe
from modframe.config import read_settings
from modframe.errors import FrameworkSettingsError


def test_a_log_level_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log level can be written in upper or lower case."""
    monkeypatch.setenv("MODFRAME_LOG_LEVEL", "warning")
    assert read_settings().log_level == "WARNING"


def test_bad_values_are_named_by_their_variables_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All wrong variables are named at once, and a failed start doesn't affect the next one."""
    monkeypatch.setenv("MODFRAME_LOG_LEVEL", "loud")
    monkeypatch.setenv("MODFRAME_DRAIN_TIMEOUT", "-1")
    message = (
        r"MODFRAME_DRAIN_TIMEOUT is '-1': Input should be greater than or equal to 0; "
        r"MODFRAME_LOG_LEVEL is 'LOUD': Input should be 'DEBUG', .*\. Correct the environment"
    )
    with pytest.raises(FrameworkSettingsError, match=message):
        modframe.start(data=":memory:", modules=[])
    monkeypatch.undo()
    modframe.start(data=":memory:", modules=[]).stop()
