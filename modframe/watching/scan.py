"""`scan`: a burst of changed paths → texts to swap to, modules that are gone, and faults.

It reads what lies on disk now and not what the events said. So it does not matter how an editor
writes a file, and scanning twice does no harm. `Watching` runs it in a thread, as it reads files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ..errors import BlockedError, GraphError, InvalidModuleIdError, WorkspaceError
from ..load.reads import changed_files
from ..names import MODULE_TYPES, folder_of
from ..runtime.live import reach
from ..source import OnDisk, Source
from ..spec import module_id_of, module_of_service
from .seen_modules import SeenModule, SeenModules


@dataclass(slots=True)
class ScanResult:
    """What a burst asks for.

    Attributes:
        sources: Module id → the text that is to go live.
        marks: Module id → a value that differs between attempts with different texts or files.
        reverted: Module id → the code that is live, where the newest attempt failed, or where only
            text files changed, in a notebook.
        gone: Live modules whose text no longer exists.
        forgotten: Modules that aren't live and whose text no longer exists.
        faults: Module id → why its text can't be read.
        doubts: Modules that may be in the middle of a save.
    """

    sources: dict[str, Source] = field(default_factory=dict)
    marks: dict[str, object] = field(default_factory=dict)
    reverted: dict[str, Source] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    faults: dict[str, WorkspaceError] = field(default_factory=dict)
    doubts: set[str] = field(default_factory=set)


def scan(
    disk: OnDisk, paths: Collection[Path], seen: SeenModules, also: Iterable[str] = ()
) -> ScanResult:
    """Return what changed paths ask for; the modules in ``also`` are looked at in any case.

    Without paths, only files that modules read are compared.
    """
    result = ScanResult()
    touched = {*also, *touched_by(paths, disk, seen)}
    only_code = paths and all(path.suffix == ".py" for path in paths)
    changed_reads = {} if only_code else _changed_reads(seen)
    waiting = _waiting_for(touched | set(changed_reads), seen, disk)
    for module_id in sorted(touched | set(changed_reads) | waiting):
        _examine(
            module_id,
            disk=disk,
            seen=seen[module_id],
            touched=module_id in touched or module_id in waiting,
            changed=changed_reads.get(module_id, []),
            again=module_id in waiting,
            result=result,
        )
    return result


def touched_by(paths: Iterable[Path], disk: OnDisk, seen: SeenModules) -> set[str]:
    """Return the modules whose own text changed paths belong to, by folder and by notebook."""
    touched: set[str] = set()
    for path in paths:
        if path in disk.notebooks:
            touched |= {*disk.in_notebooks()}
            touched |= {key for key, live in seen.live() if live.place == str(path)}
        if disk.modules.is_relative_to(path) or path.parent == disk.modules:
            # The whole folder, or the folder of a type, appeared or disappeared.
            kind = f"{path.name}." if path.parent == disk.modules else ""
            ids = {*disk.ids(), *(key for key, _ in seen.live())}
            touched |= {key for key in ids if key.startswith(kind) and seen[key].follows}
        elif path.is_relative_to(disk.modules) and path.suffix in ("", ".py"):
            touched.add(_id_at(path.relative_to(disk.modules).parts))
    return touched - {""}


def _id_at(parts: tuple[str, ...]) -> str:
    """Return the id of the module whose folder a path is in; empty if it is in none."""
    kind, name = parts[:2]
    if kind not in MODULE_TYPES:
        return ""
    try:
        return module_id_of(f"{kind}.{name}")
    except InvalidModuleIdError:
        return ""  # `find_modules` warns of such a folder at the start


def _changed_reads(seen: SeenModules) -> dict[str, list[Path]]:
    """Return module id → the files it reads that have changed, where there are any."""
    changed = {key: changed_files(reads) for key, reads in seen.reads()}
    return {key: files for key, files in changed.items() if files}


def _waiting_for(touched: set[str], seen: SeenModules, disk: OnDisk) -> set[str]:
    """Return modules that failed because of touched ones, directly or not: they are tried again."""
    errors = {
        key: module.error
        for key, module in seen.failed()
        if module.follows and module.error is not None
    }

    @cache
    def source_of(module_id: str) -> Source | None:
        try:
            return disk.source(module_id)
        except WorkspaceError:
            return None

    def failed_because_of(other: str) -> list[str]:
        return [key for key, error in errors.items() if is_reason(other, key, error)]

    def is_reason(other: str, key: str, error: BaseException) -> bool:
        named = _named_in(error)
        if named is not None:
            return other in named
        source = source_of(key)
        return source is not None and mentions(source, other)

    return set(reach(touched, failed_because_of))


def _named_in(error: BaseException) -> set[str] | None:
    """Return the modules that an error names as its reason; None if it is of another kind."""
    if isinstance(error, BlockedError):
        return set(error.by)
    if isinstance(error, GraphError):
        missing = (name for names in error.missing.values() for name in names)
        circle = (name for path in error.cycles for name in path)
        return set(map(module_of_service, (*missing, *circle)))
    return None


def mentions(source: Source, other: str) -> bool:
    """Return whether a text names another module: by its id, or by its short name as a string."""
    kind, _, name = other.partition(".")
    word = re.compile(rf"\b{kind}\.{name}\b|[\"']{name}[\"'.]")
    return any(word.search(text) for text in source.texts.values())


def _examine(
    module_id: str,
    *,
    disk: OnDisk,
    seen: SeenModule,
    touched: bool,
    changed: list[Path],
    again: bool,
    result: ScanResult,
) -> None:
    """Write into ``result`` what is to be done with one module."""
    try:
        source = disk.source(module_id) if touched or seen.follows else seen.live
        if not seen.follows and (source is None or not _saved_since(seen.since, source)):
            source = seen.live  # cells made it live, and only a newer text takes over from them
    except WorkspaceError as error:
        result.faults[module_id] = error
        result.doubts.add(module_id)
        return
    if source is None:
        if seen.live is None:
            result.forgotten.append(module_id)
        elif seen.follows:
            result.gone.append(module_id)
            result.doubts.add(module_id)
        return
    folder = folder_of(disk.modules, module_id)
    changed = [path for path in changed if not _says_what_is_live(path, folder, seen.live)]
    if seen.live is not None and seen.live.digest == source.digest and not changed:
        texts_changed = source.origin != "folder" and source.full_digest != seen.live.full_digest
        if texts_changed or (seen.error is not None and seen.follows and not again):
            result.reverted[module_id] = source
        return
    stamps = tuple((str(path), path.stat().st_mtime_ns if path.exists() else 0) for path in changed)
    mark = (source.digest, stamps)
    if seen.error is None or seen.tried != mark or again:
        if _is_doubtful(source, seen.live) or not all(path.exists() for path in changed):
            result.doubts.add(module_id)
        result.sources[module_id], result.marks[module_id] = source, mark


def _saved_since(moment: float, source: Source) -> bool:
    """Return whether a text on disk is newer than a moment, in seconds since the epoch."""
    paths = {Path(source.place), *(Path(content.filename) for content in source.files.values())}
    return any(path.stat().st_mtime >= moment for path in paths if path.is_file())


def _says_what_is_live(path: Path, folder: Path, live: Source | None) -> bool:
    """Return whether a file has the text of a cell that is live: an export wrote it."""
    if live is None or not live.text_files or not path.is_relative_to(folder):
        return False
    content = live.text_files.get(path.relative_to(folder).as_posix())
    return content is not None and path.is_file() and path.read_bytes() == content.text.encode()


def _is_doubtful(source: Source, live: Source | None) -> bool:
    """Return whether files that had text are empty or gone: they may be about to be written."""
    before = _files_with_text(live) if live else {"api.py"}
    return not before <= _files_with_text(source)


def _files_with_text(source: Source) -> set[str]:
    return {file for file, content in source.files.items() if content.text.strip()}
