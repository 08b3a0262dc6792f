"""`ExportReport`: what an export did, frozen; made by `export`, shown to whoever asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import Finding
from ..html import section, table
from ..wording import count


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote, and what it has to say.

    Attributes:
        module_id: Whose text it is.
        folder: Where the module's files are now.
        paths: All files of the module, written now or equal before.
        written: Those that were written now.
        removed: Files that an earlier export wrote and the module no longer has.
        findings: What was noticed: a draft that isn't live, files that were left alone.
    """

    module_id: str
    folder: Path
    paths: tuple[Path, ...]
    written: tuple[Path, ...] = ()
    removed: tuple[Path, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        removed = f", {len(self.removed)} removed" if self.removed else ""
        found = f", {count(len(self.findings), 'finding')}" if self.findings else ""
        return (
            f"<ExportReport {self.module_id}: {count(len(self.paths), 'file')}, "
            f"{len(self.written)} written{removed}{found}, in {self.folder}>"
        )

    def _repr_html_(self) -> str:
        rows: list[tuple[object, object]] = [
            (path.relative_to(self.folder), "written" if path in self.written else "equal")
            for path in self.paths
        ]
        rows += [(path.relative_to(self.folder), "removed") for path in self.removed]
        rows += [(one.rule, one) for one in self.findings]
        return section(self.module_id, table(rows), note=self.folder)
