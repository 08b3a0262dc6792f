"""Tokens that are kept in files: one that a person names, and ``data/token``, which modframe makes.

In go paths; out come tokens that a header and a URL can carry. Called by whatever starts a server,
and by what talks to one from this machine.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import stat
from pathlib import Path

from ..errors import FolderBusyError, ServeError
from ..files import make_folder, open_file, replace_file, rights_of_others
from ..source.folder_lock import lock_folder
from ..source.owners import stranger_at, writers_at
from ..source.workspace import TOKEN_FILE
from ..wording import count

SHORTEST = 16
"""Characters of a token: fewer can be guessed."""
_LONGEST = 4096
_VISIBLE = re.compile(r"[!-~]+")
_log = logging.getLogger("modframe.server")


def new_token() -> str:
    """Return a new token: 192 random bits, in 32 characters."""
    return secrets.token_urlsafe(24)


def token_in_environment() -> str:
    """Return ``MODFRAME_TOKEN``, or the token in the file ``MODFRAME_TOKEN_FILE``; empty if none.

    Raises:
        ServeError: As for `read_token_file`.
    """
    if token := os.environ.get("MODFRAME_TOKEN", ""):
        return token
    file = os.environ.get("MODFRAME_TOKEN_FILE", "")
    return read_token_file(file) if file else ""


def read_token_file(path: str | Path) -> str:
    """Return the token in a file that a person named, without the white space around it.

    A link is followed, and a pipe is read to its end. If others can read the file, a warning is
    logged: containers mount secrets like that.

    Raises:
        ServeError: If the file can't be read, if others can write to it, or if it holds no token
            of one line and at least `SHORTEST` characters.
    """
    path = Path(path).expanduser()
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_LONGEST + 1)
    except OSError as error:
        raise _refusal(path, f"can't be read: {error.strerror or error}") from error
    if stat.S_ISREG(mode) and os.name == "posix":
        if writers := writers_at(path):
            raise _refusal(
                path,
                f"can't be relied on: {writers} can write to it",
                cure=f"take that right away: chmod 600 {path}",
            )
        if mode & 0o077:
            _log.warning(
                "others can read the token in %s, whose mode is %o; chmod 600 %s ends that",
                path, stat.S_IMODE(mode), path,
            )  # fmt: skip
    return _checked(content, path)


def kept_token(data: Path | None) -> str:
    """Return the token of a data folder, ``data/token``, which is made the first time.

    One that others could read is replaced, and that is logged. Without a folder the token is new.

    Raises:
        ServeError: If the file can't be read or made, is a link, belongs to somebody else, or holds
            no token, since somebody changed it.
    """
    if data is None:
        return new_token()
    path = data / TOKEN_FILE
    try:
        if (token := _kept(path)) is not None:
            return token
        make_folder(data)
        with lock_folder(data):  # so that two processes that begin have one token
            if (token := _kept(path)) is None:
                if os.path.lexists(path):
                    _log.warning("others could read the token in %s, so a new one is made", path)
                token = new_token()
                replace_file(path, f"{token}\n".encode())
            return token
    except (OSError, FolderBusyError) as error:
        why = getattr(error, "strerror", None) or error
        raise _refusal(path, f"can't be read or made: {why}") from error


def _kept(path: Path) -> str | None:
    """Return the token in a file of modframe's own; ``None`` if a new one has to be made."""
    if not os.path.lexists(path):
        return None
    if owner := stranger_at(path):
        raise _refusal(path, f"is not this user's: {owner} owns it")
    with open(open_file(path, os.O_RDONLY), "rb") as file:  # noqa: PTH123  # a descriptor
        content = file.read(_LONGEST + 1)
    return None if rights_of_others(path) else _checked(content, path)


def _checked(content: bytes, path: Path) -> str:
    """Return the token that a file consists of; no message quotes it."""
    text = content.decode("latin-1").strip()
    if not text:
        fault = "is empty"
    elif len(content) > _LONGEST:
        fault = f"has more than {_LONGEST} bytes"
    elif not _VISIBLE.fullmatch(text):
        fault = "has blanks, several lines, or characters beyond ASCII"
    elif len(text) < SHORTEST:
        fault = f"has {count(len(text), 'character')}, and a token at least {SHORTEST}"
    else:
        return text
    raise _refusal(path, fault)


def _refusal(path: Path, fault: str, *, cure: str = "") -> ServeError:
    if not cure and path.name == TOKEN_FILE:
        cure = "delete it, and a new one is made; or name another one as --token-file"
    make = "python -c 'import secrets; print(secrets.token_urlsafe(24))'"
    return ServeError(
        f"the token file {path} {fault}",
        cure=cure or f"write one line into it that {make} prints, and chmod 600 it",
        path=path,
    )
