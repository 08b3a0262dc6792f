"""Failures are found again, one by one and by kind, whatever happened to their files."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modframe.error_utils import error_message
from modframe.logging import get_framework_logger
from modframe.observe import (
    EventLog,
    Failure,
    LogFiles,
    RecordedErrors,
    Wanted,
    correlation_id,
    failure_of,
    parse_failure,
    record_failure,
)

OLD = (
    '{"time":"2026-11-29T18:01:28.509Z","module_id":"standard.orders","message":"order refused",'
    '"correlation_id":null,"type":"LookupError","traceback":"","fields":{"item":"coffee"}}'
)


def found(log: EventLog, module_id: str | None = None, **filters: str) -> list[str]:
    """Return the messages of the failures that are wanted, the newest first."""
    return [one.message for one in log.errors.find(Wanted.of(module_id, **filters))]


@pytest.fixture(params=["files", "memory"])
def either_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventLog]:
    """A log that writes files, and one that may not."""
    with EventLog(tmp_path / "logs" if request.param == "files" else None) as log:
        yield log


# -- what is a failure -------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["error", "warning", "argument", "exception"])
def test_an_error_message_that_is_logged_is_a_failure(log: EventLog, how: str) -> None:
    """At any level that warns, alone, as an argument, and with an exception."""
    logger = get_framework_logger("orders")
    line = error_message(
        "standard.orders", "INIT_ERROR", "no table", "initialize()", tries=3, name="x"
    )
    if how == "argument":
        logger.error("it failed: %s", line)
    elif how == "exception":
        try:
            raise OSError("disk")
        except OSError:
            logger.exception(line)
    else:
        getattr(logger, how)(line)
    [one] = log.errors.find(Wanted.of("orders"))
    assert (one.module_id, one.code) == ("standard.orders", "INIT_ERROR")
    assert one.message.endswith(
        "standard.orders - INIT_ERROR in initialize(): no table tries=3 name='x'"
    )
    assert one.type == ("OSError" if how == "exception" else "")
    assert dict(one.fields) == {"tries": 3, "name_": "x"}
    assert one.place.startswith("test_recorded.py, line ")
    assert one.time.utcoffset() == timedelta(0)


def test_an_exception_that_a_module_logs_has_the_facts_of_a_failure(log: EventLog) -> None:
    """As one that modframe met; a plain error without an exception is none."""
    get_framework_logger("orders").error("no failure")
    get_framework_logger("orders").info(error_message("standard.orders", "X", "none either"))
    namespace = {"__name__": "modules.standard.orders~3.api"}
    exec("def fail(): raise KeyError('gone')", namespace)
    log.number_of = {"modules.standard.orders~3": 3}.__getitem__
    try:
        namespace["fail"]()  # type: ignore[operator]
    except KeyError:
        get_framework_logger("orders").exception("it failed", extra={"count": 7})
    [one] = log.errors.find(Wanted())
    assert (one.message, one.type, one.generation, one.count) == ("it failed", "KeyError", 3, 1)
    assert one.place == "<string>, line 1"
    assert one.fingerprint
    assert dict(one.fields) == {"count": 7}


def test_a_failure_belongs_to_the_request_that_is_answered(log: EventLog) -> None:
    """The correlation id is that of the request."""
    token = correlation_id.set("c7")
    try:
        record_failure("orders", "it failed")
    finally:
        correlation_id.reset(token)
    [one] = log.errors.find(Wanted(text="C7"))
    assert one.correlation_id == "c7"


# -- finding -----------------------------------------------------------------------------------


def test_failures_are_found_by_module_time_text_and_kind(either_log: EventLog) -> None:
    """The newest first, at most as many as are asked for; short ids work."""
    for number in range(3):
        record_failure("orders", f"order {number} is lost", code="LOST", place="api.py, line 3")
    record_failure("core.settings", "no value", ValueError("Ünlesbar"))
    log = either_log
    assert found(log) == ["no value", *(f"order {number} is lost" for number in (2, 1, 0))]
    assert found(log, "orders") == found(log, text="API.PY") == found(log, text="lost")
    assert found(log, text="ünlesbar") == ["no value"]
    assert found(log, "nobody") == found(log, text="nothing") == []
    assert found(log, since="1h") == found(log)
    later = datetime.now(UTC) + timedelta(hours=1)
    assert log.errors.find(Wanted.of(since=later)) == []
    assert [one.message for one in log.errors.find(Wanted(), limit=2)] == found(log)[:2]
    assert log.errors.find(Wanted(), limit=0) == log.errors.find(Wanted(), limit=-1) == []
    with pytest.raises(ValueError, match="'noon' is no time; write 10m, 2h or 1d"):
        Wanted.of(since="noon")


def test_groups_count_what_has_one_fingerprint(either_log: EventLog) -> None:
    """Each with its newest words, its times, and its number by generation."""
    for generation in (1, 1, 2):
        record_failure("orders", f"lost in {generation}", code="LOST", generation=generation)
    record_failure("shop", "closed", code="CLOSED")
    closed, lost = either_log.errors.groups(Wanted())
    assert (closed.newest.message, closed.count) == ("closed", 1)
    assert (lost.newest.message, lost.count) == ("lost in 2", 3)
    facts = lost.to_dict()
    assert facts["generations"] == {"1": 2, "2": 1}
    assert facts["first"] <= facts["last"]
    assert json.loads(json.dumps(facts)) == facts
    wanted = Wanted(fingerprint=facts["fingerprint"])
    assert len(either_log.errors.find(wanted)) == 3
    assert [group.count for group in either_log.errors.groups(wanted)] == [3]
    assert len(either_log.errors.groups(Wanted(), limit=1)) == 1


# -- files -------------------------------------------------------------------------------------


def test_lines_of_earlier_versions_have_a_kind_too() -> None:
    """What they lack is empty, and equal ones have one fingerprint."""
    old = parse_failure(OLD)
    assert old is not None
    assert (old.generation, old.code, old.place, old.count) == (0, "", "", 1)
    again = parse_failure(OLD.replace("order refused", "another refused"))
    assert again is not None
    assert old.fingerprint == again.fingerprint != ""
    assert failure_of(old.to_dict()) == old


@pytest.mark.parametrize(
    "line",
    [
        "", "{", "[]", "null", "7", '"text"', "{}", OLD[: len(OLD) // 2], f"x{OLD}", "\x00" * 50,
        OLD.replace('"2026-11-29T18:01:28.509Z"', "12"),
        OLD.replace("2026-11-29T18", "2026-13-99T18"),
        OLD.replace('"fields":{', '"count":1e999,"fields":{'),
        OLD.replace('"fields":{', '"generation":"third","fields":{'),
        "[" * 100_000,
    ],
)  # fmt: skip
def test_a_damaged_line_is_left_out(tmp_path: Path, line: str) -> None:
    """Those above and below it are found."""
    path = tmp_path / "errors.jsonl"
    path.write_bytes(f"{OLD}\n{line}\n".encode() + b"\xff\xfe\n" + f"{OLD}\n{OLD[:40]}".encode())
    errors = RecordedErrors(LogFiles(path))
    assert len(errors.find(Wanted())) == 2
    assert [group.count for group in errors.groups(Wanted())] == [2]
    assert len(errors.find(Wanted.of(since="2020-01-01"))) == 2


def test_facts_of_the_wrong_kind_are_read_as_unknown() -> None:
    """A line is kept as long as it says when, who and what."""
    line = OLD.replace('"fields":{"item":"coffee"}', '"fields":[1],"count":-4,"code":null')
    one = parse_failure(line)
    assert isinstance(one, Failure)
    assert (one.count, one.code, dict(one.fields)) == (1, "", {})


def test_a_rotation_in_the_middle_of_reading_neither_loses_nor_doubles(tmp_path: Path) -> None:
    """Files are renamed after the newest one was read."""
    path = tmp_path / "errors.jsonl"
    names = ["errors.jsonl", "errors.jsonl.1", "errors.jsonl.2"]
    for number, name in enumerate(names):
        (tmp_path / name).write_text(OLD.replace("order refused", f"file {number}") + "\n")
    rotated = threading.Event()

    def pick(line: str) -> str | None:
        if not rotated.is_set():
            rotated.set()
            for number in (2, 1, 0):
                (tmp_path / names[number]).rename(tmp_path / f"errors.jsonl.{number + 1}")
            path.write_text(OLD.replace("order refused", "new") + "\n")
        one = parse_failure(line)
        return one.message if one is not None else None

    picked, _ = LogFiles(path).newest(pick, limit=None, enough=lambda _: False)
    assert picked == ["file 2", "file 1", "file 0"]


def test_failures_are_found_across_rotated_files(tmp_path: Path) -> None:
    """Those of renamed files too, the newest first, only so far as is needed."""
    with EventLog(tmp_path, max_bytes=2000, backups=9) as log:
        for number in range(20):
            record_failure("orders", f"number {number}", code=f"CODE{number}")
            log.flush()
        assert (tmp_path / "errors.jsonl.1").exists()
        assert found(log) == [f"number {number}" for number in reversed(range(20))]
        assert len(log.errors.groups(Wanted())) == 20
        newest = log.errors.find(Wanted(), limit=1)
        assert [one.message for one in newest] == ["number 19"]


# -- storms ------------------------------------------------------------------------------------

a_storm = pytest.mark.parametrize(
    "storm", [5000, pytest.param(100_000, marks=pytest.mark.soak)], ids=str
)


def size_of(folder: Path, name: str) -> tuple[int, int]:
    """Return the bytes and the lines of a log, those of renamed files included."""
    texts = [path.read_bytes() for path in folder.glob(f"{name}*")]
    return sum(map(len, texts)), sum(text.count(b"\n") for text in texts)


def deep_error() -> Exception:
    """Return an exception with a traceback."""
    try:
        raise ValueError("x" * 1000)
    except ValueError as error:
        return error


@a_storm
@pytest.mark.usefixtures("root_is_detached")  # pytest would keep each record
def test_a_storm_of_one_kind_writes_the_first_ones_and_the_number_of_the_others(
    tmp_path: Path, storm: int
) -> None:
    """The number is right, in the files, in the group, and for the generation."""
    error = deep_error()
    counted: list[int] = []
    with EventLog(tmp_path) as log:
        log.on_failure = lambda _, generation: counted.append(generation)
        for number in range(storm):
            record_failure("orders", f"failure {number}", error, generation=2)
        [group] = log.errors.groups(Wanted())
        assert group.count == storm  # before the number is written
        assert len(log.tail(10_000)) < 200
        assert log.describe()["errors"] == storm
    assert counted == [2] * storm
    for name in ("errors.jsonl", "app.log"):
        size, lines = size_of(tmp_path, name)
        assert lines < 200
        assert size < 500_000
    [group] = log.errors.groups(Wanted())
    assert (group.count, group.generations) == (storm, {2: storm})
    assert group.newest.message.startswith("failure ")
    summary = log.errors.find(Wanted(), limit=1)[0]
    assert summary.count > 1
    assert "more like this, counted and not written one by one: failure " in summary.message
    assert summary.fields["since"] <= summary.to_dict()["time"]


@a_storm
@pytest.mark.usefixtures("root_is_detached")  # pytest would keep each record
def test_a_storm_of_many_kinds_is_bounded_too(tmp_path: Path, storm: int) -> None:
    """Kinds that are forgotten count for their module."""
    error = deep_error()
    with EventLog(tmp_path) as log:
        for number in range(storm):
            record_failure(f"m{number % 3}", "it failed", error, code=f"CODE{number}")
        assert sum(group.count for group in log.errors.groups(Wanted(), limit=None)) == storm
    for name in ("errors.jsonl", "app.log"):
        size, lines = size_of(tmp_path, name)
        assert lines < 5000
        assert size < 10_000_000
    groups = log.errors.groups(Wanted(), limit=None)
    assert sum(group.count for group in groups) == storm
    others = {
        one.newest.module_id: one.count for one in groups if one.newest.code == "TOO_MANY_ERRORS"
    }
    assert sorted(others) == ["standard.m0", "standard.m1", "standard.m2"]
    assert sum(others.values()) > storm - 4000


def test_a_storm_does_not_hide_failures_of_another_kind(log: EventLog) -> None:
    """They are written as ever."""
    for _ in range(1000):
        record_failure("orders", "again", code="AGAIN")
    record_failure("shop", "closed", code="CLOSED")
    get_framework_logger("shop").error("plain", exc_info=deep_error())
    log.flush()
    assert found(log, "shop") == ["plain", "closed"]


@pytest.mark.usefixtures("root_is_detached")  # pytest would keep each record
def test_a_storm_of_what_a_module_logs_itself_is_bounded_too(log: EventLog) -> None:
    """`logger.exception` and `error_message` in a loop; what is no failure is left alone."""
    logger, error = get_framework_logger("orders"), deep_error()
    for number in range(500):
        logger.error(error_message("standard.orders", "AGAIN", str(number)))
        logger.error("again", exc_info=error)
        logger.log(logging.WARNING, "no failure")
    log.flush()
    said = [event.message for event in log.tail(5000)]
    assert said.count("no failure") == 500
    assert len(said) < 600
    assert sum(group.count for group in log.errors.groups(Wanted())) == 1000


@pytest.mark.usefixtures("root_is_detached")  # pytest would keep each record
def test_threads_in_a_storm_lose_no_count(log: EventLog) -> None:
    """Each failure is written or counted, once."""

    def fail() -> None:
        for _ in range(2000):
            record_failure("orders", "again", code="AGAIN")

    threads = [threading.Thread(target=fail) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.flush()
    assert [group.count for group in log.errors.groups(Wanted())] == [8000]


SCRIPT = """
import os, pathlib, sys
from modframe.observe import EventLog, record_failure

log = EventLog(pathlib.Path(sys.argv[1])).open()
for _ in range(500):
    record_failure("orders", "again", code="AGAIN")
if hasattr(os, "fork"):
    child = os.fork()
    if child == 0:
        sys.exit()  # as a worker of a module ends
    os.waitpid(child, 0)
"""


def test_numbers_are_written_at_the_end_by_one_process(tmp_path: Path) -> None:
    """A script that never closes its log, and whose forked child ends as well, counts each once."""
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], check=True, timeout=60)
    [group] = RecordedErrors(LogFiles(tmp_path / "errors.jsonl")).groups(Wanted())
    assert group.count == 500
