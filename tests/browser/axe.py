"""`find_faults`: what axe-core finds in a page. It is fetched from npm once for all tests."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

_PACKAGE = "axe-core@4.14.1"
_SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
_RUN = """
async ([where, rules]) => {
  const root = document.querySelector(where);
  const { violations } = await axe.run(root, rules.length ? { runOnly: rules } : {});
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.flat().join(" ")}: ${failureSummary}`));
}
"""


def fetch_axe(folder: Path) -> str:
    """Return the script; nothing where there is no npm, or no way to a registry."""
    npm = shutil.which("npm")
    if npm is None:
        return ""
    command = [npm, "pack", _PACKAGE, "--silent", "--fetch-retries=0", "--fetch-timeout=30000"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return ""
    [packed] = folder.glob("*.tgz")
    assert hashlib.sha256(packed.read_bytes()).hexdigest() == _SHA256
    with tarfile.open(packed) as files:
        found = files.extractfile("package/axe.min.js")
        assert found is not None
        return found.read().decode()


def find_faults(page: Any, axe: str, *rules: str, where: str = "html") -> list[str]:
    """Return a line for each element that breaks a rule, in open shadow roots too."""
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(axe)
    found: list[str] = page.evaluate(_RUN, [where, rules])
    return found
