"""`ExportRecord`: which texts modframe wrote into module folders, to notice changes by hand.

The digests are kept in ``exports.json`` in the data folder. Without a data folder
(``data=":memory:"``) they last as long as the record. The app makes one, and `export` uses it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from .files import replace_files


def digest_of(content: bytes) -> str:
    """Return the digest of a file's content in the record."""
    return hashlib.sha256(content).hexdigest()


_in_memory: dict[str, str] = {}
"""The record without a data folder; the process keeps it, for an app that is started again."""


class ExportRecord:
    """Path → digest of what modframe wrote there last; without a data folder, in memory only.

    Attributes:
        problem: Why the file can't be read; empty if it can.
    """

    def __init__(self, data: Path | None) -> None:
        self._data = data
        self._file = data / "exports.json" if data is not None else None
        self.problem = ""

    def _key(self, path: Path) -> str:
        # Relative to the data folder, so that the workspace can be moved.
        if self._data is None:
            return str(path)
        return Path(os.path.relpath(path, self._data)).as_posix()

    def _read(self) -> dict[str, str]:
        self.problem = ""
        if self._file is None:
            return dict(_in_memory)
        if not self._file.is_file():
            return {}
        try:
            rows = json.loads(self._file.read_text(encoding="utf-8"))
            return {str(key): str(value) for key, value in rows.items()}
        except (ValueError, AttributeError) as error:
            # Nothing is known then, and unknown files count as changed by hand, which is safe.
            self.problem = f"{self._file} can't be read ({error}), so it is begun anew"
            return {}

    def digests(self, folder: Path) -> dict[Path, str]:
        """Return path → digest of the files that modframe wrote below a folder."""
        digests = {}
        for key, digest in self._read().items():
            base = self._data if self._data is not None else Path()
            path = Path(os.path.normpath(base / key))
            if path.is_relative_to(folder):
                digests[path] = digest
        return digests

    def note(self, contents: Mapping[Path, bytes], *, gone: Iterable[Path] = ()) -> None:
        """Note what was written, and forget what was removed."""
        before = self._read()
        rows = before | {self._key(path): digest_of(text) for path, text in contents.items()}
        for path in gone:
            rows.pop(self._key(path), None)
        if rows == before:
            return
        if self._file is None:
            _in_memory.clear()
            _in_memory.update(rows)
            return
        text = json.dumps(rows, indent=1, sort_keys=True)
        replace_files({self._file: f"{text}\n".encode()})
