"""What a module logs is in the file, in the ring, and nowhere else."""

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr

from modframe.logging import get_framework_logger
from modframe.observe import EventLog, correlation_id, log_print, parse_line, record_failure
from modframe.observe.event import from_record


def lines(folder: Path, name: str = "app.log") -> list[str]:
    return (folder / name).read_text("utf-8").splitlines()


def said(log: EventLog) -> list[str]:
    return [event.message for event in log.tail()]


def test_one_line_an_event(log: EventLog) -> None:
    """Level, module id, message and the guide's `extra=` stand on one line."""
    logger = get_framework_logger("standard.my_module")
    logger.error("Operation failed", extra={"context": {"order": 7}})
    log.flush()
    assert log.folder is not None
    (line,) = lines(log.folder)
    assert line[24:] == ' ERROR standard.my_module Operation failed context={"order":7}'
    assert (parse_line(line),) == log.tail()


def test_nothing_is_made_before_the_first_line(tmp_path: Path) -> None:
    """An app that logs nothing leaves no folder."""
    folder = tmp_path / "data" / "logs"
    with EventLog(folder):
        get_framework_logger("orders").debug("below the level")
    assert not (tmp_path / "data").exists()
    with EventLog(folder):
        get_framework_logger("orders").info("now")
    assert [path.name for path in folder.iterdir()] == ["app.log"]


def test_in_memory_there_is_only_the_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder nothing is written, and `tail` still works."""
    monkeypatch.chdir(tmp_path)
    with EventLog(None) as log:
        get_framework_logger("orders").info("hello")
        assert said(log) == ["hello"]
    assert list(tmp_path.iterdir()) == []


def test_closing_puts_every_line_on_disk_and_stops_listening(tmp_path: Path) -> None:
    """All lines are there after `close`; later ones aren't; the ring still answers."""
    log = EventLog(tmp_path).open()
    logger = get_framework_logger("orders")
    for number in range(3000):
        logger.info("line %d", number)
    log.close()
    log.close()
    logger.warning("too late")
    assert [line.rsplit(" ", 1)[1] for line in lines(tmp_path)] == [str(n) for n in range(3000)]
    assert len(log.tail(5000)) == 2000
    assert repr(log) == f"<EventLog closed: 3000 events, 0 errors, {tmp_path / 'app.log'}>"


def test_a_closed_log_opens_again(tmp_path: Path) -> None:
    """After open, close, open, the file is appended to."""
    log = EventLog(tmp_path)
    for text in ("one", "two"):
        with log:
            get_framework_logger("orders").info(text)
    assert [line.rsplit(" ", 1)[1] for line in lines(tmp_path)] == ["one", "two"]


def test_tail_by_module(log: EventLog) -> None:
    """`tail` returns the newest events, oldest first, or those of one module; short ids work."""
    for number in range(4):
        get_framework_logger("orders").info("order %d", number)
        get_framework_logger("core.settings").info("setting %d", number)
    assert [event.message for event in log.tail(2, "orders")] == ["order 2", "order 3"]
    assert [event.message for event in log.tail(1)] == ["setting 3"]
    assert log.tail(0) == log.tail(5, "standard.nobody") == ()


def test_levels(log: EventLog) -> None:
    """The log has a level, changed while it runs; a logger's own level wins (debug mode)."""
    logger, other = get_framework_logger("orders"), get_framework_logger("other")
    logger.debug("no")
    log.set_level("debug")
    logger.debug("yes")
    log.set_level(logging.WARNING)
    try:
        logger.setLevel(logging.DEBUG)
        logger.debug("own level")
        other.info("no")
    finally:
        logger.setLevel(logging.NOTSET)
    assert said(log) == ["yes", "own level"]
    assert log.describe()["level"] == "WARNING"
    with pytest.raises(ValueError, match=r"'LOUD' is no log level; take one of CRITICAL, "):
        log.set_level("LOUD")


def test_levels_are_put_back(tmp_path: Path) -> None:
    """Closing restores logging as it was before."""
    before = get_framework_logger("orders").getEffectiveLevel()
    with EventLog(tmp_path, level="CRITICAL"):
        assert get_framework_logger("orders").getEffectiveLevel() == logging.CRITICAL
    assert get_framework_logger("orders").getEffectiveLevel() == before


@pytest.mark.usefixtures("root_is_detached")
def test_the_root_loggers_console_stays_silent(
    log: EventLog, capfd: pytest.CaptureFixture[str]
) -> None:
    """A cell's `logging.basicConfig()` doesn't bring module logs under cells."""
    console = logging.StreamHandler()
    logging.getLogger().addHandler(console)
    try:
        get_framework_logger("orders").error("quiet")
    finally:
        logging.getLogger().removeHandler(console)
    log.close()
    get_framework_logger("orders").error("nobody listens")
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("root_listens")
def test_caplog_gets_module_logs(log: EventLog, caplog: pytest.LogCaptureFixture) -> None:
    """With what the pytest plugin does, `caplog` works, and so does the log."""
    get_framework_logger("orders").warning("heard")
    assert caplog.messages == said(log) == ["heard"]


