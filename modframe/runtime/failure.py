"""`as_load_error`: turns an error of a build step into a `LoadError` with step, file and line.

Called by changes, trials and checks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..errors import LoadError, ModframeError, TaskDiedError, reason_line
from ..finding import Finding
from ..load.body import body_finding, innermost_place
from ..masking import KnownSecrets
from ..result import Result
from ..source import Source
from .generation import Generation, Step
from .loop.bounds import OverdueError
from .output import print_to_console
from .ownership import unwrap_callable

_ADDED = "_modframe_added"
"""The attribute that holds the findings added to an error that is not a `LoadError` yet."""


def as_load_error(
    source: Source, step: str, error: BaseException, *, running: Step | None = None
) -> LoadError:
    """Return the error of a step as a `LoadError`, unchanged if it is one.

    Args:
        source: The module's text.
        step: ``import``, a part's name, ``phase1`` or ``phase2``.
        error: What it failed with.
        running: The module's own method that ran, if one did.
    """
    if isinstance(error, LoadError):
        return error
    failure = LoadError(source.module_id, step, _findings(source, step, error, running))
    failure.__cause__ = error
    for finding in getattr(error, _ADDED, ()):
        failure.add(finding)
    return failure


def note_death(generation: Generation, death: TaskDiedError, secrets: KnownSecrets) -> None:
    """Remember on a generation that a task of it died, without secrets; tell people once."""
    death.hide(secrets.mask)
    if generation.note_death(death):
        print_to_console(f"{generation.module_id}: {reason_line(death)}")


def as_death(
    source: Source, name: str, error: BaseException, *, kind: str = "task", fate: str = ""
) -> TaskDiedError:
    """Return the error of a module whose task or thread died, at the line where it did.

    Args:
        source: The module's text.
        name: The name of the task or thread.
        error: What it failed with.
        kind: ``"task"`` or ``"thread"``.
        fate: What happened to it, where a task's death is not just one that nobody awaits.
    """
    finding = body_finding(source, error, "")
    place = f"{finding.place}: " if finding.place else ""
    unawaited = ", and nobody awaits it" if kind == "task" else ""
    failure = TaskDiedError(
        f"{kind} {name!r} {fate or f'died{unawaited}'}: {place}{finding.message}",
        cure=f"catch the error in the {kind}, or correct it and load the module again with "
        "reload()",
        subject=source.module_id,
        module_id=source.module_id,
        kind=kind,
        task=name,
        fate=fate.partition(",")[0].partition(";")[0] or "died",
        last_line=finding.message.partition("\n")[0],
    )
    failure.__cause__ = error
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


def _findings(
    source: Source, step: str, error: BaseException, running: Step | None
) -> list[Finding]:
    findings = getattr(error, "findings", None)
    if findings:
        return [locate_finding(source, finding) for finding in findings]
    rule = f"{step}-failed"
    late_import = isinstance(error, TimeoutError) and running is None
    if isinstance(error, ModframeError | OverdueError) or late_import:
        text = getattr(error, "message", str(error))
        cure = getattr(error, "cure", "") or "correct it and load it again"
        if running is not None and running.name not in text:
            text = f"{running.name}: {text}"
        file, line = _place(source, error, running)
        return [
            locate_finding(source, Finding(rule, "error", text, cure=cure, file=file, line=line))
        ]
    finding = body_finding(source, error, "")
    what = f"{running.name} raised" if running is not None else f"{step}:"
    return [replace(finding, rule=rule, message=f"{what} {finding.message}")]


def _place(source: Source, error: BaseException, running: Step | None) -> tuple[str, int]:
    """Return the file and line that an error names, else where the module's method was.

    That is the line where it raised or waited, or the first one of the method.
    """
    if file := str(getattr(error, "file", "")):
        return file, int(getattr(error, "line", 0))
    cause = error.__cause__ or error
    for trace in (cause.__traceback__, getattr(error, "trace", None)):
        file, line, _ = innermost_place(source, trace)
        if file:
            return file, line
    code = getattr(unwrap_callable(running.function), "__code__", None) if running else None
    return (code.co_filename, code.co_firstlineno) if code is not None else ("", 0)


def locate_finding(source: Source, finding: Finding) -> Finding:
    """Return a finding with the module's file name for a ``co_filename``, and with the cell."""
    file = source.file_named(finding.file) or finding.file
    content = source.files.get(file)
    return replace(finding, file=file, cell=content.cell if content else finding.cell)


def refuse_bad_outcome(outcome: Any, what: str | Step) -> None:
    """Check what a phase returned: ``None``, a true value or a success is good.

    Raises:
        ModframeError: If it is ``False`` or a `Result` that is an error.
    """
    if outcome is not False and not (isinstance(outcome, Result) and not outcome.success):
        return
    what = what if isinstance(what, str) else what.name
    if isinstance(outcome, Result):
        details = f" ({outcome.details})" if outcome.details else ""
        raise ModframeError(
            f"{what} gave an error result, {outcome.code}: {outcome.message}{details}",
            cure="the module's own log lines say more; mend the cause and load it again",
        )
    raise ModframeError(
        f"{what} gave False",
        cure="return True, None or a success; the module's own log lines may say why it failed",
    )
