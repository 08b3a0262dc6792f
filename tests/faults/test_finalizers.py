"""Finalizers that block hold up neither the app loop nor a load, and are named."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from tests.faults.processes import run_script

COMMON = """
import gc, textwrap, threading, time
import modframe
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
