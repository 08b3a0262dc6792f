"""A plugin beside nbval, which drops the kernel's reply to a cell: the cell fails as announced.

Comes in: the cells of a notebook as pytest runs them. Goes out: a failure where one fails that has
no tag for it, or the other way round; unknown magics and failures below them leave no output that
nbval would look at. Asked for by `test_notebooks` with ``-p``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.notebooks.reading import FAILS


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: Any) -> Iterator[None]:
    """Run a cell, and compare the reply with its tags."""
    kernel, replies = item.parent.kernel, []
    receive = kernel.get_message

    def noting(stream: str, timeout: float | None = None) -> dict[str, Any]:
        message: dict[str, Any] = receive(stream, timeout)
        if message["msg_type"] == "execute_reply":
            replies.append(message["content"])
        return message

    kernel.get_message = noting
    try:
        yield
    finally:
        kernel.get_message = receive
    (reply,) = replies
    shall_fail = FAILS in item.cell.metadata.get("tags", ())
    if reply["status"] != "ok" and not shall_fail:
        pytest.fail(f"{item.cell['id']} fails: {reply.get('ename')}: {reply.get('evalue')}")
    elif reply["status"] == "ok" and shall_fail:
        pytest.fail(f"{item.cell['id']} is there to fail, and doesn't")
