"""``modframe reference``: the page on standard output or in a file."""

from __future__ import annotations

from tests.cli.conftest import Shell
from tests.fakes import ORDERS


def test_it_prints_the_page_or_writes_it(shell: Shell) -> None:
    """What a module's body prints is none of the page."""
    shell.write("standard.orders", f"print('a line of the body')\n{ORDERS}")
    done = shell.run("reference")
    assert done.returncode == 0
    assert done.stdout.startswith("# Reference of ")
    assert "#### `total(plus: int = 0) -> int`\n\nThe sum.\n" in done.stdout
    assert "a line of the body" not in done.stdout
    assert "a line of the body" in done.stderr
    written = shell.run("reference", "--output", "reference.md")
    assert (written.returncode, written.stdout) == (0, "wrote  reference.md\n")
    assert (shell.folder / "reference.md").read_text() == done.stdout


def test_a_module_that_does_not_load_is_status_1(shell: Shell) -> None:
    """The page is written all the same, and standard error has the reason."""
    shell.write("standard.orders", ORDERS)
    shell.write("standard.broken", "x = (\n")
    done = shell.run("reference", "-o", "reference.md")
    assert done.returncode == 1
    assert done.stderr.startswith("error: standard.broken does not load: api.py, line 1: ")
    assert "`total(plus: int = 0) -> int`" in (shell.folder / "reference.md").read_text()


def test_a_file_that_can_t_be_written(shell: Shell) -> None:
    """It is named, with what to do."""
    done = shell.run("reference", "-o", "no/such/folder.md")
    assert done.returncode == 1
    assert done.stderr.startswith("error: 'no/such/folder.md' could not be written: No such file")
    assert "Name a file in a folder that exists" in done.stderr
