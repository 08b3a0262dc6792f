"""`ExportPlan`: what an export would do to a module's folder. It reads files and changes nothing.

In go the live source, the folder and the record of earlier exports. `export` refuses the plan,
tries it in a fresh process, or carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import ExportError, Finding, Level, first_finding
from ..html import section, table
from ..load.text import is_code
from ..source import Source
from ..wording import count
from .export_record import ExportRecord, digest_of

_REMOVED = (
    "the module no longer has it, and nobody changed it since modframe wrote it, so it was removed"
)
_KEPT = (
    "the module no longer has it, but it was changed by hand since modframe wrote it, so it was "
    "left in place and loads with the module"
)
_BESIDE = "it is in the folder and not in the live text, and loads with the module"
_LEFT_CURE = "remove it, or take its text into a cell"
_CHANGED = "it was changed by hand since modframe wrote it"
_UNKNOWN = "it says something else, and modframe has no record of having written it"
_CHANGED_CURE = "take the change into the cell, or export(force=True) to write over it"


@dataclass(frozen=True)
class ExportPlan:
    """What an export would do to each file.

    Attributes:
        folder: The module's folder.
        contents: Every file of the module → its bytes.
        write: Files that are missing or hold another text.
        remove: Files that modframe wrote, that nobody changed, and that the module no longer has.
        refusals: A finding for each file that only ``force=True`` may overwrite.
        findings: A finding for each file that is removed or left alone.
    """

    folder: Path
    contents: dict[Path, bytes]
    write: tuple[Path, ...]
    remove: tuple[Path, ...]
    refusals: tuple[Finding, ...]
    findings: tuple[Finding, ...]


def plan_export(source: Source, folder: Path, record: ExportRecord) -> ExportPlan:
    """Return the plan for a source and the folder it belongs in.

    Raises:
        ExportError: If a file's name leads out of the folder.
    """

    def report(path: Path, level: Level, message: str, *, cure: str, rule: str = "") -> Finding:
        file = path.relative_to(folder).as_posix()
        return Finding(rule or "changed-by-hand", level, message, cure=cure, file=file)

    contents = {_inside(folder, file, source): text.encode() for file, text in source.texts.items()}
    known = record.digests(folder)
    present = {path: path.read_bytes() for path in {*contents, *known} if path.is_file()}
    by_hand = {path for path, text in present.items() if digest_of(text) != known.get(path)}
    write = tuple(path for path, content in contents.items() if present.get(path) != content)
    gone = sorted(present.keys() - contents.keys())
    remove = tuple(path for path in gone if path not in by_hand)
    named = {*contents, *gone}
    beside = [
        path
        for path in sorted(folder.rglob("*.py"))
        if path not in named and is_code(path.relative_to(folder).as_posix())
    ]
    refusals = (
        report(path, "error", _CHANGED if path in known else _UNKNOWN, cure=_CHANGED_CURE)
        for path in write
        if path in by_hand
    )
    findings = (
        *(report(path, "info", _REMOVED, cure="", rule="file-removed") for path in remove),
        *(report(path, "warning", _KEPT, cure=_LEFT_CURE) for path in gone if path in by_hand),
        *(report(path, "warning", _BESIDE, cure=_LEFT_CURE, rule="file-beside") for path in beside),
    )
    return ExportPlan(folder, contents, write, remove, tuple(refusals), findings)


def _inside(folder: Path, file: str, source: Source) -> Path:
    pure = PurePosixPath(file)
    if pure.is_absolute() or ".." in pure.parts or "\\" in file or not pure.parts:
        raise ExportError(
            f"{source.module_id}: the file name {file!r} leads out of the module's folder",
            cure="give the file a plain name such as 'services.py'",
            findings=(),
        )
    return folder.joinpath(*pure.parts)


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

    @property
    def line(self) -> str:
        """What was done, and the first finding."""
        removed = f", {len(self.removed)} removed" if self.removed else ""
        files = f"{count(len(self.paths), 'file')}, {len(self.written)} written{removed}"
        return " · ".join(
            filter(None, (f"{files}, in {self.folder}", first_finding(self.findings)))
        )

    def __repr__(self) -> str:
        return f"<ExportReport {self.module_id}: {self.line}>"

    def _repr_html_(self) -> str:
        rows: list[tuple[object, object]] = [
            (path.relative_to(self.folder), "written" if path in self.written else "equal")
            for path in self.paths
        ]
        rows += [(path.relative_to(self.folder), "removed") for path in self.removed]
        rows += [(finding.rule, finding) for finding in self.findings]
        return section(self.module_id, table(rows), note=self.folder)
