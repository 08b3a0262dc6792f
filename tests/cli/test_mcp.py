"""``modframe mcp``: an assistant on standard input and output."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.cli.conftest import Shell
from tests.fakes import ORDERS
from tests.server.mcp.clients import Heard, following, text_of

LOUD = dedent(
    """
    import os, sys
    print("printed while it is loaded")


    """
) + ORDERS.replace(
    '        """The sum."""\n',
    '        """The sum."""\n'
    '        print("printed by a call")\n'
    '        sys.__stdout__.write("kept in a buffer until the end")\n'
    '        os.system("echo printed by a child; cat")\n',
)


def parameters(shell: Shell, *words: str) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable, args=["-m", "modframe", "mcp", *words],
        cwd=shell.folder, env={**shell.env, "PYTHONUNBUFFERED": ""},
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["auto", pytest.param("legacy", marks=pytest.mark.soak)])
async def test_tools_are_called_and_swaps_told_on_standard_output(
    shell: Shell, mode: str, tmp_path: Path
) -> None:
    """Nothing else reaches the client, whoever prints; a saved file is swapped, and it is told.

    What module code prints is in the log, as in a server.
    """
    path = shell.write("standard.orders", LOUD)
    heard = Heard()
    handler = heard.take if mode == "legacy" else None
    with (tmp_path / "err").open("w") as errors:
        transport = stdio_client(parameters(shell, "--watch"), errlog=errors)
        async with Client(transport, mode=mode, message_handler=handler) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == ["orders__total"]
            assert text_of(await client.call_tool("orders__total", {"plus": 2})) == "42"
            async with following(client, mode, heard):
                await asyncio.to_thread(path.write_text, LOUD.replace("= 40", "= 50"))
                await heard.wait_for("tools/list_changed")
                assert text_of(await client.call_tool("orders__total", {})) == "50"
    printed = (tmp_path / "err").read_text()
    assert "printed by a child" in printed
    assert "kept in a buffer until the end" in printed
    assert "\nstopped\n" in printed
    log = (shell.folder / "data/logs/app.log").read_text()
    assert "printed while it is loaded" in log
    assert "printed by a call" in log


def test_a_signal_ends_it_while_it_waits_for_a_line(shell: Shell) -> None:
    """In order and with status 0."""
    shell.write("standard.orders", ORDERS)
    running = subprocess.Popen(
        [sys.executable, "-m", "modframe", "mcp"], cwd=shell.folder, env=shell.env, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with running:
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith("answering"):
                break
        running.send_signal(signal.SIGTERM)
        assert running.wait(90) == 0
        assert running.stderr.read().splitlines()[-1] == "stopped"
