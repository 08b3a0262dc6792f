"""The front end stays small, and what stands in `front/vendor/` is what its list says."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import modframe.cockpit

FRONT = Path(modframe.cockpit.__file__).parent / "front"
VENDOR = FRONT / "vendor"


def test_the_front_end_stays_small() -> None:
    """What the kernel can say, it says: the front end alone has less than 4,000 lines."""
    own = [path for path in FRONT.rglob("*.*") if VENDOR not in path.parents]
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in own)
    assert 1000 < lines < 4000


def test_vendored_files_are_those_of_the_list() -> None:
    """A file that was changed by hand, or that nothing says the source of, is found."""
    listed = tomllib.loads((VENDOR / "VENDORED.toml").read_text(encoding="utf-8"))
    text = repr(listed)
    files = [path for path in VENDOR.iterdir() if path.suffix == ".mjs"]
    assert files
    for path in files:
        assert path.name in text
        assert hashlib.sha256(path.read_bytes()).hexdigest() in text
