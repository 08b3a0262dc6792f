"""`find_faults`: what axe-core finds in a page. It is fetched from npm once for all tests."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

_PACKAGE = "axe-core@4.14.1"
_SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
_RUN = """
async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.flat().join(" ")}: ${failureSummary}`));
}
"""


def fetch_axe(folder: Path) -> str:
    """Return the script; the test is skipped where there is no npm, or no way to a registry."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm isn't installed")
    command = [npm, "pack", _PACKAGE, "--silent", "--fetch-retries=0", "--fetch-timeout=30000"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm has no {_PACKAGE}: {error}")
    [packed] = folder.glob("*.tgz")
    assert hashlib.sha256(packed.read_bytes()).hexdigest() == _SHA256
    with tarfile.open(packed) as files:
        found = files.extractfile("package/axe.min.js")
        assert found is not None
        return found.read().decode()


def find_faults(page: Any, axe: str, where: str = "document") -> list[str]:
    """Return a line for each element that breaks a rule, in open shadow roots too."""
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(axe)
    found: list[str] = page.evaluate(_RUN.replace("document", where))
    return found
