"""`ExportRecord`: which texts modframe wrote into module folders, to notice changes by hand.

The digests are kept in ``exports.json`` in the data folder. Without a data folder
(``data=":memory:"``) they last as long as the record. The app makes one, `export` uses it, and each
start asks it for the folders where an export may have been cut off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from ..names import MODULE_TYPES
from .folder_change import changing

Rows = dict[str, tuple[str, ...]]
_NAME = "exports.json"
_in_memory: Rows = {}
"""The record without a data folder; the process keeps it, for an app that is started again."""


class ExportRecord:
    """Path → digests of what modframe wrote there; without a data folder, in memory only.

    A path has two digests while an export of it is under way, and stays so if that is cut off:
    whichever of the two is on disk, nobody has changed it by hand.

    Attributes:
        problem: Why the file can't be read; empty if it can.
    """

    def __init__(self, data: Path | None) -> None:
        self._data = data
        self._file = data / _NAME if data is not None else None
        self.problem = ""

    def _key(self, path: Path) -> str:
        # Relative to the data folder, so that the workspace can be moved.
        if self._data is None:
            return str(path)
        return Path(os.path.relpath(path, self._data)).as_posix()

    def _read(self) -> Rows:
        self.problem = ""
        if self._data is None or self._file is None:
            return dict(_in_memory)
        if not self._file.is_file():
            return {}
        try:
            rows = json.loads(self._file.read_text(encoding="utf-8"))
            return {str(key): _digests(value) for key, value in rows.items()}
        except (ValueError, AttributeError) as error:
            # Nothing is known then, and unknown files count as changed by hand, which is safe.
            self.problem = f"{self._file} can't be read ({error}), so it is begun anew"
            return {}

    def digests(self, folder: Path) -> dict[Path, tuple[str, ...]]:
        """Return path → digests of the files that modframe wrote below a folder."""
        rows = self._rows_of_paths().items()
        return {path: row for path, row in rows if path.is_relative_to(folder)}

    def _rows_of_paths(self) -> dict[Path, tuple[str, ...]]:
        base = self._data if self._data is not None else Path()
        return {Path(os.path.normpath(base / key)): row for key, row in self._read().items()}

    def folders(self) -> set[Path]:
        """Return the folders that hold ``<type>/<name>/`` of what was exported."""
        above = (parent for path in self._rows_of_paths() for parent in path.parents)
        return {one.parent.parent for one in above if one.parent.name in MODULE_TYPES}

    def expect(self, digests: Mapping[Path, str]) -> Rows:
        """Note what is about to be written, beside what was written before; return the latter."""
        before: Rows = {}
        if not digests:
            return before

        def change(rows: Rows) -> None:
            for path, digest in digests.items():
                key = self._key(path)
                before[key] = rows.get(key, ())
                rows[key] = tuple(dict.fromkeys([*before[key], digest]))

        self._change(change)
        return before

    def restore(self, before: Rows) -> None:
        """Forget what was expected: it was not written."""

        def change(rows: Rows) -> None:
            rows |= before
            for key in [key for key, row in before.items() if not row]:
                del rows[key]

        with suppress(OSError):  # a full disk: the expectations stay, and do no harm
            self._change(change)

    def note(self, digests: Mapping[Path, str], *, gone: Iterable[Path] = ()) -> None:
        """Note what was written, and forget what was removed."""

        def change(rows: Rows) -> None:
            rows |= {self._key(path): (digest,) for path, digest in digests.items()}
            for path in gone:
                rows.pop(self._key(path), None)

        self._change(change)

    def _change(self, change: Callable[[Rows], None]) -> None:
        if self._data is None:
            change(_in_memory)
            return
        with changing(self._data, private=True) as write:
            rows = self._read()
            problem, before = self.problem, dict(rows)
            change(rows)
            if rows != before:
                plain = {key: row[0] if len(row) == 1 else row for key, row in rows.items()}
                text = json.dumps(plain, indent=1, sort_keys=True)
                write({_NAME: f"{text}\n".encode()}, ())
            self.problem = problem


def _digests(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)
