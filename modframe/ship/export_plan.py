"""`ExportPlan`: what an export would do to a module's folder. It reads files and changes nothing.

In go the live source, the folder and the record of earlier exports. `export` refuses the plan,
tries it in a fresh process, or carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from ..errors import ExportError
from ..files import Content
from ..finding import Finding, Level, first_finding
from ..html import code, notice, section, table
from ..load.text import is_code
from ..source import Source
from ..source.export_record import ExportRecord
from ..source.folder import REVISIONS
from ..source.folder_change import digest_at, digest_of
from ..source.source import is_text_file
from ..tones import tone_of
from ..wording import count

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
_NO_DATA = ("__pycache__", "node_modules")
_CHANGED_CURE = (
    "take the change into the cell, or write over it with export(force=True), in a shell with "
    "--force"
)


@dataclass(frozen=True)
class ExportPlan:
    """What an export would do to each file.

    Attributes:
        folder: The module's folder.
        contents: Every file of the module → its bytes, or the file that is copied.
        digests: The same files → the digests of their contents.
        write: Files that are missing or hold something else.
        remove: Files that modframe wrote, that nobody changed, and that the module no longer has.
        refusals: A finding for each file that only ``force=True`` may overwrite.
        findings: A finding for each file that is removed or left alone.
    """

    folder: Path
    contents: dict[Path, Content]
    digests: dict[Path, str]
    write: tuple[Path, ...]
    remove: tuple[Path, ...]
    refusals: tuple[Finding, ...]
    findings: tuple[Finding, ...]

    def loads_as(self, other: ExportPlan) -> bool:
        """Return whether the module would have the same files as under another plan."""
        mine, others = (
            (plan.digests, [one for one in plan.findings if one.rule != "file-removed"])
            for plan in (self, other)
        )
        return mine == others


def plan_export(
    source: Source, folder: Path, record: ExportRecord, *, home: Path | None = None
) -> ExportPlan:
    """Return the plan for a source and the folder it belongs in.

    Args:
        source: The text.
        folder: The module's folder in the folder of modules that it is exported to.
        record: What was written before.
        home: The folder where the module's data files lie now, which travel with it.

    Raises:
        ExportError: If a file's name leads out of the folder, or the folder is a link.
    """
    _refuse_links(source, folder)
    contents: dict[Path, Content] = {
        _inside(folder, file, source): text.encode() for file, text in source.texts.items()
    }
    for path in _data_files(home) if home is not None and not _same(home, folder) else ():
        contents.setdefault(folder / path.relative_to(home or path), path)
    digests = {
        path: digest_of(content) if isinstance(content, bytes) else digest_at(content)
        for path, content in contents.items()
    }
    known = record.digests(folder)
    present = {path: digest_at(path) for path in {*contents, *known} if path.is_file()}
    by_hand = {path for path, digest in present.items() if digest not in known.get(path, ())}
    write = tuple(path for path in contents if present.get(path) != digests[path])
    gone = sorted(path for path in present.keys() - contents.keys() if not is_text_file(path.name))
    remove = tuple(path for path in gone if path not in by_hand)
    report = partial(_report, folder)
    refusals = tuple(
        report(path, "error", _CHANGED if path in known else _UNKNOWN, cure=_CHANGED_CURE)
        for path in write
        if path in by_hand
    )
    beside = _beside(folder, {*contents, *gone})
    findings = (
        *(report(path, "info", _REMOVED, cure="", rule="file-removed") for path in remove),
        *(report(path, "warning", _KEPT, cure=_LEFT_CURE) for path in gone if path in by_hand),
        *(report(path, "warning", _BESIDE, cure=_LEFT_CURE, rule="file-beside") for path in beside),
    )
    return ExportPlan(folder, contents, digests, write, remove, refusals, findings)


def _report(
    folder: Path, path: Path, level: Level, message: str, *, cure: str, rule: str = ""
) -> Finding:
    file = path.relative_to(folder).as_posix()
    return Finding(rule or "changed-by-hand", level, message, cure=cure, file=file)


def _beside(folder: Path, named: set[Path]) -> list[Path]:
    """Return Python files in the folder that are none of those named and load with the module."""
    return [
        path
        for path in sorted(folder.rglob("*.py"))
        if path not in named and is_code(path.relative_to(folder).as_posix())
    ]


def _data_files(home: Path) -> list[Path]:
    """Return the files of a module's folder that are no code: texts, data, pictures, revisions."""
    return [
        path
        for path in sorted(home.rglob("*"))
        if path.is_file() and not _is_left_out(path.relative_to(home).parts)
    ]


def _is_left_out(parts: tuple[str, ...]) -> bool:
    """Return whether a file is hidden, made from Python, or Python and no revision."""
    hidden = any(part.startswith(".") or part in _NO_DATA for part in parts)
    code = parts[-1].endswith(".py") and parts[0] != REVISIONS
    return hidden or code or parts[-1].endswith(".pyc")


def _same(home: Path, folder: Path) -> bool:
    return home.resolve() == folder.resolve()


def _refuse_links(source: Source, folder: Path) -> None:
    """Check that neither the module's folder nor the one of its type is a link.

    The folder that a person exports to may be one: they named it.
    """
    for path in (folder.parent, folder):
        if path.is_symlink():
            raise ExportError(
                f"{source.module_id}: {path} is a link to {path.readlink()}, and an export writes "
                "through no link",
                cure="export to the folder that it leads to, or put a folder in its place",
                findings=(),
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


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote.

    Attributes:
        folder: The module's folder.
        paths: All files of the module, with its data files, written now or equal before.
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
        states = {path: "written" if path in self.written else "equal" for path in self.paths}
        states |= dict.fromkeys(self.removed, "removed")
        rows = [(code(path.relative_to(self.folder)), how) for path, how in states.items()]
        findings = (notice(tone_of(one.level) or "warn", str(one)) for one in self.findings)
        body = table(rows, head=("file", "state"))
        return section(self.module_id, *findings, body, note=self.folder)
