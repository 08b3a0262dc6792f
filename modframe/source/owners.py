"""Whose a file or folder is, and who else can write to it: who could have put code there.

In go paths; out come words for people, empty where nobody but this user and root has a say. The
search for a workspace asks before it goes into a folder that nobody named.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

if sys.platform != "win32":
    import grp
    import pwd


def stranger_at(path: Path) -> str:
    """Return who owns a path or, if it is a link, what it leads to; empty for this user and root.

    Root counts as no stranger: whoever is root can change this process as well. Empty where
    nothing is at the path, and on Windows.
    """
    if sys.platform != "win32":
        for status in _statuses(path):
            if status.st_uid not in (os.geteuid(), 0):
                return _name_of(status.st_uid)
    return ""


def writers_at(path: Path) -> str:
    """Return who besides its owner can write to a path: ``everybody``, ``group staff`` or nobody.

    A folder with the sticky bit, such as ``/tmp``, counts as one that everybody can write to: they
    can't remove what others have there, but they can add to it. The group that a user has alone
    counts as the user.
    """
    if sys.platform != "win32":
        for status in _statuses(path):
            if stat.S_ISLNK(status.st_mode):
                continue  # the mode of a link means nothing
            if status.st_mode & stat.S_IWOTH:
                return "everybody"
            if status.st_mode & stat.S_IWGRP and not _is_alone_in(status.st_gid):
                return f"group {_group_name(status.st_gid)}"
    return ""


def _statuses(path: Path) -> list[os.stat_result]:
    found = []
    for follow in (False, True):
        try:
            found.append(path.stat(follow_symlinks=follow))
        except OSError:
            break
    return found


if sys.platform != "win32":

    def _name_of(user: int) -> str:
        try:
            return pwd.getpwuid(user).pw_name
        except KeyError:
            return f"user {user}"

    def _group_name(group: int) -> str:
        try:
            return grp.getgrgid(group).gr_name
        except KeyError:
            return str(group)

    def _is_alone_in(group: int) -> bool:
        """Return whether a group is root's, or the one that is called as this user is."""
        name = _name_of(os.geteuid())
        try:
            found = grp.getgrgid(group)
        except KeyError:
            return False
        return found.gr_name in (name, "root") and {*found.gr_mem} <= {name, "root"}
