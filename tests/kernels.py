"""A real IPython kernel for tests: run a cell, and get what a person would see."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from jupyter_core.utils import _loop

# jupyter_core makes a loop of its own in every context it is called in, and closes none.
LOOP = asyncio.new_event_loop()
_loop.set(LOOP)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
PATIENCE = int(os.environ.get("MODFRAME_TEST_PATIENCE", "60"))


@dataclass
class Cell:
    """What one cell left: streams, the displayed value, the error."""

    msg_id: str
    stdout: str = ""
    stderr: str = ""
    value: str = ""
    html: str = ""
    error: str = ""
    traceback: str = ""
    data: list[dict[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return everything a person reads below the cell."""
        return "\n".join(filter(None, [self.stdout, self.stderr, self.value, self.traceback]))


class Kernel:
    """A running kernel and its client."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def send(self, code: str) -> str:
        """Start a cell without waiting."""
        return self.client.execute(code)

    def run(self, code: str, *, fails: bool = False) -> Cell:
        """Run a cell to its end; an error that wasn't expected fails the test."""
        cell = self.wait(self.send(code))
        if bool(cell.error) != fails:
            raise AssertionError(f"cell {'passed' if fails else 'failed'}:\n{code}\n{cell.text}")
        return cell

    def wait(self, msg_id: str, *, on_silence: Callable[[], None] | None = None) -> Cell:
        """Collect the outputs of a cell until it is idle and answered.

        If the kernel says nothing for a quarter of the patience, ``on_silence`` is called, once.
        """
        cell = Cell(msg_id)
        patience = PATIENCE / 4 if on_silence else PATIENCE
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=patience)
            except Empty:
                if on_silence is None:
                    raise
                on_silence()
                on_silence, patience = None, PATIENCE
                continue
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            if _take(cell, message["msg_type"], message["content"]):
                break
        while True:
            reply = self.client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == msg_id:
                break
        if reply["content"]["status"] == "error" and not cell.error:
            cell.error = reply["content"].get("ename", "error")
        return cell

    def complete(self, code: str) -> list[str]:
        """Return what the text before the ``|`` may become, as Tab offers it there."""
        before, _, after = code.partition("|")
        reply = self.client.complete(before + after, len(before), reply=True, timeout=PATIENCE)
        return [
            before[: reply["content"]["cursor_start"]] + text
            for text in reply["content"]["matches"]
        ]

    def interrupt(self, msg_id: str) -> Cell:
        """Interrupt the cell, as Ctrl-C does, and return what it left.

        Python handles a signal that comes just before the main thread begins to wait only when
        something wakes that thread, and in a quiet kernel this is the next Ctrl-C.
        """
        self.manager.interrupt_kernel()
        return self.wait(msg_id, on_silence=self.manager.interrupt_kernel)


def _take(cell: Cell, kind: str, content: dict[str, Any]) -> bool:
    if kind == "stream":
        name = content["name"]
        setattr(cell, name, getattr(cell, name) + content["text"])
    elif kind in ("execute_result", "display_data"):
        cell.data.append(content["data"])
        cell.value += content["data"].get("text/plain", "")
        cell.html += content["data"].get("text/html", "")
    elif kind == "error":
        cell.error = content["ename"]
        cell.traceback = _ANSI.sub("", "\n".join(content["traceback"]))
    return kind == "status" and content["execution_state"] == "idle"


@contextmanager
def kernel(workspace: Path, **environment: str) -> Iterator[Kernel]:
    """Start a kernel of this Python in the folder ``workspace``."""
    manager = KernelManager(kernel_name="python3")
    manager.kernel_spec.argv[0] = sys.executable
    root = str(Path(__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": root, "PYTHONWARNINGS": "default", **environment}
    manager.start_kernel(cwd=str(workspace), env=env)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
