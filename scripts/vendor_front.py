"""Fetch the front end's vendored file again, and check that it is what `VENDORED.toml` says.

Run ``python scripts/vendor_front.py`` with ``npm`` on the path. To take a newer version, change
``version`` in `VENDORED.toml`, run this with ``--update``, and read the licences again. Without
``--update`` nothing is written, and a difference ends the program with an error.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).parents[1] / "modframe" / "cockpit" / "front" / "vendor"
RECORD = VENDOR / "VENDORED.toml"


def main() -> None:
    """Check each vendored file, or write it with its new hash."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the files and their hashes")
    update = parser.parse_args().update
    for name, facts in tomllib.loads(RECORD.read_text()).items():
        content = fetch(facts)
        digest = hashlib.sha256(content).hexdigest()
        if update:
            (VENDOR / name).write_bytes(content)
            RECORD.write_text(RECORD.read_text().replace(facts["sha256"], digest))
        else:
            check(name, facts, digest)
        sys.stdout.write(f"{name}: {facts['package']} {facts['version']}, sha256 {digest}\n")


def fetch(facts: dict[str, Any]) -> bytes:
    """Return the file out of the package that ``npm pack`` downloads."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = f"{facts['package']}@{facts['version']}"
        command = ["npm", "pack", wanted, "--silent", "--pack-destination", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as package:
            member = package.extractfile(f"package/{facts['file']}")
            return member.read() if member else b""


def check(name: str, facts: dict[str, Any], digest: str) -> None:
    """Raise `SystemExit` if the package or the file here is not what was recorded."""
    here = hashlib.sha256((VENDOR / name).read_bytes()).hexdigest()
    for holder, found in (("the package", digest), ("the file here", here)):
        if found != facts["sha256"]:
            raise SystemExit(f"{name}: {holder} has sha256 {found}; {RECORD.name} says otherwise")


if __name__ == "__main__":
    main()
