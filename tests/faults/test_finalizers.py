"""Finalizers that block hold up neither the app loop nor a load, and are named."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.fakes import simple
from tests.faults.processes import run_script

COMMON = """
import gc, textwrap, threading, time, weakref
import modframe
from tests import inside
from tests.waiting import wait_for

BLOCKING = '''
import threading
from modframe.decorators import module

GO = threading.Event()


class Blocker:
    def __del__(self):
        GO.wait()


@module
class Thing:
    def initialize(self):
        self.blocker = Blocker()
        self.blocker.itself = self.blocker

    def number(self):
        return 1
'''
PLAIN = '''
from modframe.decorators import module


@module
class Thing:
    def number(self):
        return 2
'''
"""


def run(script: str, folder: Path, *, before: str = "") -> str:
    """Run a script in a process of its own, which a finalizer may block; return what it prints."""
    done = run_script(f"{COMMON}\n{before}\n{dedent(script)}", folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_finalizer_that_blocks_holds_up_no_edit_and_is_named(workspace: Path) -> None:
    """The object is dropped with its generation, on a thread of its own."""
    printed = run(
        """
        inside.look_at_once()
        with modframe.start(data=":memory:") as app:
            app.load({"api.py": BLOCKING}, id="blocking")
            app.load({"api.py": PLAIN}, id="blocking")
            wait_for(lambda: app.snapshot().module("standard.blocking").unsettled)
            print(*app.snapshot().module("standard.blocking").unsettled)
            app.load({"api.py": PLAIN}, id="other")
            gc.collect()
            print(app.get_service("other").number().result())
        """,
        workspace,
    )
    assert "generation 1: a finalizer of it blocks, Blocker.__del__ of generation 1" in printed
    assert "of standard.blocking (" in printed
    assert printed.endswith("2\n")


ZMQ = """
ZMQ = '''
import __main__
import zmq
from modframe.decorators import module


@module
class Thing:
    def initialize(self):
        HOW
        socket.connect("tcp://127.0.0.1:9")
        socket.send(b"to nobody")

    def number(self):
        return 1
'''
"""


def test_a_dropped_zmq_context_holds_up_nothing(workspace: Path) -> None:
    """Its socket has a message that nobody takes, so its finalizer would wait for ever."""
    how = "self.all = [zmq.Context()]; socket = self.all[0].socket(zmq.PUSH); self.all += [socket, self.all]"
    printed = run(
        f"""
        inside.look_at_once()
        with modframe.start(data=":memory:") as app:
            app.load({{"api.py": ZMQ.replace("HOW", {how!r})}}, id="zmq")
            app.load({{"api.py": PLAIN}}, id="zmq")
            wait_for(lambda: app.snapshot().module("standard.zmq").unsettled)
            print(*app.snapshot().module("standard.zmq").unsettled)
            app.load({{"api.py": PLAIN}}, id="other")
            print(app.get_service("other").number().result())
        """,
        workspace,
        before=ZMQ,
    )
    dropped, number = printed.splitlines()
    assert "a finalizer of it blocks, Context.__del__ (" in dropped
    assert number == "2"


def test_a_zmq_context_of_a_service_is_closed_with_it(workspace: Path) -> None:
    """With its socket, whose messages are dropped."""
    how = "self.context = __main__.context = zmq.Context(); socket = self.socket = self.context.socket(zmq.PUSH)"
    printed = run(
        f"""
        with modframe.start(data=":memory:") as app:
            app.load({{"api.py": ZMQ.replace("HOW", {how!r})}}, id="zmq")
            app.load({{"api.py": PLAIN}}, id="zmq")
            wait_for(lambda: context.closed)
            print(app.snapshot().module("standard.zmq").unsettled)
        """,
        workspace,
        before=ZMQ,
    )
    assert printed == "()\n"


def test_no_load_is_blamed_for_the_garbage_of_another_module(workspace: Path) -> None:
    """The collection that a body triggers runs the finalizer; the error names it."""
    printed = run(
        """
        import os
        os.environ["MODFRAME_LOAD_TIMEOUT"] = "1"
        with modframe.start(data=":memory:") as app:
            app.load({"api.py": BLOCKING + "    def drop(self):\\n        del self.blocker\\n"}, id="blocking")
            gc.disable()
            app.get_service("blocking").drop().result()
            try:
                app.load({"api.py": "import gc\\ngc.collect()\\n" + PLAIN}, id="innocent")
            except modframe.errors.LoadError as error:
                print(error)
            app.load({"api.py": "import gc\\ngc.collect()\\n" + PLAIN}, id="innocent")
            print(app.get_service("innocent").number().result())
        """,
        workspace,
    )
    error, number = printed.splitlines()
    assert "Blocker.__del__ of generation 1 of standard.blocking" in error
    assert "Nothing is wrong with this module: load it again" in error
    assert number == "2"


QUIETLY_BLOCKING = {
    "a generator": """
        def steps(self):
            try:
                yield 1
            finally:
                GO.wait()

        def initialize(self):
            self.blocker = self.steps()
            next(self.blocker)
    """,
    "a coroutine": """
        async def work(self):
            try:
                await asyncio.sleep(0)
            finally:
                GO.wait()

        def initialize(self):
            self.blocker = self.work()
            self.blocker.send(None)
    """,
}


@pytest.mark.parametrize("kind", list(QUIETLY_BLOCKING))
def test_what_blocks_as_a_finalizer_is_named_whatever_it_is(workspace: Path, kind: str) -> None:
    """Python ends what was left in the middle when it drops it."""
    head = "import asyncio, threading\nGO = threading.Event()"
    text = simple(QUIETLY_BLOCKING[kind], head=head)
    printed = run(
        f"""
        inside.look_at_once()
        with modframe.start(data=":memory:") as app:
            app.load({{"api.py": {text!r}}}, id="blocking")
            app.load({{"api.py": PLAIN}}, id="blocking")
            wait_for(lambda: any("blocks" in str(one) for one in app.snapshot().module("standard.blocking").unsettled))
            print(*app.snapshot().module("standard.blocking").unsettled)
            app.load({{"api.py": PLAIN}}, id="other")
            print(app.get_service("other").number().result())
        """,
        workspace,
    )
    line = next(at for at, row in enumerate(text.splitlines(), 1) if "GO.wait()" in row)
    assert "a finalizer of it blocks, " in printed
    assert f" of generation 1 of standard.blocking (api.py, line {line}): " in printed
    assert printed.endswith("2\n")


def test_a_finalizer_in_pure_python_is_broken_out_of(workspace: Path) -> None:
    """It would take a whole core, and Python's garbage collector with it."""
    text = simple(
        "def initialize(self):\n    self.blocker = Blocker()",
        head="class Blocker:\n    def __del__(self):\n        while True: pass\n",
    )
    printed = run(
        f"""
        inside.look_at_once()
        with modframe.start(data=":memory:") as app:
            app.load({{"api.py": {text!r}}}, id="blocking")
            app.load({{"api.py": PLAIN}}, id="blocking")
            wait_for(lambda: app.snapshot().module("standard.blocking").unsettled)
            print(*app.snapshot().module("standard.blocking").unsettled)
            class Garbage: pass
            garbage = Garbage()
            garbage.itself, reference = garbage, weakref.ref(garbage)
            del garbage
            wait_for(lambda: gc.collect() >= 0 and reference() is None)
        """,
        workspace,
    )
    assert "a finalizer of it took too long and was broken out of, Blocker.__del__ of" in printed
    assert "(api.py, line 4)" in printed