def test_standard_loggers_of_module_code_are_recorded(log: EventLog) -> None:
    """`logging.getLogger(__name__)` in a module's file logs for the module."""
    logging.getLogger("modules.standard.orders~3.services").info("from a file")
    logging.getLogger("modframe.load").info("from modframe")
    logging.getLogger("modules.elsewhere").warning("someone else's package")
    assert [event.module_id for event in log.tail()] == ["standard.orders", "modframe.load"]


def test_errors_have_a_file_of_their_own(log: EventLog) -> None:
    """An exception is one line in app.log and one object in errors.jsonl."""
    try:
        raise ValueError("no such\norder")
    except ValueError as error:
        record_failure("orders", "100% lost", error, correlation_id="c1", name="x")
    get_framework_logger("orders").error("no exception, no entry")
    log.flush()
    assert log.folder is not None
    assert len(lines(log.folder)) == 2
    (error_line,) = lines(log.folder, "errors.jsonl")
    entry = json.loads(error_line)
    assert entry["traceback"].endswith("ValueError: no such\norder")
    assert entry["time"].endswith("Z")
    del entry["traceback"], entry["time"]
    assert len(entry.pop("fingerprint")) == 12
    assert entry == {
        "module_id": "standard.orders",
        "message": "100% lost",
        "generation": None,
        "code": None,
        "place": None,
        "correlation_id": "c1",
        "type": "ValueError",
        "fields": {"name_": "x"},
    }
    assert log.describe()["errors"] == 2


def test_a_request_marks_what_is_logged_under_it(log: EventLog) -> None:
    """Events carry the correlation id of the request they belong to, unless they say their own."""
    token = correlation_id.set("c7")
    try:
        get_framework_logger("orders").info("inside")
        get_framework_logger("orders").info("own", extra={"correlation_id": "mine"})
    finally:
        correlation_id.reset(token)
    get_framework_logger("orders").info("outside")
    assert [dict(event.fields) for event in log.tail()] == [
        {"correlation_id": "c7"},
        {"correlation_id": "mine"},
        {},
    ]


def test_prints_become_events(log: EventLog) -> None:
    """One `print` is one event, several lines included; blank lines are left out."""
    for text in ("a 100% line\n", "\n", "two\nlines\n"):
        log_print("orders", text)
    assert said(log) == ["a 100% line", "two\nlines"]
    assert dict(log.tail(1)[0].fields) == {"stream": "stdout"}


def test_a_log_call_never_fails_and_never_leaks(log: EventLog) -> None:
    """Strange field names and secrets do no harm."""
    logger = get_framework_logger("orders")
    logger.info("key %s", SecretStr("s3cret"), extra={"the key": SecretStr("s3cret")})
    logger.info("own traceback", extra={"traceback": "mine"}, stack_info=True)
    log.flush()
    assert log.folder is not None
    text = "\n".join(lines(log.folder))
    assert "s3cret" not in text
    assert "the_key=" in text
    assert "traceback_=mine" in text
    assert "Stack (most recent call last)" in text


def test_arguments_that_dont_fit_are_logged() -> None:
    """A wrong format is logged with its text (without caplog, which raises for it)."""
    record = logging.makeLogRecord({"name": "x", "msg": "%d apples", "args": ("three",)})
    assert from_record(record).message == "%d apples (its arguments don't fit: TypeError)"


def test_many_threads_lose_nothing(log: EventLog) -> None:
    """Lines of several threads are all there, each whole, while `tail` is read."""

    def talk(name: str) -> None:
        for number in range(300):
            get_framework_logger(name).info("line %d", number)
            log.tail(3)

    threads = [threading.Thread(target=talk, args=(f"m{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.flush()
    assert log.folder is not None
    events = [parse_line(line) for line in lines(log.folder)]
    for n in range(4):
        own = [e.message for e in events if e is not None and e.module_id == f"standard.m{n}"]
        assert own == [f"line {number}" for number in range(300)]


def test_nothing_is_lost_when_the_interpreter_ends(tmp_path: Path) -> None:
    """A script that never closes the log finds all its lines."""
    script = (
        "import sys, pathlib, atexit\n"
        "from modframe.observe import EventLog, get_framework_logger\n"
        "EventLog(pathlib.Path(sys.argv[1])).open()\n"
        "log = get_framework_logger('orders')\n"
        "atexit.register(log.info, 'at exit')\n"
        "for n in range(2000): log.info('line %d', n)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=60)
    assert len(lines(tmp_path)) == 2001
    assert lines(tmp_path)[-1].endswith("at exit")
