"""`Written`: which texts modframe put into module folders, so that a change by hand is noticed.

In goes the data folder; the digests live in its ``exports.json`` and survive restarts. Called by
`export` alone. Without a data folder (``data=":memory:"``) they last as long as the process.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from .files import replace_file

_in_memory: dict[str, str] = {}


def digest_of(content: bytes) -> str:
    """What stands for a file's content in the record."""
    return hashlib.sha256(content).hexdigest()


class Written:
    """Path → digest of what modframe wrote there last.

    Args:
        data: The data folder, or nothing.
    """

    def __init__(self, data: Path | None) -> None:
        self._data = data
        self._file = data / "exports.json" if data is not None else None
        self.problem = ""

    def _key(self, path: Path) -> str:
        # Relative to the data folder, so that a workspace can be moved as a whole.
        if self._data is None:
            return str(path)
        return Path(os.path.relpath(path, self._data)).as_posix()

    def _read(self) -> dict[str, str]:
        if self._file is None:
            return dict(_in_memory)
        if not self._file.is_file():
            return {}
        try:
            rows = json.loads(self._file.read_text(encoding="utf-8"))
            return {str(key): str(value) for key, value in rows.items()}
        except (ValueError, AttributeError) as error:
            # Nothing is known then, and what is unknown counts as changed by hand: safe.
            self.problem = f"{self._file} can't be read ({error}), so it is begun anew"
            return {}

    def digests(self, folder: Path) -> dict[Path, str]:
        """What modframe wrote below a folder."""
        found = {}
        for key, digest in self._read().items():
            base = self._data if self._data is not None else Path()
            path = Path(os.path.normpath(base / key))
            if path.is_relative_to(folder):
                found[path] = digest
        return found

    def note(self, contents: Mapping[Path, bytes], *, gone: Iterable[Path] = ()) -> None:
        """Keep what was written, and forget what was removed."""
        before = self._read()
        rows = {**before, **{self._key(path): digest_of(one) for path, one in contents.items()}}
        for path in gone:
            rows.pop(self._key(path), None)
        if rows == before:
            return
        if self._file is None:
            _in_memory.clear()
            _in_memory.update(rows)
            return
        replace_file(self._file, f"{json.dumps(rows, indent=1, sort_keys=True)}\n".encode())