def test_a_finalizer_on_the_app_loop_is_named_and_not_what_collects(workspace: Path) -> None:
    """Whoever makes the next object may trigger the collection of another module's garbage."""
    drops = simple(
        """
        async def drop(self):
            blocker = Blocker()
            blocker.itself = blocker
        """,
        head="import threading\nGO = threading.Event()\nclass Blocker:\n    def __del__(self):\n        import __main__\n        __main__.go.wait()\n",
    )
    innocent = simple("async def collect(self):\n    gc.collect()", head="import gc")
    printed = run(
        f"""
        go = threading.Event()
        with modframe.start(data=":memory:") as app:
            app.load({{"api.py": {drops!r}}}, id="drops")
            app.load({{"api.py": {innocent!r}}}, id="innocent")
            gc.disable()
            app.get_service("drops").drop().result()
            call = app.get_service("innocent").collect()
            threading.Thread(target=call.result).start()
            print(wait_for(lambda: app.snapshot().stall))
            print(*(line.message for line in app.snapshot().log if "kept the app loop" in line.message))
            go.set()
        """,
        workspace,
    )
    stall, logged, *_ = printed.splitlines()
    named = "the finalizer Blocker.__del__ of generation 1 of standard.drops (api.py, line 7)"
    assert stall.startswith(f"{named} has kept the app loop for")
    assert logged.startswith(f"{named} has kept the app loop for")
    assert "let go of what it waits for when the module stops" in logged
