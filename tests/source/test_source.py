"""Texts stay as they were given; lines are those of the place that has the text."""

from __future__ import annotations

import io
import linecache
import logging
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modframe.errors import ModuleNotFoundInWorkspaceError, WorkspaceError
from modframe.load.text import Analysis, analyze
from modframe.source import Source, SourceFile, find_modules, linecache_texts, read_folder

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
lines = st.lists(st.text(st.characters(exclude_characters="\r\n"), max_size=8), max_size=6)
ends = st.sampled_from(["\n", "\r\n", "\r"])


@given(st.dictionaries(st.sampled_from(["api.py", "a.py", "b/c.py"]), texts, min_size=1))
def test_texts_come_out_as_they_went_in(given_texts: dict[str, str]) -> None:
    """And equal texts have equal digests, whatever their origin."""
    source = Source.from_texts("standard.thing", given_texts)
    assert source.texts == given_texts
    cells = {file: SourceFile(text, "a cell", 7) for file, text in given_texts.items()}
    assert Source("standard.thing", cells, "cells").digest == source.digest


@given(texts, texts)
def test_other_texts_have_other_digests(one: str, other: str) -> None:
    """The digest depends on a text and on its file's name."""

    def digest(**files: str) -> str:
        return Source.from_texts("standard.thing", files).digest

    assert (digest(a=one) == digest(a=other)) == (one == other)
    assert digest(a=one, b=other) != digest(a=one + other)


@given(lines, lines, ends)
@example([], ["\ufeff"], "\n")
def test_lines_are_the_places(head: list[str], body: list[str], end: str) -> None:
    """Blank lines, carriage returns and odd separators above and in the text shift nothing."""
    above = "".join(f"{line}{end}" for line in head)
    text = end.join(body)
    content = SourceFile(text, "a cell", len(head) + 1, "", above)
    # A byte order mark is no part of the code.
    code = text.removeprefix("\ufeff")
    expected = [*head, *io.StringIO(code, newline=None).read().split("\n")]
    padded = [line.removesuffix("\n") for line in content.lines] + [""]
    assert padded[: len(expected)] == expected


@given(
    st.lists(st.sampled_from(["", "  # \u2028 note", "x = '\x0c\x85'", "'''\n\n'''"]), max_size=5),
    st.integers(1, 4),
    ends,
)
def test_python_counts_the_same_lines(above: list[str], first_line: int, end: str) -> None:
    """A function's line is the one that its text is shown at."""
    text = "\n".join([*above, "def here(): ..."]).replace("\n", end)
    content = SourceFile(text, "<a place>", first_line)
    understood = analyze(content)
    assert isinstance(understood, Analysis)
    assert content.lines[understood.lines["here"] - 1] == "def here(): ...\n"


def test_a_head_that_is_too_short_is_filled_up() -> None:
    """Lines stay right whatever the head is."""
    assert SourceFile("x = 1", "a cell", 3, "", "# magic\n").lines == ["# magic\n", "\n", "x = 1\n"]


def test_a_text_that_is_no_string_is_refused() -> None:
    """When the source is made; the error names the file."""
    with pytest.raises(WorkspaceError, match=r"the text of 'api\.py' is 5, not a string"):
        Source.from_texts("standard.thing", {"api.py": 5})  # type: ignore[dict-item]  # on purpose


# -- what is shown -------------------------------------------------------------------------------


def test_a_text_is_forgotten_when_nobody_shows_it() -> None:
    """Not before, and a newer one under its name stays."""
    old, new = SourceFile("x = 1", "<place>"), SourceFile("x = 2", "<place>")
    linecache_texts.show([old])
    linecache_texts.show([new])
    linecache_texts.hide([old])
    linecache_texts.forget([old])
    assert linecache.getline("<place>", 1) == "x = 2\n"
    linecache_texts.hide([new])
    assert linecache.getline("<place>", 1) == "x = 2\n"
    linecache_texts.forget([old])
    assert linecache.getline("<place>", 1) == "x = 2\n"
    linecache_texts.forget([new])
    assert linecache.getline("<place>", 1) == ""


# -- folders -------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A module's folder with an api.py."""
    made = tmp_path / "modules/standard/orders"
    made.mkdir(parents=True)
    (made / "api.py").write_text("x = 1\n")
    return made


def test_a_folder_is_read_byte_for_byte(folder: Path) -> None:
    """Sub-folders too, except those that Python does not import from."""
    (folder / "deep").mkdir()
    (folder / "deep/er.py").write_bytes("\ufeffx = 'é'\r\n".encode())
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__/x.py").write_text("")
    (folder / ".hidden").mkdir()
    (folder / ".hidden/x.py").write_text("")
    (folder / "README.md").write_text("")
    source = read_folder(folder)
    assert source.module_id == "standard.orders"
    assert source.texts == {"api.py": "x = 1\n", "deep/er.py": "\ufeffx = 'é'\r\n"}


def test_a_link_that_leads_up_is_not_followed(folder: Path) -> None:
    """Reading ends."""
    (folder / "again").symlink_to(folder.parent)
    (folder / "self").symlink_to(folder)
    (folder / "circle").symlink_to("circle")
    (folder / "through_a_file").symlink_to("api.py/deeper")
    assert list(read_folder(folder).files) == ["api.py"]


def test_bytes_that_are_no_text_are_left_to_the_check(folder: Path) -> None:
    """So that this module fails, with its line, and no other does."""
    (folder / "rows.py").write_bytes(b"x = 1\ny = '\xe4'\n")
    content = read_folder(folder).files["rows.py"]
    assert "\udce4" in content.text
    fault = analyze(content)
    assert getattr(fault, "line", 0) == 2


def test_folders_without_a_module(folder: Path) -> None:
    """The message says what is missing."""
    with pytest.raises(ModuleNotFoundInWorkspaceError, match="is not a folder"):
        read_folder(folder / "nothing")
    (folder / "api.py").unlink()
    with pytest.raises(WorkspaceError, match=r"standard\.orders: there is no api\.py in"):
        read_folder(folder)


def test_a_folder_with_a_bad_name_is_left_out(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so, and why; the others are found."""
    bad = folder.parent / "My-Orders"
    bad.mkdir()
    (bad / "api.py").write_text("")
    with caplog.at_level(logging.WARNING, "modframe.source"):
        assert find_modules(folder.parents[1]) == {"standard.orders": folder}
    assert "'standard.My-Orders' is not a module id" in caplog.text
