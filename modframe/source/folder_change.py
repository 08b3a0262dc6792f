"""`changing`: files below a folder are written and removed all together, or not at all.

In go relative paths with their contents; a process that is killed at any moment leaves all of the
old files, or all of the new ones once `finish_changes` ran, which every reader of the folder calls.
The exports, their record and the readers of module folders use it.

The new contents are written to a hidden folder beside the others first. Its renaming is the moment
that counts: before it the hidden folder is dropped, after it the files are moved to their places,
by this process or by the next that looks. All of that happens under the folder's lock, so a hidden
folder that is there while the lock is free belongs to a process that has died.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from ..errors import WorkspaceError
from ..files import Content, make_folder, sync, write_new
from .folder_lock import lock_folder

PREFIX = ".modframe-change-"
"""How the hidden folders are called."""
_STAGED = ".new"
_STEPS = "change.json"
_NOTHING = f"{PREFIX}nothing"
_log = logging.getLogger("modframe.source")


@dataclass(frozen=True, slots=True)
class _Step:
    """One file of a change.

    Attributes:
        path: Relative to the folder.
        before: The digest it had when the change was written down; empty if there was no file.
        staged: The file in the hidden folder that takes its place; empty if it is removed.
    """

    path: str
    before: str
    staged: str = ""


def digest_of(content: bytes) -> str:
    """Return the digest that tells whether a file has another content."""
    return hashlib.sha256(content).hexdigest()


Change = Callable[[Mapping[str, Content], Iterable[str]], None]
"""Writes contents to paths relative to the folder, with slashes, and removes the files named."""


def change_folder(folder: Path, write: Mapping[str, Content]) -> None:
    """Write files below a folder, all or none of them; raises as `changing` does."""
    with changing(folder) as change:
        change(write, ())


@contextmanager
def changing(folder: Path, *, private: bool = False) -> Iterator[Change]:
    """Hold a folder, which is made if it is missing, and yield what changes files below it.

    What is read in the block is still so when the change is made. Permissions are kept, and folders
    that become empty go too. With ``private`` the folder and new files are closed to others.

    Raises:
        OSError: If a file can't be written, or can't be moved to its place; nothing has changed.
        ValueError: If a path leads out of the folder, or through a link; nothing has changed.
        WorkspaceError: If files could not be moved to their places after others were.
        FolderBusyError: If another process holds the folder for too long.
    """
    made = make_folder(folder, private=private)
    try:
        with lock_folder(folder):
            _finish_all(folder)
            yield partial(_change, folder, private=private)
    except BaseException:
        for path in reversed(made):
            with suppress(OSError):  # it isn't empty: a change was made
                path.rmdir()
        raise


def finish_changes(folder: Path) -> None:
    """Finish what a process that died has left in a folder; wait for one that is at work.

    Raises:
        WorkspaceError: If it can't be finished; it says why.
        FolderBusyError: If the other process is at work for too long.
    """
    if not _pending(folder):
        return
    try:
        with lock_folder(folder):
            _finish_all(folder)
    except OSError as error:
        raise _unfinished(folder, error) from error


@contextmanager
def holding_still(folder: Path) -> Iterator[None]:
    """Let no change of the folder happen while it is read; finish one that was cut off.

    Raises:
        WorkspaceError: If that can't be finished.
    """
    finish_changes(folder)
    with ExitStack() as held:
        with suppress(OSError):  # there is no folder, or nothing in it can be locked
            held.enter_context(lock_folder(folder, shared=True))
        yield


def _pending(folder: Path) -> list[Path]:
    """Return the hidden folders of changes; links are none."""
    try:
        with os.scandir(folder) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []


# -- a change ----------------------------------------------------------------------------------


def _change(
    folder: Path, write: Mapping[str, Content], remove: Iterable[str], *, private: bool
) -> None:
    gone = list(remove)
    if not write and not gone:
        return
    staging = folder / f"{PREFIX}{secrets.token_hex(8)}{_STAGED}"
    staging.mkdir(mode=0o700)
    committed = staging.with_suffix("")
    try:
        steps = [
            _stage(folder, path, content, staging / str(number), private=private)
            for number, (path, content) in enumerate(write.items())
        ]
        steps += [_Step(path, digest_at(_inside(folder, path))) for path in gone]
        for place in {(folder / step.path).parent for step in steps}:
            _refuse_unmovable(staging, place)
        rows = [[step.path, step.before, step.staged] for step in steps]
        write_new(staging / _STEPS, json.dumps(rows).encode())
        sync(staging)
        staging.rename(committed)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    sync(folder)
    _carry_out(folder, committed, steps)


def _stage(folder: Path, path: str, content: Content, staged: Path, *, private: bool) -> _Step:
    target = _inside(folder, path)
    write_new(staged, content, private=private)
    with suppress(FileNotFoundError):
        status = target.lstat()
        if stat.S_ISREG(status.st_mode):
            staged.chmod(stat.S_IMODE(status.st_mode))
    return _Step(path, digest_at(target), staged.name)


def _refuse_unmovable(staging: Path, place: Path) -> None:
    """Check that files can be moved from one folder to another, which may be missing yet.

    It is tried before the first file is moved, since half of them must not be.

    Raises:
        OSError: If they can't.
    """
    place = next(path for path in (place, *place.parents) if os.path.lexists(path))
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
    try:
        # There is no such file, but the system looks first if the folders are of one mount.
        os.replace(staging / _NOTHING, place / _NOTHING)  # noqa: PTH105  # as in `_do`
    except FileNotFoundError:
        pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(place)) from None
    if os.name == "posix" and place.stat().st_dev != staging.stat().st_dev:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(place))


def _carry_out(folder: Path, committed: Path, steps: Iterable[_Step]) -> None:
    """Move every file to its place; take the change back if not even the first can be moved.

    Raises:
        OSError: If nothing has changed.
        WorkspaceError: If some files were moved and others can't be.
    """
    moved = False
    try:
        for step in steps:
            moved |= _do(folder, committed, step)
        _clean(committed)
    except OSError as error:
        if moved:
            raise _unfinished(folder, error) from error
        shutil.rmtree(committed, ignore_errors=True)
        raise


def _do(folder: Path, committed: Path, step: _Step) -> bool:
    """Do one step, unless it was done or a person has changed the file since."""
    target = _inside(folder, step.path)
    staged = committed / step.staged if step.staged else None
    if not (staged.is_file() if staged is not None else target.is_file()):
        return False
    if digest_at(target) not in ("", step.before):
        _log.warning(
            "%s was changed while an export of it was cut off, so it stays as it is", target
        )
        return False
    if staged is None:
        target.unlink(missing_ok=True)
        sync(_drop_empty(target.parent, folder))
        return True
    for made in make_folder(target.parent, private=False):
        sync(made.parent)
    os.replace(staged, target)  # noqa: PTH105  # `Path.replace` is the same, and audited twice
    sync(target.parent)
    return True


def _clean(committed: Path) -> None:
    """Remove the hidden folder, the list of steps last, so that it can be done again."""
    for path in sorted(committed.iterdir(), key=lambda path: path.name == _STEPS):
        path.unlink()
    committed.rmdir()
    sync(committed.parent)


def _finish_all(folder: Path) -> None:
    """Drop or carry out what was cut off; call it with the folder's lock."""
    for path in _pending(folder):
        if path.name.endswith(_STAGED):
            try:
                shutil.rmtree(path)
            except OSError as error:
                _log.warning("%s is left over and can't be removed: %s", path, error)
            continue
        try:
            steps = _read_steps(folder, path / _STEPS)
        except (ValueError, TypeError) as error:
            _log.warning("%s is no change that can be made, so it is left alone: %s", path, error)
            continue
        for step in steps:
            _do(folder, path, step)
        _clean(path)
        _log.info("finished the change of %d files in %s that was cut off", len(steps), folder)


