"""`replace_files`: whole files or the old ones, never a half; for whatever modframe writes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write one file as `replace_files` does.

    Raises:
        OSError: If the disk says no; the old one stays.
    """
    replace_files({path: content})


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Write all files aside, then put each in its place, with the rights it had.

    Args:
        contents: Path → what it is to hold; folders that are missing are made.

    Raises:
        OSError: If the disk says no. While they are written, all old ones stay.
    """
    fresh: list[tuple[Path, Path]] = []
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_name(f".{path.name}.{os.getpid()}.modframe")
            fresh.append((aside, path))
            aside.write_bytes(content)
            if path.exists():
                shutil.copymode(path, aside)
        for aside, path in fresh:
            aside.replace(path)
    finally:
        for aside, _ in fresh:
            aside.unlink(missing_ok=True)
