"""``modframe serve`` in front of more clients, and larger ones, than it can afford."""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
import sys
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.cli.conftest import Running, Shell

HEAD = b"POST /api/v1/files/ HTTP/1.1\r\nHost: localhost\r\n"
SLOW = {"nothing": b"", "head": HEAD, "body": HEAD + b"Content-Length: 900\r\n\r\nx"}
LOWERED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))
sys.argv = ["modframe", "serve", "--port", "0"]
runpy.run_module("modframe", run_name="__main__")
"""
FILES = """
from fastapi import APIRouter, UploadFile
from modframe.decorators import module

router = APIRouter()


@module
class Files:
    pass


@router.post("/", max_body_size=2_000_000_000)
async def size(file: UploadFile) -> int:
    return file.size
"""


@contextlib.contextmanager
def sockets(port: int, number: int, say: bytes) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(number):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
            with contextlib.suppress(OSError):  # it was closed already
                one.sendall(say)
            made.append(one)
        yield made


def begin(shell: Shell, files: int) -> Running:
    """Serve with so many descriptors at most."""
    shell.write("standard.files", FILES)
    return shell.python("-c", LOWERED.format(files=files))


@pytest.mark.parametrize(
    ("files", "number", "said"),
    [
        pytest.param(160, 200, ["nothing"], id="few"),
        pytest.param(1024, 1100, list(SLOW), id="many", marks=pytest.mark.soak),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_more_sockets_than_descriptors_leave_it_answering(
    shell: Shell, files: int, number: int, said: list[str]
) -> None:
    """They may say nothing, half of a head or half of a body; the log stays short."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    try:
        server = begin(shell, files)
        url = server.url()
        for what in said:
            with sockets(int(url.rsplit(":", 1)[1]), number, SLOW[what]):
                for _ in range(5):
                    assert httpx.get(f"{url}/health/live", timeout=30).status_code == 200
        assert server.end(signal.SIGTERM) == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(server.lines) < 20, server.lines
    assert sum("out of system resource" in line for line in server.lines) <= 3


@pytest.mark.soak
def test_an_upload_of_500_mb_goes_to_the_disk(shell: Shell) -> None:
    """It costs no 500 MB of memory, and none is kept afterwards."""
    shell.write("standard.files", FILES)
    server = shell.begin("serve", "--port", "0")
    url = server.url()
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    size, most = 500_000_000, [0]

    def parts() -> Iterator[bytes]:
        yield (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n"
        )
        for _ in range(500):
            most[0] = max(most[0], process.memory_info().rss)
            yield bytes(size // 500)
        yield b"\r\n--x--\r\n"

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = httpx.post(f"{url}/api/v1/files/", content=parts(), headers=kind, timeout=120)
    assert answer.json() == size
    assert most[0] - before < 100_000_000
