"""Compares a module's ``requirements.txt`` with what is installed.

In come a source and its folder; out come findings. The loader asks before it executes anything, and
``modframe doctor`` for every module. A module without the file costs one look for it. What
``requirements-optional.txt`` names is said if it isn't there, and refuses nothing.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RequirementsError
from ..finding import Finding, Level
from ..masking import mask_urls
from ..source import Source

if TYPE_CHECKING:
    from packaging.requirements import Requirement

REQUIRED, OPTIONAL = "requirements.txt", "requirements-optional.txt"
_INSTALL = "pip install "
_CURE = f"install it: {_INSTALL}"
_COMMENT = re.compile(r"(^|\s+)#.*$")
_INCLUDE = re.compile(r"(?:-r\s*|--requirement(?:\s+|=))(?P<file>.+)")
_UNCHECKED = re.compile(r"-e\b|--editable\b|-c\b|--constraint\b")
_OPTIONS = re.compile(r"\s+--?\w.*$")
_ELSEWHERE = re.compile(r"\w+(\+\w+)?://|[./~]|.*\.(whl|zip|tar\.gz)$")
_CREDENTIALS = re.compile(r"://[^/@\s]+@")

_met: set[str] = set()
"""Requirements that were met once. What this process has loaded stays, whatever pip does then."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a requirements file, without its comment, and where it is."""

    text: str
    file: str
    line: int
    cell: str

    def finding(self, rule: str, level: Level, message: str, cure: str) -> Finding:
        """Return a finding at this line."""
        return Finding(
            rule,
            level,
            message,
            cure=cure,
            file=self.file,
            line=self.line,
            cell=self.cell,
        )


def refuse_unmet(source: Source, folder: str) -> list[Finding]:
    """Check that what a module requires is installed; return what else is to be said.

    ``folder`` is the module's folder, where its text files may lie.

    Raises:
        RequirementsError: If something is missing or too old; with the command that installs it.
    """
    findings = requirement_findings(source, folder)
    unmet = [one.cure.removeprefix(_CURE) for one in findings if one.level == "error"]
    if unmet:
        raise RequirementsError(source.module_id, findings, f"{_INSTALL}{' '.join(unmet)}")
    return findings


def requirement_findings(source: Source, folder: str) -> list[Finding]:
    """Return an error for each requirement that is not met; the others as notes."""
    base = source.place if source.origin == "folder" else folder
    findings: list[Finding] = []
    for file in (REQUIRED, OPTIONAL):
        if (text := _text(source, base, file)) is not None:
            for row in _rows(source, base, file, text, seen={file}):
                findings += _check(row, optional=file == OPTIONAL)
    return findings


def _text(source: Source, folder: str, file: str) -> str | None:
    if file in source.text_files:
        return source.text_files[file].text
    path = f"{folder}/{file}"
    if not os.access(path, os.F_OK):  # the quickest look, for every swap looks; most have none
        return None
    return Path(path).read_text(encoding="utf-8-sig", errors="replace")


def _rows(source: Source, folder: str, file: str, text: str, *, seen: set[str]) -> Iterator[_Row]:
    """Yield the lines of a file and of those that it includes, continued lines as one."""
    content = source.text_files.get(file)
    cell, offset = (content.cell, content.first_line - 1) if content else ("", 0)
    joined, first = "", 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        joined, first = joined + line, first or number
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        row = _Row(_COMMENT.sub("", joined).strip(), file, first + offset, cell)
        joined, first = "", 0
        include = _INCLUDE.match(row.text)
        if include is None:
            yield row
            continue
        other = posixpath.normpath(posixpath.join(posixpath.dirname(file), include["file"]))
        if other in seen:
            continue
        seen.add(other)
        inner = _text(source, folder, other)
        if inner is None:
            yield row  # which then says that it can't be read
        else:
            yield from _rows(source, folder, other, inner, seen=seen)


def _check(row: _Row, *, optional: bool) -> Iterator[Finding]:
    from packaging.requirements import InvalidRequirement, Requirement

    text = _OPTIONS.sub("", row.text)
    if not text or text in _met:
        return
    if text.startswith("-") and not (_UNCHECKED.match(text) or _INCLUDE.match(text)):
        return  # an option of pip's, such as --index-url
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        yield _unchecked(row, text)
        return
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return
    fault, cure = _fault(requirement), f"{_CURE}{_shown(text)!r}"
    if fault and optional:
        message = f"can use {_shown(str(requirement))}, {fault}"
        yield row.finding("optional-requirement", "info", message, cure)
    elif fault:
        message = f"requires {_shown(str(requirement))}, {fault}"
        yield row.finding("requirements", "error", message, cure)
    elif requirement.url is not None:
        what = f"{requirement.name} is installed, and nothing tells whether it is that of"
        message, cure = f"{what} {_shown(requirement.url)}", "see to it yourself, if it matters"
        yield row.finding("unchecked-requirement", "info", message, cure)
    else:
        _met.add(text)


def _unchecked(row: _Row, text: str) -> Finding:
    """Return the finding about a line that names no package to compare."""
    why = "is no requirement of a package"
    if _INCLUDE.match(text):
        why = "names a file that isn't there"
    elif _UNCHECKED.match(text) or _ELSEWHERE.match(text):
        why = "is a URL, a path or a constraint"
    message = f"{_shown(text)!r} {why}: not checked"
    cure = f"see to it yourself: pip install -r {row.file}"
    return row.finding("unchecked-requirement", "info", message, cure)


def _shown(text: str) -> str:
    """Return a requirement without the secrets of its URL; a user alone is mostly a token."""
    return mask_urls(_CREDENTIALS.sub("://", text))


def _fault(requirement: Requirement, extra: str = "", above: frozenset[str] = frozenset()) -> str:
    """Return why a requirement isn't met; empty if it is. ``extra`` asked for it, if one did."""
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
        return ""
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return "which is not installed"
    if not requirement.specifier.contains(installed, prereleases=True):
        return f"and {installed} is installed"
    asked = {one for one in requirement.extras if f"{requirement.name}[{one}]" not in above}
    for one in sorted(asked):
        inside = above | {f"{requirement.name}[{one}]"}
        for inner in _of_extra(requirement.name, one):
            if fault := _fault(inner, one, inside):
                return f"whose extra {one!r} requires {inner.name}{inner.specifier}, {fault}"
    return ""


def _of_extra(name: str, extra: str) -> Iterator[Requirement]:
    """Yield what a package requires for an extra and not without it."""
    from packaging.requirements import Requirement

    for row in requires(name) or ():
        requirement = Requirement(row)
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": ""}):
            continue
        if marker.evaluate({"extra": extra}):
            yield requirement
