"""The history of sources: what is kept, for how long, and what happens if it can't be written."""

from __future__ import annotations

import logging
import sqlite3
import threading
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modframe.desk.history import KEPT, History
from modframe.errors import WorkspaceError
from modframe.source import Source, SourceFile

ID = "standard.orders"


def source(number: int) -> Source:
    """A text of its own."""
    return Source.from_texts(ID, {"api.py": f"NUMBER = {number}\n"})


def noted(history: History, *numbers: int) -> None:
    """Note a source for each number, as generations from 1."""
    for at, number in enumerate(numbers, 1):
        history.note(source(number), generation=at, outcome=f"line {number}")


def numbers(history: History) -> list[str]:
    """The texts that are kept, oldest first."""
    return [one.source.texts["api.py"].split()[-1] for one in history.entries(ID)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a history is kept, in a folder that is not there yet."""
    return tmp_path / "data" / "history.sqlite"


def test_an_entry_has_its_time_origin_and_outcome() -> None:
    """Entries are frozen, in UTC, one line as text, and have their source."""
    history = History(None)
    noted(history, 1)
    (entry,) = history.entries(ID)
    assert timedelta() <= datetime.now(UTC) - entry.time < timedelta(minutes=1)
    assert (entry.module_id, entry.origin, entry.digest) == (ID, "mapping", source(1).digest)
    assert (entry.generation, entry.run, entry.outcome) == (1, history.run, "line 1")
    assert entry.source == source(1)
    assert "\n" not in repr(entry)
    with pytest.raises(FrozenInstanceError):
        entry.outcome = "other"  # type: ignore[misc]


def test_what_is_noted_is_there_in_the_next_run(file: Path) -> None:
    """Texts, outcomes and runs come back from the file, oldest first; a second run adds to them."""
    first = History(file)
    noted(first, 1, 2)
    first.close()
    second = History(file)
    assert numbers(second) == ["1", "2"]
    assert {one.run for one in second.entries(ID)} == {first.run}
    noted(second, 3)
    assert numbers(second) == ["1", "2", "3"]
    assert [one.run for one in second.of_this_run(ID)] == [second.run]
    second.close()


def test_the_last_twenty_are_kept(file: Path) -> None:
    """Older ones go, in memory and in the file."""
    history = History(file)
    noted(history, *range(KEPT + 5))
    wanted = [str(number) for number in range(5, KEPT + 5)]
    assert numbers(history) == wanted
    history.close()
    assert numbers(History(file)) == wanted


def test_restarts_with_equal_text_push_nothing_out(file: Path) -> None:
    """A start of what was live last adds nothing to the file, and reloads give way first."""
    for _ in range(3):
        history = History(file)
        noted(history, 1)
        history.close()
    assert numbers(History(file)) == ["1"]
    reloaded = History(None)
    noted(reloaded, 1, *[2] * (KEPT + 3))
    assert numbers(reloaded)[:2] == ["1", "2"]
    assert len(reloaded.entries(ID)) == KEPT


def test_what_leaked_is_added(file: Path) -> None:
    """What is known later reaches memory and file alike."""
    history = History(file)
    noted(history, 1, 2)
    history.note_leaked(ID, 1, ["a task"])
    for one in (history, None):
        if one is None:
            history.close()
            one = History(file)
        assert [(each.outcome, each.leaked) for each in one.entries(ID)] == [
            ("line 1", ("a task",)),
            ("line 2", ()),
        ]


def test_several_kernels_write_at_once(file: Path) -> None:
    """Nobody loses an entry to another who writes at the same time."""
    kernels = [History(file) for _ in range(4)]

    def write(history: History, at: int) -> None:
        for number in range(5):
            text = Source.from_texts(f"standard.m{at}", {"api.py": f"NUMBER = {number}"})
            history.note(text, generation=number + 1, outcome="live")

    threads = [threading.Thread(target=write, args=(one, at)) for at, one in enumerate(kernels)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in kernels:
        one.close()
    fresh = History(file)
    assert [len(fresh.entries(f"standard.m{at}")) for at in range(4)] == [5] * 4


def test_a_damaged_file_is_said_once_and_kept_out_of_the_way(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The history goes on in memory, and the file stays as it is."""
    file.parent.mkdir()
    file.write_bytes(b"this is no database" * 100)
    with caplog.at_level(logging.WARNING, "modframe.history"):
        history = History(file)
        noted(history, 1, 2)
        assert numbers(history) == ["1", "2"]
        history.close()
    (said,) = caplog.messages
    assert said.startswith(f"the history in {file} can't be ")
    assert said.endswith("a new one is begun. Until the next start it is kept in memory.")
    assert file.read_bytes() == b"this is no database" * 100


def test_a_folder_that_cannot_be_written_keeps_it_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A data folder that can't be made is said once."""
    (tmp_path / "data").write_text("a file stands here")
    history = History(tmp_path / "data" / "history.sqlite")
    noted(history, 1, 2)
    history.close()
    assert numbers(history) == ["1", "2"]
    assert len([one for one in caplog.messages if "it is kept in memory" in one]) == 1


def test_a_newer_modframes_file_is_left_alone(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A schema version that isn't known is neither read nor written."""
    file.parent.mkdir()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    history = History(file)
    noted(history, 1)
    history.close()
    assert numbers(history) == ["1"]
    assert "newer modframe" in caplog.text


def test_a_text_that_was_pushed_out_says_so(file: Path) -> None:
    """An entry that someone still holds, and whose text is gone, is an error that says what to do."""
    history = History(file)
    noted(history, 1)
    history.close()
    (entry,) = History(file).entries(ID)
    newer = History(file)
    noted(newer, *range(10, 10 + KEPT))
    newer.close()
    with pytest.raises(WorkspaceError, match=r"is not kept any more.*Look at \.history again"):
        _ = entry.source


def test_texts_of_an_earlier_run_go_by_names_that_lead_somewhere(file: Path) -> None:
    """A folder's files keep their paths; a cell of another kernel is no place any more."""
    history = History(file)
    of_kernel, folder = file.parent / "ipykernel_1/2.py", file.parent / "modules/standard/orders"
    cell = SourceFile("x = 1\n", str(of_kernel), 2, "Cell In[3]", "# %%module orders\n")
    history.note(Source(ID, {"api.py": cell}, "cells"), generation=1, outcome="live")
    path = SourceFile("x = 2\n", str(folder / "api.py"))
    history.note(Source(ID, {"api.py": path}, "folder", str(folder)), generation=2, outcome="live")
    history.close()
    first, second = (one.source for one in History(file).entries(ID))
    assert (first.origin, first.texts) == ("cells", {"api.py": "x = 1\n"})
    assert first.files["api.py"].filename.startswith(f"<{ID} api.py ")
    assert (first.files["api.py"].cell, first.files["api.py"].first_line) == ("", 1)
    assert (second.origin, second.place) == ("folder", str(folder))
    assert second.files["api.py"] == path


def test_nothing_is_made_before_something_is_kept(file: Path) -> None:
    """Reading, and what is not to be written, leave no file."""
    history = History(file)
    assert history.entries(ID) == ()
    history.note(source(1), generation=1, outcome="live", written=False)
    history.note_leaked(ID, 1, ["a task"])
    history.close()
    assert not file.parent.exists()


def test_entries_show_as_a_table() -> None:
    """A notebook shows the tuple as an escaped table; as text it is one line."""
    history = History(None)
    history.note(source(1), generation=1, outcome="<b>live</b>")
    entries = history.entries(ID)
    assert "&lt;b&gt;live&lt;/b&gt;" in entries._repr_html_()
    assert repr(entries).startswith("<1 source, the newest <standard.orders 1, ")
