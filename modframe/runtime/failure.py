"""What went wrong in a step of a build → the `LoadError` that names step, file and line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..errors import Finding, LoadError, ModframeError
from ..load.body import body_finding
from ..result import Result
from ..source import Source
from .bounds import OverdueError

FURTHER = "_modframe_further"
"""Where an error that is no `LoadError` yet keeps the findings that were added to it."""


def as_load_error(source: Source, step: str, error: BaseException) -> LoadError:
    """The error of a module's step; one that is a `LoadError` already is given back.

    Args:
        source: The module's text, for places.
        step: ``import``, a part's name, ``phase1`` or ``phase2``.
        error: What the step raised.
    """
    if isinstance(error, LoadError):
        return error
    failure = LoadError(source.module_id, step, _findings(source, step, error))
    failure.__cause__ = error
    for finding in getattr(error, FURTHER, ()):
        failure.add(finding)
    return failure


def add_finding(error: BaseException, finding: Finding) -> None:
    """Let what a load fails with say one thing more; it reaches the `LoadError` in every case."""
    if isinstance(error, LoadError):
        error.add(finding)
    else:
        setattr(error, FURTHER, (*getattr(error, FURTHER, ()), finding))
        error.add_note(f"{finding.level}: {finding}")


def copy_findings(others: Iterable[BaseException], error: BaseException) -> None:
    """Let the one error that is raised say what was added to those of the other modules."""
    for other in others:
        for finding in getattr(other, FURTHER, ()) if other is not error else ():
            add_finding(error, finding)


def _findings(source: Source, step: str, error: BaseException) -> list[Finding]:
    given = getattr(error, "findings", None)
    if given:
        return [locate_finding(source, one) for one in given]
    rule = f"{step}-failed"
    if isinstance(error, ModframeError | OverdueError | TimeoutError):
        text = getattr(error, "message", str(error))
        cure = getattr(error, "cure", "") or "correct it and load it again"
        file, line = str(getattr(error, "file", "")), int(getattr(error, "line", 0))
        return [
            locate_finding(source, Finding(rule, "error", text, cure=cure, file=file, line=line))
        ]
    found = body_finding(source, error, "")
    return [replace(found, rule=rule, message=f"{step}: {found.message}")]


def locate_finding(source: Source, finding: Finding) -> Finding:
    """A finding whose file may be a ``co_filename``: named as the module's file, with its cell."""
    file = source.file_named(finding.file) or finding.file
    content = source.files.get(file)
    return replace(finding, file=file, cell=content.cell if content else finding.cell)


def refuse_bad_outcome(outcome: Any, what: str) -> None:
    """What a phase gives back: ``None``, anything true and a success pass.

    Raises:
        ModframeError: For ``False`` and for a `Result` that is an error.
    """
    if isinstance(outcome, Result) and not outcome.success:
        details = f" ({outcome.details})" if outcome.details else ""
        raise ModframeError(
            f"{what} gave an error result, {outcome.code}: {outcome.message}{details}",
            cure="the module's own log lines say more; mend the cause and load it again",
        )
    if outcome is False:
        raise ModframeError(
            f"{what} gave False",
            cure="return True, None or a success; the module's own log lines may say why it failed",
        )
