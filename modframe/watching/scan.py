"""A burst of changed paths → what is to be done: texts to swap to, modules that are gone, faults.

Looks at what lies on disk now, not at what the events said: so it doesn't matter how an editor
writes, and looking twice is no fault. Runs in a thread, for it reads files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import BlockedError, GraphError, InvalidModuleIdError, WorkspaceError
from ..load.reads import changed_files
from ..names import MODULE_TYPES
from ..runtime.change.graph import reach
from ..source import OnDisk, Source
from ..spec import module_id_of, module_of_service
from .seen_modules import Known, SeenModules


@dataclass(slots=True)
class Found:
    """What a burst comes to.

    Attributes:
        sources: Module id → the text that is to go live.
        marks: Module id → what tells this attempt from another.
        reverted: Module id → the text that is live, where the newest attempt failed.
        gone: Live modules whose text is nowhere any more. ``forgotten``: others.
        faults: Modules whose text can't be read.
        doubts: Modules that may be in the middle of a save.
    """

    sources: dict[str, Source] = field(default_factory=dict)
    marks: dict[str, object] = field(default_factory=dict)
    reverted: dict[str, Source] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    faults: dict[str, WorkspaceError] = field(default_factory=dict)
    doubts: set[str] = field(default_factory=set)


def look(
    disk: OnDisk, paths: Collection[Path], known: SeenModules, also: Iterable[str] = ()
) -> Found:
    """What changed paths, and ``also`` these modules, come to; without paths, the files read."""
    found = Found()
    touched = {*also, *touched_by(paths, disk, known)}
    only_code = paths and all(path.suffix == ".py" for path in paths)
    read = {} if only_code else _changed_reads(known)
    waiting = _waiting_for(touched | set(read), known, disk)
    for module_id in sorted(touched | set(read) | waiting):
        _examine(
            module_id,
            disk=disk,
            known=known[module_id],
            own=module_id in touched or module_id in waiting,
            changed=read.get(module_id, []),
            again=module_id in waiting,
            found=found,
        )
    return found


def touched_by(paths: Iterable[Path], disk: OnDisk, known: SeenModules) -> set[str]:
    """The modules whose own text changed paths belong to, by folder and by notebook."""
    touched: set[str] = set()
    for path in paths:
        if path in disk.notebooks:
            touched |= {*disk.in_notebooks()}
            touched |= {key for key, live in known.live() if live.place == str(path)}
        if disk.modules.is_relative_to(path) or path.parent == disk.modules:
            # The whole folder, or that of a type, came or went.
            kind = f"{path.name}." if path.parent == disk.modules else ""
            ids = {*disk.ids(), *(key for key, _ in known.live())}
            touched |= {key for key in ids if key.startswith(kind) and known[key].follows}
        elif path.is_relative_to(disk.modules) and path.suffix in ("", ".py"):
            touched.add(_id_at(path.relative_to(disk.modules).parts))
    return touched - {""}


def _id_at(parts: tuple[str, ...]) -> str:
    kind, name = parts[:2]
    if kind not in MODULE_TYPES:
        return ""
    try:
        return module_id_of(f"{kind}.{name}")
    except InvalidModuleIdError:
        return ""  # `find_modules` warns of such a folder at the start


def _changed_reads(known: SeenModules) -> dict[str, list[Path]]:
    found = {key: changed_files(reads) for key, reads in known.reads()}
    return {key: changed for key, changed in found.items() if changed}


def _waiting_for(touched: set[str], known: SeenModules, disk: OnDisk) -> set[str]:
    """Modules that failed because of one of these, directly or not: they get another chance."""
    failed = {key: one for key, one in known.failed() if one.follows}

    def joins(key: str, changed: set[str]) -> bool:
        error = failed[key].error
        return error is not None and _because_of(key, error, changed, disk)

    return set(reach(touched, failed, joins))


def _because_of(key: str, error: BaseException, changed: set[str], disk: OnDisk) -> bool:
    if isinstance(error, BlockedError):
        return not changed.isdisjoint(error.by)
    if isinstance(error, GraphError):
        missing = (name for names in error.missing.values() for name in names)
        circle = (name for path in error.cycles for name in path)
        return not changed.isdisjoint(map(module_of_service, (*missing, *circle)))
    try:
        source = disk.source(key)
    except WorkspaceError:
        return False
    return source is not None and any(mentions(source, other) for other in changed)


def mentions(source: Source, other: str) -> bool:
    """Whether a text names another module: by its id, or by its short name as a string."""
    kind, _, name = other.partition(".")
    word = re.compile(rf"\b{kind}\.{name}\b|[\"']{name}[\"'.]")
    return any(word.search(text) for text in source.texts.values())


def _examine(
    module_id: str,
    *,
    disk: OnDisk,
    known: Known,
    own: bool,
    changed: list[Path],
    again: bool,
    found: Found,
) -> None:
    try:
        source = disk.source(module_id) if own or known.follows else known.live
        if not known.follows and (source is None or not _saved_since(known.since, source)):
            source = known.live  # cells made it live, and only a newer text takes over from them
    except WorkspaceError as error:
        found.faults[module_id] = error
        found.doubts.add(module_id)
        return
    if source is None:
        if known.live is None:
            found.forgotten.append(module_id)
        elif known.follows:
            found.gone.append(module_id)
            found.doubts.add(module_id)
        return
    if known.live is not None and known.live.digest == source.digest and not changed:
        if known.error is not None and known.follows and not again:
            found.reverted[module_id] = source
        return
    stamps = tuple((str(path), path.stat().st_mtime_ns if path.exists() else 0) for path in changed)
    mark = (source.digest, stamps)
    if known.error is None or known.tried != mark or again:
        if _is_doubtful(source, known.live) or not all(path.exists() for path in changed):
            found.doubts.add(module_id)
        found.sources[module_id], found.marks[module_id] = source, mark


def _saved_since(moment: float, source: Source) -> bool:
    """Whether a text on disk is newer than that, in seconds since the epoch."""
    places = {Path(source.place), *(Path(one.filename) for one in source.files.values())}
    return any(one.stat().st_mtime >= moment for one in places if one.is_file())


def _is_doubtful(source: Source, live: Source | None) -> bool:
    """Whether files are empty or gone that weren't: they may be about to be written."""
    before = {file for file, one in live.files.items() if one.text.strip()} if live else {"api.py"}
    return not before <= {file for file, one in source.files.items() if one.text.strip()}
