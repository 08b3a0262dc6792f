"""``modframe compliance validate`` and ``explain``: findings about modules, and pages of rules.

In come ids and a workspace; out go lines, JSON or GitHub's workflow commands, and an exit status.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..errors import ModuleNotFoundInWorkspaceError, WorkspaceError
from ..finding import Finding
from ..runtime.failure import as_load_error
from ..source import Source, find_modules, read_folder
from ..spec import module_id_of
from ..wording import count, near
from .out import as_json, say, show_findings, workspace_at

_NOUNS = {"error": "error", "warning": "warning", "info": "note"}
"""Level → what a summary counts."""
_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}
"""Level → GitHub's workflow command."""


def validate(name: str | None, workspace: Path | None, *, shape: str, strict: bool = False) -> int:
    """Check one module, or all; return 1 if any finding is an error.

    Args:
        name: The module's id, short or full; ``None`` for every module below ``modules/``.
        workspace: The folder with ``modules/``.
        shape: ``text``, ``json`` or ``github``.
        strict: Whether warnings also return 1.

    Raises:
        ModuleNotFoundInWorkspaceError: With the nearest name, if the module has no folder.
    """
    modules = workspace_at(workspace) / "modules"
    folders = _folders(name, modules)
    found = {module_id: _check(module_id, folders[module_id], modules) for module_id in folders}
    if shape == "json":
        as_json({"findings": list(_as_data(found))})
    elif shape == "github":
        for module_id, findings in found.items():
            for finding in findings:
                say(_workflow_command(module_id, folders[module_id], finding))
    else:
        for module_id, findings in found.items():
            say(f"{module_id}: {_summary(findings)}")
            show_findings(findings)
    levels = {finding.level for findings in found.values() for finding in findings}
    return int("error" in levels or (strict and "warning" in levels))


def explain(text: str | None) -> int:
    """Print the page of a rule, given by code or name; all pages without one.

    Raises:
        UnknownRuleError: With the nearest one, if there is no such rule.
    """
    from ..ship.rules import find_rule, page, reference

    say((page(find_rule(text)) if text else reference()).rstrip("\n"))
    return 0


def _folders(name: str | None, modules: Path) -> Mapping[str, Path]:
    folders = find_modules(modules)
    if name is None:
        return folders
    module_id = module_id_of(name)
    if module_id in folders:
        return {module_id: folders[module_id]}
    from ..engine import CORE_MODULES

    known = {**find_modules(CORE_MODULES), **folders}
    if module_id not in known:
        raise ModuleNotFoundInWorkspaceError(
            f"there is no module {module_id!r} in {modules}",
            cure=f"{near(module_id, known)}'modframe list' shows what there is",
        )
    return {module_id: known[module_id]}


def _check(module_id: str, folder: Path, modules: Path) -> Sequence[Finding]:
    from ..ship import check

    # What module bodies print must not mix with the findings.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            return check(read_folder(folder, module_id=module_id), modules=modules)
        except WorkspaceError as error:
            empty = Source(module_id, {}, "folder")
            return as_load_error(empty, "source", error).findings


def _as_data(found: Mapping[str, Sequence[Finding]]) -> Iterable[Mapping[str, object]]:
    """Yield each finding as data; with its module if there are several."""
    for module_id, findings in found.items():
        more = {"module": module_id} if len(found) > 1 else {}
        yield from ({**more, **finding.to_dict()} for finding in findings)


def _workflow_command(module_id: str, folder: Path, finding: Finding) -> str:
    """Return the line that GitHub shows beside a changed line: ``::error file=...::message``."""
    path = folder / finding.file if finding.file else folder
    here = Path.cwd()
    facts = {
        "file": str(path.relative_to(here) if path.is_relative_to(here) else path),
        **({"line": str(finding.line)} if finding.line else {}),
        "title": f"{module_id}: {finding.label}",
    }
    text = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in facts.items())
    message = f"{finding.message}. {finding.cure}" if finding.cure else finding.message
    return f"::{_COMMANDS[finding.level]} {text}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(one):02X}" if one in f"%\r\n{more}" else one for one in text)


def _summary(findings: Iterable[Finding]) -> str:
    levels = [finding.level for finding in findings]
    counts = [count(levels.count(level), _NOUNS[level]) for level in _NOUNS if level in levels]
    return ", ".join(counts) or "complies"
