"""`SettingsFiles`: what ``settings.toml`` and ``.env`` of a workspace say.

The files are read when a module with settings is loaded, and again once they have changed. Called
by `SettingsSources`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Generic, TypeVar

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from ...finding import Finding
from ...names import MODULE_TYPES, full_id
from .faults import SettingsError

T = TypeVar("T")
SETTINGS_FILES = TOML, DOTENV = "settings.toml", ".env"
_LINE = re.compile(r" \(at line (\d+), column \d+\)\Z")


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of a ``.env``.

    Attributes:
        values: Name → value, as text; ``None`` for a name without ``=``.
        lines: Name → the line of its last value, from 1.
        bad_lines: The lines that can't be read and are left out.
    """

    values: Mapping[str, str | None] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    bad_lines: tuple[int, ...] = ()


class SettingsFiles:
    """The two files of one workspace; either may be absent."""

    def __init__(self, workspace: Path) -> None:
        no_tables: dict[str, dict[str, Any]] = {}
        self._toml = _Watched(workspace / TOML, _read_toml, empty=no_tables)
        self._dotenv = _Watched(workspace / DOTENV, _read_dotenv, empty=Variables())

    def tables(self) -> Mapping[str, Mapping[str, Any]]:
        """Return module id → its table in ``settings.toml``.

        Raises:
            SettingsError: If the file can't be read; with the line.
        """
        return self._toml.content()

    def variables(self) -> Variables:
        """Return the variables of ``.env``.

        Raises:
            SettingsError: If the file can't be read.
        """
        return self._dotenv.content()


class _Watched(Generic[T]):
    """A file's content, read again when the file has changed; ``empty`` while there is no file."""

    def __init__(self, path: Path, read: Callable[[Path], T], *, empty: T) -> None:
        self._path = os.fspath(path)
        self._read = read
        self._empty = self._content = empty
        self._seen: tuple[int, int, int] | None = None

    def content(self) -> T:
        try:
            found = os.stat(self._path)  # noqa: PTH116  # on the path of each load
        except OSError:
            self._seen, self._content = None, self._empty
            return self._empty
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen != self._seen:
            path = Path(self._path)
            # A folder called `.env` is a virtual environment.
            self._content = self._read(path) if path.is_file() else self._empty
            self._seen = seen
        return self._content


def _read_toml(path: Path) -> dict[str, dict[str, Any]]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        reason = _LINE.sub("", str(error))
        raise _unreadable(path, reason, line=int(found[1]) if found else 0) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error)) from error
    tables: dict[str, dict[str, Any]] = {}
    for key, content in document.items():
        nested = key in MODULE_TYPES and isinstance(content, dict)
        named = (
            {f"{key}.{name}": one for name, one in content.items()} if nested else {key: content}
        )
        for name, table in named.items():
            if not isinstance(table, dict):
                raise _unreadable(
                    path,
                    f"{name!r} stands outside of a module's table",
                    cure="write the settings of each module below its id, as in [standard.orders]",
                )
            tables.setdefault(full_id(name), {}).update(table)
    return tables


def _read_dotenv(path: Path) -> Variables:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error)) from error
    bindings = list(parse_stream(StringIO(text)))
    sound = "".join(binding.original.string for binding in bindings if not binding.error)
    return Variables(
        dotenv_values(stream=StringIO(sound)),
        {binding.key: _line_of(binding.original) for binding in bindings if binding.key},
        tuple(_line_of(binding.original) for binding in bindings if binding.error),
    )


def _line_of(original: Any) -> int:
    """Return the line where a statement begins; blank lines before it are part of its text."""
    text: str = original.string
    return int(original.line) + text[: len(text) - len(text.lstrip())].count("\n")


def _unreadable(path: Path, reason: str, *, line: int = 0, cure: str = "") -> SettingsError:
    cure = cure or f"correct the file {path}, or move it away"
    finding = Finding(
        "settings-file", "error", f"can't be read: {reason}", cure=cure, file=path.name, line=line
    )
    return SettingsError(finding.message, cure=cure, subject=finding.place, findings=(finding,))
