"""``core`` outside of module code: the import says what to write instead."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

import modframe
from tests.faults.processes import run_script


def test_the_import_is_named_with_its_replacement(tmp_path: Path) -> None:
    """The line that a script has, as it works there."""
    (tmp_path / "script.py").write_text(
        "import modframe\nfrom core.logging import get_framework_logger\n"
    )
    done = run_script("import runpy; runpy.run_path('script.py')", tmp_path)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: No module named 'core': it stands for modframe")
    assert last.endswith("Here write 'from modframe.logging import get_framework_logger'")


def test_a_real_package_of_that_name_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint comes last."""
    (tmp_path / "core.py").write_text("MINE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    try:
        assert importlib.import_module("core").MINE == 1
    finally:
        sys.modules.pop("core", None)
    assert modframe.__version__
