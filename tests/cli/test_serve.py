"""``modframe serve``: bind, load, listen, and stop in order on a signal."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Shell
from tests.fakes import ORDERS
from tests.ports import free_port
from tests.waiting import wait_for

STOPS = """
from modframe.decorators import module


@module
class Slow:
    def initialize(self):
        (self.app_context.path / "started").touch()

    async def cleanup_resources(self):
        (self.app_context.path / "stopping").touch()
        {body}
        (self.app_context.path / "stopped").touch()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_exits_0(shell: Shell, number: signal.Signals) -> None:
    """The modules' own cleanup has run by then."""
    shell.write("standard.orders", ORDERS)
    folder = shell.write("standard.slow", STOPS.format(body="")).parent
    server = shell.begin("serve", "--port", "0")
    url = server.url()
    assert httpx.get(f"{url}/api/v1/orders/total").json() == {"total": 42}
    assert httpx.get(f"{url}/health/ready").status_code == 200
    assert "  standard.orders  LIVE  1 route" in server.lines
    assert server.end(number) == 0
    assert server.lines[-2:] == ["stopping", "stopped"]
    assert (folder / "stopped").exists()


def test_a_second_signal_does_not_wait(shell: Shell) -> None:
    """A cleanup that hangs is left behind."""
    folder = shell.write(
        "standard.slow", STOPS.format(body="import asyncio; await asyncio.sleep(600)")
    ).parent
    server = shell.begin("serve", "--port", "0")
    server.url()
    server.process.send_signal(signal.SIGINT)
    wait_for((folder / "stopping").exists)
    assert server.end(signal.SIGINT) == 0
    assert not (folder / "stopped").exists()


def test_a_signal_while_it_loads_ends_it(shell: Shell) -> None:
    """Nothing was served, and that is no failure."""
    text = ORDERS + (
        "\nimport pathlib, threading\npathlib.Path('loading').touch()\n"
        "threading.Event().wait(600)\n"
    )
    shell.write("standard.orders", text)
    server = shell.begin("serve", "--port", "0")
    wait_for((shell.folder / "loading").exists)
    assert server.end(signal.SIGTERM) == 0
    assert not [line for line in server.lines if line.startswith("serving")]


