"""The files that set the project up agree."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_environment_yml_has_the_dependencies_of_pyproject() -> None:
    """conda and pip install the same packages with the same bounds, in the same order."""
    head, _, pip = (ROOT / "environment.yml").read_text("utf-8").partition("- pip:\n")
    requirements = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["notebooks"]
    assert re.findall(r"^      - (.+)$", pip, re.MULTILINE) == requirements
    assert f"- python{PROJECT['requires-python']}\n" in head


def test_every_dependency_has_its_reason() -> None:
    """CONTRIBUTING.md gives the reason of each dependency, extras included."""
    _, _, reasons = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## Dependencies")
    extras = PROJECT["optional-dependencies"].values()
    names = [
        re.split(r"[\[<>=~!; ]", requirement)[0]
        for requirements in (PROJECT["dependencies"], *extras)
        for requirement in requirements
    ]
    documented = re.findall(r"^\| `([\w.-]+)` \|", reasons, re.MULTILINE)
    assert sorted(documented) == sorted(set(names) - {PROJECT["name"]})


def test_the_changelog_knows_the_version() -> None:
    """CHANGELOG.md lists the version as released, or Unreleased as leading to it."""
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert "## [Unreleased]" in changes
    assert re.search(rf"^## \[{re.escape(PROJECT['version'])}\]", changes, re.MULTILINE) or (
        f"becomes {PROJECT['version']}" in changes
    )


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_the_systemd_unit_of_the_page_is_valid(tmp_path: Path) -> None:
    """systemd knows every line of the unit in docs/deployment.md."""
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    (text,) = re.findall(r"^```ini\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    unit = tmp_path / "modframe.service"
    unit.write_text(text.replace("/srv/app/.venv/bin/modframe", sys.executable))
    said = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=30, check=False
    ).stderr
    assert unit.name not in said, said
