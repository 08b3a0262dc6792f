"""`ExportPlan`: what an export would do to a module's folder. It reads files and changes nothing.

In go the live source, the folder and the record of earlier exports. `export` refuses the plan,
tries it in a fresh process, or carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import ExportError, Finding
from ..html import section, table
from ..load.text import is_code
from ..source import Source
from ..wording import count
from .export_record import ExportRecord, digest_of


@dataclass(frozen=True)
class ExportPlan:
    """What an export would do to each file.

    Attributes:
        folder: The module's folder.
        contents: Every file of the module → its bytes.
        write: Files that are missing or hold another text.
        remove: Files that modframe wrote, that nobody changed, and that the module no longer has.
        foreign: Files to overwrite whose text is not the one that modframe wrote.
        kept: Files that the module no longer has, but that were changed by hand, so they stay.
        beside: Other Python files in the folder, which load with the module.
    """

    folder: Path
    contents: dict[Path, bytes]
    write: tuple[Path, ...]
    remove: tuple[Path, ...]
    foreign: tuple[Path, ...]
    kept: tuple[Path, ...]
    beside: tuple[Path, ...]

    def name(self, path: Path) -> str:
        """Return a file's name below the module's folder."""
        return path.relative_to(self.folder).as_posix()


def plan_export(source: Source, folder: Path, record: ExportRecord) -> ExportPlan:
    """Return the plan for a source and the folder it belongs in.

    Raises:
        ExportError: If a file's name leads out of the folder.
    """
    contents = {_inside(folder, file, source): text.encode() for file, text in source.texts.items()}
    known = record.digests(folder)
    present = {path: path.read_bytes() for path in {*contents, *known} if path.is_file()}
    by_hand = {path for path, text in present.items() if digest_of(text) != known.get(path)}
    write = [path for path, content in contents.items() if present.get(path) != content]
    gone = sorted(present.keys() - contents.keys())
    named = {*contents, *gone}
    return ExportPlan(
        folder,
        contents,
        write=tuple(write),
        remove=tuple(path for path in gone if path not in by_hand),
        foreign=tuple(path for path in write if path in by_hand),
        kept=tuple(path for path in gone if path in by_hand),
        beside=tuple(
            path
            for path in sorted(folder.rglob("*.py"))
            if path not in named and is_code(path.relative_to(folder).as_posix())
        ),
    )


def _inside(folder: Path, file: str, source: Source) -> Path:
    pure = PurePosixPath(file)
    if pure.is_absolute() or ".." in pure.parts or "\\" in file or not pure.parts:
        raise ExportError(
            f"{source.module_id}: the file name {file!r} leads out of the module's folder",
            cure="give the file a plain name such as 'services.py'",
            findings=(),
        )
    return folder.joinpath(*pure.parts)


def findings_of(plan: ExportPlan) -> list[Finding]:
    """Return findings about files that were removed or left alone."""
    removed = (
        "the module no longer has it, and nobody changed it since modframe wrote it, so it was "
        "removed"
    )
    kept = (
        "the module no longer has it, but it was changed by hand since modframe wrote it, so it "
        "was left in place and loads with the module"
    )
    beside = "it is in the folder and not in the live text, and loads with the module"
    cure = "remove it, or take its text into a cell"
    return [
        *(Finding("file-removed", "info", removed, file=plan.name(path)) for path in plan.remove),
        *(
            Finding("changed-by-hand", "warning", kept, cure=cure, file=plan.name(path))
            for path in plan.kept
        ),
        *(
            Finding("file-beside", "warning", beside, cure=cure, file=plan.name(path))
            for path in plan.beside
        ),
    ]


def refusals(plan: ExportPlan, known: dict[Path, str]) -> list[Finding]:
    """Return a finding for each file that only ``force=True`` may overwrite."""
    return [
        Finding(
            "changed-by-hand",
            "error",
            "it was changed by hand since modframe wrote it"
            if path in known
            else "it says something else, and modframe has no record of having written it",
            cure="take the change into the cell, or export(force=True) to write over it",
            file=plan.name(path),
        )
        for path in plan.foreign
    ]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote.

    Attributes:
        folder: The module's folder.
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
        findings = f", {count(len(self.findings), 'finding')}" if self.findings else ""
        return (
            f"<ExportReport {self.module_id}: {count(len(self.paths), 'file')}, "
            f"{len(self.written)} written{removed}{findings}, in {self.folder}>"
        )

    def _repr_html_(self) -> str:
        rows: list[tuple[object, object]] = [
            (path.relative_to(self.folder), "written" if path in self.written else "equal")
            for path in self.paths
        ]
        rows += [(path.relative_to(self.folder), "removed") for path in self.removed]
        rows += [(finding.rule, finding) for finding in self.findings]
        return section(self.module_id, table(rows), note=self.folder)