def test_a_busy_port_is_known_before_anything_loads(shell: Shell) -> None:
    """One line on standard error, exit 1, and no module ran."""
    path = shell.write("standard.orders", "open('ran', 'w').close()\n" + ORDERS)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = shell.run("serve", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: port {port} on '127.0.0.1' is in use")
    assert len(done.stderr.splitlines()) == 1
    assert not (shell.folder / "ran").exists()
    assert path.exists()


def test_a_module_that_fails_is_said_and_does_not_stop_it(shell: Shell) -> None:
    """Unless it is strict: then it ends with status 1."""
    shell.write("standard.orders", ORDERS)
    shell.write("standard.bad", "1 / 0 # [red]not markup[/red]\n")
    server = shell.begin("serve", "--port", "0")
    url = server.url()
    (said,) = [line for line in server.lines if "standard.bad" in line]
    assert said.startswith("  standard.bad  FAILED  ")
    assert "ZeroDivisionError" in said
    assert httpx.get(f"{url}/health/ready").status_code == 503
    assert server.end(signal.SIGTERM) == 0
    strict = shell.run("serve", "--port", "0", "--strict")
    assert strict.returncode == 1
    assert "ZeroDivisionError" in strict.stderr
    assert "Traceback" not in strict.stderr


def test_an_address_for_others_needs_a_token(shell: Shell) -> None:
    """Given as an option or in the environment; with it, requests need it."""
    done = shell.run("serve", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 1
    assert "needs a token" in done.stderr
    shell.write("standard.orders", ORDERS)
    server = shell.begin("serve", "--host", "0.0.0.0", "--port", "0", MODFRAME_TOKEN="t" * 32)
    url = server.url()
    assert httpx.get(f"{url}/api/v1/orders/total").status_code == 401
    headers = {"Authorization": f"Bearer {'t' * 32}"}
    assert httpx.get(f"{url}/api/v1/orders/total", headers=headers).json() == {"total": 42}
    assert server.end(signal.SIGTERM) == 0
    assert not [line for line in server.lines if "t" * 32 in line]


def test_workspace_and_data_come_from_options_and_environment(
    shell: Shell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The folder it starts in stays as it was."""
    elsewhere: Path = tmp_path_factory.mktemp("elsewhere")
    shell.write("standard.orders", ORDERS)
    nowhere = shell.at(tmp_path_factory.mktemp("nowhere"))
    data = elsewhere / "kept"
    server = nowhere.begin(
        "serve", "--workspace", str(shell.folder), "--port", "0", MODFRAME_DATA=str(data)
    )
    assert httpx.get(f"{server.url()}/api/v1/orders/total").json() == {"total": 42}
    assert server.end(signal.SIGTERM) == 0
    assert list(nowhere.folder.iterdir()) == []
    assert sorted(one.name for one in shell.folder.iterdir()) == ["modules"]
    missing = nowhere.run("serve", MODFRAME_WORKSPACE="/no/such/folder")
    assert missing.returncode == 1
    assert "there is no folder '/no/such/folder'" in missing.stderr


def test_a_scaffold_is_served_as_it_is_by_every_way(shell: Shell) -> None:
    """compliance finds nothing; serve and ``python app.py`` answer the README's requests."""
    assert shell.run("scaffold", "--name", "my_module").returncode == 0
    checked = shell.run("compliance", "validate", "--module", "standard.my_module")
    assert (checked.returncode, checked.stdout) == (0, "standard.my_module: complies\n")
    server = shell.begin("serve", "--port", "0")
    url = server.url()
    assert httpx.get(f"{url}/api/v1/my_module/status").json() == {
        "status": "active",
        "module": "my_module",
    }
    made = httpx.post(f"{url}/api/v1/my_module/records", json={"name": "test record"})
    assert (made.status_code, made.json()["name"]) == (201, "test record")
    assert server.end(signal.SIGTERM) == 0
    again = shell.begin("serve", "--port", "0")
    assert httpx.get(f"{again.url()}/api/v1/my_module/records").json() == [made.json()]
    assert again.end(signal.SIGTERM) == 0


def test_app_py_is_an_asgi_application_and_a_script(shell: Shell) -> None:
    """uvicorn serves it; run as a script it does what ``modframe serve --port 8000`` does."""
    assert shell.run("scaffold", "--name", "my_module").returncode == 0
    port = free_port()
    server = shell.python("-m", "uvicorn", "app:app", "--port", str(port))
    server.wait_for("INFO:     Uvicorn running")
    answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/my_module/status")
    assert answer.json()["status"] == "active"
    server.process.send_signal(signal.SIGTERM)
    server.wait_for("INFO:     Application shutdown complete")
    program = (
        "import runpy, modframe.cli; modframe.cli.main = print; "
        "runpy.run_path('app.py', run_name='__main__')"
    )
    script = shell.python("-c", program)
    assert script.end() == 0
    assert script.lines == [f"['serve', '--workspace', '{shell.folder}', '--port', '8000']"]


def test_faults_of_the_surroundings_are_said_before_it_loads(shell: Shell) -> None:
    """With their place; no module runs."""
    shell.write("standard.shop", "print('it was loaded')")
    text = '[tool.modframe]\nmiddleware = ["nowhere:Thing"]\n'
    (shell.folder / "pyproject.toml").write_text(text)
    done = shell.run("serve", "--port", "0")
    assert done.returncode == 1
    assert "middleware in [tool.modframe] of pyproject.toml: 'nowhere:Thing'" in done.stderr
    assert "it was loaded" not in done.stdout + done.stderr
    done = shell.run("serve", "--port", "0", "--cors", "shop")
    assert (done.returncode, "'nowhere:Thing'" in done.stderr) == (1, True)


def test_a_link_opens_the_pages_once(shell: Shell) -> None:
    """For whoever can read the workspace's token; the cookie holds, the code doesn't."""
    shell.write("standard.orders", ORDERS)
    server = shell.begin("serve", "--port", "0")
    url = server.url()
    assert httpx.get(f"{url}/modframe/").status_code == 401
    done = shell.run("link", "--url", url)
    link = done.stdout.strip()
    assert link.startswith(f"{url}/modframe/?once=")
    with httpx.Client(follow_redirects=True) as browser:
        page = browser.get(link)
        assert (page.status_code, str(page.url)) == (200, f"{url}/modframe/")
        assert browser.get(f"{url}/modframe/").status_code == 200
    assert httpx.get(link, follow_redirects=True).status_code == 401
    assert shell.run("link", "--url", url, MODFRAME_TOKEN="wrong" * 4).returncode == 1
    assert server.end(signal.SIGTERM) == 0
