"""What stands in `front/vendor/` is what its list says, byte for byte."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import modframe.cockpit

VENDOR = Path(modframe.cockpit.__file__).parent / "front" / "vendor"


def test_vendored_files_are_those_of_the_list() -> None:
    """A file that was changed by hand, or that nothing says the source of, is found."""
    listed = tomllib.loads((VENDOR / "VENDORED.toml").read_text(encoding="utf-8"))
    text = repr(listed)
    files = [path for path in VENDOR.iterdir() if path.suffix == ".mjs"]
    assert files
    for path in files:
        assert path.name in text
        assert hashlib.sha256(path.read_bytes()).hexdigest() in text
