"""`replace_files`: writes files so that each is whole, the new or the old one, at every moment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Write all contents to temporary files, then move each to its place; permissions are kept.

    Missing folders are made.

    Raises:
        OSError: If one can't be written; all old files stay then.
    """
    temporary: list[tuple[Path, Path]] = []
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_name(f".{path.name}.{os.getpid()}.modframe")
            temporary.append((aside, path))
            aside.write_bytes(content)
            if path.exists():
                shutil.copymode(path, aside)
        for aside, path in temporary:
            aside.replace(path)
    finally:
        for aside, _ in temporary:
            aside.unlink(missing_ok=True)
