"""`as_load_error`: turns an error of a build step into a `LoadError` with step, file and line.

Called by changes, trials and checks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..errors import Finding, LoadError, ModframeError
from ..load.body import body_finding
from ..result import Result
from ..source import Source
from .bounds import OverdueError

_ADDED = "_modframe_added"
"""The attribute that holds the findings added to an error that is not a `LoadError` yet."""


def as_load_error(source: Source, step: str, error: BaseException) -> LoadError:
    """Return the error of a step as a `LoadError`, unchanged if it is one.

    The step is ``import``, a part's name, ``phase1`` or ``phase2``.
    """
    if isinstance(error, LoadError):
        return error
    failure = LoadError(source.module_id, step, _findings(source, step, error))
    failure.__cause__ = error
    for finding in getattr(error, _ADDED, ()):
        failure.add(finding)
    return failure


def add_finding(error: BaseException, finding: Finding) -> None:
    """Add a finding to the error that a load fails with; its `LoadError` shows it."""
    if isinstance(error, LoadError):
        error.add(finding)
    else:
        setattr(error, _ADDED, (*getattr(error, _ADDED, ()), finding))
        error.add_note(f"{finding.level}: {finding}")


def copy_findings(others: Iterable[BaseException], error: BaseException) -> None:
    """Copy findings that were added to errors of other modules to the error that is raised."""
    for other in others:
        for finding in getattr(other, _ADDED, ()) if other is not error else ():
            add_finding(error, finding)


def _findings(source: Source, step: str, error: BaseException) -> list[Finding]:
    findings = getattr(error, "findings", None)
    if findings:
        return [locate_finding(source, finding) for finding in findings]
    rule = f"{step}-failed"
    if isinstance(error, ModframeError | OverdueError | TimeoutError):
        text = getattr(error, "message", str(error))
        cure = getattr(error, "cure", "") or "correct it and load it again"
        file, line = str(getattr(error, "file", "")), int(getattr(error, "line", 0))
        return [
            locate_finding(source, Finding(rule, "error", text, cure=cure, file=file, line=line))
        ]
    finding = body_finding(source, error, "")
    return [replace(finding, rule=rule, message=f"{step}: {finding.message}")]


def locate_finding(source: Source, finding: Finding) -> Finding:
    """Return a finding with the module's file name for a ``co_filename``, and with the cell."""
    file = source.file_named(finding.file) or finding.file
    content = source.files.get(file)
    return replace(finding, file=file, cell=content.cell if content else finding.cell)


def refuse_bad_outcome(outcome: Any, what: str) -> None:
    """Check what a phase returned: ``None``, a true value or a success is good.

    Raises:
        ModframeError: If it is ``False`` or a `Result` that is an error.
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