def _read_steps(folder: Path, file: Path) -> list[_Step]:
    """Return the steps of a change; none if all were done.

    Raises:
        ValueError: If they are damaged, or lead out of the folder.
    """
    try:
        rows = json.loads(file.read_bytes())
    except FileNotFoundError:
        return []
    steps = [_Step(*map(str, row)) for row in rows]
    for step in steps:
        _inside(folder, step.path)
        if "/" in step.staged or "\\" in step.staged:
            raise ValueError(f"{step.staged!r} leads out of {file.parent}")
    return steps


def _unfinished(folder: Path, error: OSError) -> WorkspaceError:
    place = Path(error.filename2 or error.filename or folder)
    return WorkspaceError(
        f"files in {folder} are half written, and the rest can't be moved to its place: {error}",
        cure=f"see to it that {place} can be written to; the next start finishes the export",
    )


# -- files -------------------------------------------------------------------------------------


def _inside(folder: Path, path: str) -> Path:
    """Return the path below the folder.

    Raises:
        ValueError: If it leads out, or a folder on the way is a link.
    """
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise ValueError(f"{path!r} leads out of {folder}")
    for parent in list(pure.parents)[:-1]:
        if (link := folder / parent).is_symlink():
            raise ValueError(
                f"{link} is a link to {link.readlink()}, and nothing is written through links"
            )
    return folder / pure


def digest_at(path: Path) -> str:
    """Return the digest of a file; empty if there is none. A link counts by where it leads."""
    try:
        if path.is_symlink():
            return digest_of(os.fsencode(path.readlink()))
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def _drop_empty(path: Path, folder: Path) -> Path:
    """Remove a folder, and those above it below ``folder``, while they are empty.

    Return the one that stays.
    """
    while path != folder and path.parent != folder:
        try:
            path.rmdir()
        except OSError:
            break
        path = path.parent
    return path
