"""Files are renamed when full, by one process or several, and no line is lost."""

import fcntl
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modframe.observe import EventLog, get_framework_logger
from modframe.observe.rotate import RotatingFile

WRITE = """
import sys
from pathlib import Path
from modframe.observe import EventLog, get_framework_logger
who, folder = sys.argv[1], Path(sys.argv[2])
with EventLog(folder, max_bytes=20_000, backups=200) as log:
    logger = get_framework_logger(who)
    logger.info("ready")
    log.flush()
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(4000):
        logger.info("line %d", number)
"""


def test_full_files_are_renamed(tmp_path: Path) -> None:
    """No file grows over its size, the oldest goes, the newest line is in `app.log`."""
    with EventLog(tmp_path, max_bytes=1000, backups=2):
        for number in range(200):
            get_framework_logger("orders").info("line %03d", number)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["app.log", "app.log.1", "app.log.2"]
    assert all((tmp_path / name).stat().st_size <= 1000 for name in files)
    newest = "".join((tmp_path / name).read_text() for name in reversed(files))
    numbers = [int(line[-3:]) for line in newest.splitlines()]
    assert numbers == list(range(numbers[0], 200))


def test_two_processes_share_a_log(tmp_path: Path) -> None:
    """Two kernels in one workspace: both rotate, every line is there once and whole."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, who, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for who in ("left", "right")
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.communicate("go\n", timeout=60)
    assert [writer.returncode for writer in writers] == [0, 0]
    files = list(tmp_path.glob("app.log*"))
    assert len(files) > 10
    lines = [line.split(" ", 2)[2] for f in files for line in f.read_text().splitlines()]
    told = [f"standard.{who} line {n}" for who in ("left", "right") for n in range(4000)]
    assert sorted(line for line in lines if "line" in line) == sorted(told)


def test_a_stopped_process_blocks_no_other(tmp_path: Path) -> None:
    """While another process renames the file, lines are appended to the full one."""
    file = RotatingFile(tmp_path / "app.log", max_bytes=10, backups=1)
    file.append(b"0123456789\n")
    other = os.open(tmp_path / "app.log", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    file.append(b"meanwhile\n")
    os.close(other)
    file.append(b"after\n")
    file.close()
    assert (tmp_path / "app.log.1").read_text() == "0123456789\nmeanwhile\n"
    assert (tmp_path / "app.log").read_text() == "after\n"


def test_a_removed_folder_comes_back(tmp_path: Path) -> None:
    """Someone deletes `data/logs` under a running app: the next line makes it again."""
    folder = tmp_path / "logs"
    with EventLog(folder) as log:
        get_framework_logger("orders").info("one")
        log.flush()
        (folder / "app.log").unlink()
        folder.rmdir()
        get_framework_logger("orders").info("two")
    assert (folder / "app.log").read_text().endswith("two\n")


def test_a_torn_line_spoils_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a write that broke off, the next line starts on a line of its own."""
    file = RotatingFile(tmp_path / "app.log", max_bytes=1000, backups=1)
    write = os.write

    def full_disk(fd: int, data: bytes) -> int:
        if data:
            monkeypatch.setattr(os, "write", no_space)
        return write(fd, bytes(data)[:4])

    def no_space(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full_disk)
    with pytest.raises(OSError, match="No space left"):
        file.append(b"first line\n")
    monkeypatch.setattr(os, "write", write)
    file.append(b"second line\n")
    file.close()
    assert (tmp_path / "app.log").read_text() == "firs\nsecond line\n"


def test_rotating_without_a_backup_is_refused(tmp_path: Path) -> None:
    """Without a backup, rotating would lose lines."""
    with pytest.raises(ValueError, match=r"'app\.log' needs at least 1 backup"):
        RotatingFile(tmp_path / "app.log", max_bytes=1, backups=0)


def test_a_failing_disk_is_reported_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that can't be written stops no module; stderr and the facts report it."""
    (tmp_path / "logs").write_text("a file where the folder should be")
    monkeypatch.setattr(sys, "__stderr__", sys.stderr)
    with EventLog(tmp_path / "logs") as log:
        for _ in range(3):
            get_framework_logger("orders").info("x")
            log.flush()
        assert log.describe()["problem"].startswith(("FileExistsError", "NotADirectoryError"))
        assert len(log.tail()) == 3
        (tmp_path / "logs").unlink()
        get_framework_logger("orders").info("better")
        log.flush()
        assert log.describe()["problem"] == ""
    assert capfd.readouterr().err.count("log lines not written") == 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_logs_too(log: EventLog) -> None:
    """A child has no writer thread; it writes in the thread that logs, and the parent is unaffected."""
    logger = get_framework_logger("orders")
    logger.info("parent before")
    log.flush()
    pid = os.fork()
    if pid == 0:  # no pytest in here, whatever happens
        try:
            logger.info("child")
            logging.shutdown()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    logger.info("parent after")
    log.flush()
    assert log.folder is not None
    text = (log.folder / "app.log").read_text()
    assert [line.split(" ", 3)[3] for line in text.splitlines()] == [
        "parent before",
        "child",
        "parent after",
    ]


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    """Whoever planted it gets no line into another file; the error names it."""
    (tmp_path / "theirs").write_bytes(b"")
    (tmp_path / "app.log").symlink_to(tmp_path / "theirs")
    file = RotatingFile(tmp_path / "app.log", max_bytes=1000, backups=1)
    with pytest.raises(OSError, match="it is a link, and modframe writes its own files through"):
        file.append(b"line\n")
    assert (tmp_path / "theirs").read_bytes() == b""
