"""The worker: jobs in order, results on the loop, nothing lost in silence, nothing left running."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import threading
import weakref

import pytest

from modframe.worker import Worker

NAME = "modframe-test-worker"


def running() -> list[threading.Thread]:
    """The threads of these tests' workers."""
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def test_jobs_run_in_order_on_a_thread_that_starts_with_the_first() -> None:
    """No job, no thread; `flush` waits for all that was submitted."""
    worker, done = Worker(NAME), []
    assert not running()
    for number in range(5):
        assert worker.submit(lambda number=number: done.append(number))
    assert worker.flush()
    assert done == list(range(5))
    worker.close()
    worker.join()
    assert not running()


def test_a_closed_worker_ends_what_it_has_and_takes_no_more() -> None:
    """`submit` says so, `call` raises."""
    worker, done, go = Worker(NAME), [], threading.Event()
    worker.submit(go.wait)
    worker.submit(lambda: done.append(1))
    worker.close()
    assert not worker.submit(lambda: done.append(2))
    go.set()
    worker.join()
    assert done == [1]
    assert worker.flush()

    async def call() -> None:
        await worker.call(int)

    with pytest.raises(RuntimeError, match="runs no more jobs"):
        asyncio.run(call())


def test_a_failing_job_is_logged_and_the_next_one_runs(caplog: pytest.LogCaptureFixture) -> None:
    """A job that nobody awaits has no other place to say it."""
    worker, done = Worker(NAME), []
    with caplog.at_level(logging.ERROR, "modframe.worker"):
        worker.submit(lambda: 1 / 0)
        worker.submit(lambda: done.append(1))
        worker.flush()
    worker.close()
    assert done == [1]
    assert NAME in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_a_call_comes_back_to_the_loop_with_its_result_or_exception() -> None:
    """Exceptions that are no `Exception` included."""
    worker = Worker(NAME)
    assert await worker.call(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await worker.call(lambda: 1 // 0)
    with pytest.raises(GeneratorExit):
        await worker.call(leave)
    assert await worker.call(lambda: "still there") == "still there"
    worker.close()
    worker.join()


def leave() -> None:
    """Raise what is no `Exception`."""
    raise GeneratorExit


def test_a_worker_that_nobody_holds_ends_its_thread() -> None:
    """The thread holds on to the queue alone."""
    worker = Worker(NAME)
    worker.submit(int)
    worker.flush()
    (thread,) = running()
    alive = weakref.ref(worker)
    del worker
    gc.collect()
    thread.join(10)
    assert alive() is None
    assert not thread.is_alive()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_forked_child_runs_no_jobs_and_waits_for_none() -> None:
    """Its thread stayed in the parent."""
    worker = Worker(NAME)
    worker.submit(int)
    worker.flush()
    child = os.fork()
    if not child:
        refused = worker.forked and not worker.submit(int) and worker.flush()
        worker.close()
        worker.join()
        os._exit(0 if refused else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert worker.submit(int)
    worker.close()
    worker.join()
