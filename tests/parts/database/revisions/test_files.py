"""Reading revisions: their order, and what is wrong with files that have none."""

from __future__ import annotations

import pytest

from modframe.parts.database.revisions.errors import (
    RevisionFileError,
    RevisionOrderError,
    UnknownRevisionError,
)
from modframe.parts.database.revisions.place import version_table
from tests.parts.database.revisions.support import CREATE, ModuleFolder


def test_no_folder_has_no_revisions(module: ModuleFolder) -> None:
    """A module without the folder has no revisions, and none is made."""
    assert module.read().ordered == ()
    assert not module.home.exists()


def test_revisions_stand_after_their_parents(module: ModuleFolder) -> None:
    """The order is that of ``down_revision``, whatever the files are called."""
    module.write("b_first", "pass", id="one")
    module.write("a_second", "pass", id="two", parent="one")
    read = module.read()
    assert [one.id for one in read.ordered] == ["one", "two"]
    assert (read.head, read.ordered[1].message) == ("two", "a_second")
    assert not list(module.home.rglob("__pycache__"))


def test_a_file_that_is_no_python_is_named_with_its_line(module: ModuleFolder) -> None:
    """A syntax error says in which file and line it is."""
    module.write_text("0001_make", 'revision = "one"\ndown_revision = = None\n')
    with pytest.raises(
        RevisionFileError, match=r"migrations/versions/0001_make.py, line 2: .* is not Python"
    ) as caught:
        module.read()
    assert (caught.value.file, caught.value.line) == ("migrations/versions/0001_make.py", 2)


def test_a_file_that_raises_is_named_with_its_line(module: ModuleFolder) -> None:
    """An error while a file is executed says where it came from."""
    module.write_text("0001_make", "\nimport nowhere_at_all\n")
    with pytest.raises(
        RevisionFileError, match=r"0001_make.py, line 2: .* No module named 'nowhere_at_all'"
    ):
        module.read()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("down_revision = None\n", "has no id"),
        ('revision = "one"\n', "has no down_revision, so that its place in the order is unknown"),
        ('revision = "one"\ndown_revision = None\n', r"has no function upgrade\(\)"),
    ],
)
def test_what_a_revision_must_say(module: ModuleFolder, text: str, match: str) -> None:
    """A file without id, parent or functions is refused, each with its own sentence."""
    module.write_text("0001_make", text)
    with pytest.raises(RevisionFileError, match=f"0001_make.py: the revision {match}"):
        module.read()


def test_two_ends_are_refused_with_the_line_to_write(module: ModuleFolder) -> None:
    """Two revisions made beside each other are named, and how one follows the other."""
    module.write("0001_make", CREATE)
    module.write("0002_a", "pass", id="aa", parent="0001_make")
    module.write("0002_b", "pass", id="bb", parent="0001_make")
    with pytest.raises(RevisionOrderError) as caught:
        module.read()
    assert "0002_a.py and migrations/versions/0002_b.py are both the last one" in str(caught.value)
    assert "in 0002_b.py write down_revision = 'aa'" in str(caught.value)


def test_a_parent_that_is_not_there_is_named(module: ModuleFolder) -> None:
    """A missing file shows as a parent that nobody has, with the nearest one."""
    module.write("0001_make", CREATE)
    module.write("0003_more", "pass", parent="0001_mak")
    with pytest.raises(
        RevisionOrderError, match=r"follows '0001_mak', and there is no such .*mean '0001_make'"
    ):
        module.read()


def test_one_id_twice_and_a_circle_are_refused(module: ModuleFolder) -> None:
    """An id belongs to one file, and the order leads back to a first one."""
    module.write("0001_a", "pass", id="one")
    module.write("0001_b", "pass", id="one")
    with pytest.raises(RevisionOrderError, match="have the same id 'one'"):
        module.read()
    module.write("0001_a", "pass", id="one", parent="two")
    module.write("0001_b", "pass", id="two", parent="one")
    with pytest.raises(RevisionOrderError, match="follow each other in a circle"):
        module.read()


def test_a_target_is_the_beginning_of_an_id_or_a_name(module: ModuleFolder) -> None:
    """People name a revision by what is unique of it; what isn't is an error."""
    module.write("0001_make", CREATE, id="abc1")
    module.write("0002_total", "pass", id="abd2", parent="abc1")
    read = module.read()
    assert [read.resolve(one) for one in ("0002", "abc", "0001_make")] == ["abd2", "abc1", "abc1"]
    assert [read.resolve(one) for one in ("head", "base", "-1", "+2")] == [
        "head",
        "base",
        "-1",
        "+2",
    ]
    with pytest.raises(UnknownRevisionError, match="'ab' begins 2 revisions"):
        read.resolve("ab")
    with pytest.raises(UnknownRevisionError, match="'0002_totl' is no revision"):
        read.resolve("0002_totl")


def test_version_tables_differ_and_fit() -> None:
    """Modules that share a database have a table each, short enough for every engine."""
    long = version_table(f"standard.{'a' * 70}")
    assert len(long) <= 63
    assert long != version_table(f"standard.{'a' * 71}")
    names = {version_table(f"{kind}.orders") for kind in ("core", "standard", "extensions")}
    assert len(names) == 3
