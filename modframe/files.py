"""Files of modframe's own: private from the moment they are there, and whole or not there at all.

In go paths and contents; out come files with mode 0600 and folders with mode 0700, whatever the
umask says. What is written in one piece is written beside its place, under a name that nobody can
guess, and renamed. No link in the place of a file is followed. Called wherever something is kept.

A folder that a person shares with a group stays shared: what is made in it has the rights that the
group has for the folder. It is taken for shared if its setgid bit is set, or if the group can write
to it and others have no rights, which no usual umask gives. Windows has no such modes.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path

Content = bytes | Path
"""The content of a new file, or a file whose content is copied."""
_FILE, _FOLDER = 0o600, 0o700
_ANY_FILE, _ANY_FOLDER = 0o666, 0o777
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
_NEW = os.O_CREAT | os.O_EXCL | _NO_LINKS
_BYTES = getattr(os, "O_BINARY", 0)
_COPY = 1 << 20


def make_folder(folder: Path, *, private: bool = True) -> list[Path]:
    """Make a folder and those above it, where they are missing.

    Return the ones that were made, outermost first. Those that aren't ``private`` have the mode
    that the umask gives.

    Raises:
        OSError: If one can't be made.
    """
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        try:
            new_folder(path, private=private)
        except FileExistsError:
            if not path.is_dir():
                raise
    return missing[::-1]


def new_folder(folder: Path, *, private: bool = True) -> None:
    """Make a folder that must not exist yet.

    Raises:
        FileExistsError: If there is something at the path, a link included.
        OSError: If it can't be made.
    """
    folder.mkdir(_FOLDER if private else _ANY_FOLDER)
    if private and (rights := _group_rights(folder.parent)):
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | rights)


def open_file(path: Path, flags: int) -> int:
    """Open a private file, which is made if it is missing; return the descriptor.

    Raises:
        OSError: If it can't be opened, or is a link.
    """
    try:
        return _make(path, flags)
    except FileExistsError:
        pass
    try:
        return os.open(path, flags | os.O_CREAT | _NO_LINKS, _FILE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _link_error(path) from None
        raise


def make_file(path: Path) -> None:
    """Make an empty private file where there is none, for a library that opens it then.

    One that is there isn't opened: closing it would end the locks that this process has on it.

    Raises:
        OSError: If it can't be made, or is a link.
    """
    try:
        os.close(_make(path, os.O_WRONLY))
    except FileExistsError:
        if path.is_symlink():
            raise _link_error(path) from None


def file_mode(folder: Path) -> int:
    """Return the mode of private files in a folder, for a library that makes them itself."""
    return _FILE | _group_rights(folder) & _ANY_FILE


def rights_of_others(path: Path) -> int:
    """Return the rights for a file or folder that nobody was given on purpose, as bits of a mode.

    Links, and what another user owns, have none of these.

    Raises:
        OSError: If there is nothing at the path.
    """
    if sys.platform == "win32":
        return 0
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode) or status.st_uid != os.geteuid():
        return 0
    given = _group_rights(path.parent)
    if stat.S_ISDIR(status.st_mode):
        given |= _group_rights(path)
    return status.st_mode & (stat.S_IRWXG | stat.S_IRWXO) & ~given


def close_to_others(path: Path) -> bool:
    """Take away what `rights_of_others` returns; return whether there were any."""
    rights = rights_of_others(path)
    if rights:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~rights)
    return rights != 0


def write_new(path: Path, content: Content, *, private: bool = True, durable: bool = True) -> None:
    """Write a file that must not exist yet; one that is ``durable`` is on the disk then.

    Raises:
        FileExistsError: If there is something at the path, a link that leads nowhere included.
        OSError: If it can't be written.
    """
    make = _make if private else _make_for_all
    descriptor = make(path, os.O_WRONLY)
    with open(descriptor, "wb") as file:  # noqa: PTH123  # a descriptor
        if isinstance(content, Path):
            with content.open("rb") as source:
                shutil.copyfileobj(source, file, _COPY)
        else:
            file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())


def replace_file(path: Path, content: Content, *, durable: bool = True) -> None:
    """Put a private file at a path, by one rename: killed, the old or the new one is there.

    Raises:
        OSError: If it can't be written; the old one is as it was.
    """
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        write_new(new, content, durable=durable)
        new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    if durable:
        sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or what a folder lists, is on the disk."""
    if path.is_dir() and sys.platform == "win32":
        return  # folders can't be opened there, and are written in order
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | _NEW | _BYTES, _FILE)
    if (rights := _group_rights(path.parent) & _ANY_FILE) and sys.platform != "win32":
        os.fchmod(descriptor, _FILE | rights)
    return descriptor


def _make_for_all(path: Path, flags: int) -> int:
    return os.open(path, flags | _NEW | _BYTES, _ANY_FILE)


def _group_rights(folder: Path) -> int:
    """Return the rights that a person gave a group for a folder, as bits of a mode; 0 if none."""
    if sys.platform == "win32":
        return 0
    mode = folder.stat().st_mode
    closed = mode & stat.S_IWGRP and not mode & stat.S_IRWXO
    return mode & stat.S_IRWXG if closed or mode & stat.S_ISGID else 0


def _link_error(path: Path) -> OSError:
    why = "it is a link, and modframe writes its own files through none"
    return OSError(errno.ELOOP, why, str(path))
