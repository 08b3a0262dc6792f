"""What went wrong in a step of a build → the `LoadError` that names step, file and line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..errors import Finding, LoadError, ModframeError
from ..load.body import body_finding
from ..result import Result
from ..source import Source
from .bounds import OverdueError


def failure_of(source: Source, step: str, error: BaseException) -> LoadError:
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
    return failure


def _findings(source: Source, step: str, error: BaseException) -> list[Finding]:
    given = getattr(error, "findings", None)
    if given:
        return [placed(source, one) for one in given]
    rule = f"{step}-failed"
    if isinstance(error, ModframeError | OverdueError | TimeoutError):
        text = getattr(error, "message", str(error)).removeprefix(f"{source.module_id}: ")
        cure = getattr(error, "cure", "") or "correct it and load it again"
        file, line = str(getattr(error, "file", "")), int(getattr(error, "line", 0))
        return [placed(source, Finding(rule, "error", text, cure=cure, file=file, line=line))]
    found = body_finding(source, error, "")
    return [replace(found, rule=rule, message=f"{step}: {found.message}")]


def placed(source: Source, finding: Finding) -> Finding:
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
