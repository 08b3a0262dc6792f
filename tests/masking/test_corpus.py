"""A day's worth of use of a module full of secrets; no artefact of it holds one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.processes import run_script
from tests.masking import vault

DAY = """
import json, logging, threading, urllib.error, urllib.request
from contextlib import suppress
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import modframe
from modframe.errors import ModframeError
from tests.cockpit.front import Front
from tests.masking import vault
from tests.waiting import wait_for

said = Path("said")
said.mkdir()

def note(name, text):
    (said / name).write_text(str(text), errors="backslashreplace")

def get(url, path, **options):
    request = urllib.request.Request(url + path, **options)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return f"{answer.headers}\\n{answer.read().decode()}"
    except urllib.error.HTTPError as error:
        return f"{error.headers}\\n{error.read().decode()}"

app = modframe.start(settings=vault.SESSION)
assert app.modules["vault"].state == "LIVE", app.modules["vault"].error
service, module = app.get_service("vault"), app.modules["vault"]

# what it says of itself
settings = module.settings
note("settings", f"{settings!r} {settings} {[settings]} {settings.account!r}")
note("explain", service.give().result())
note("core_settings", app.get_service("core.settings").explain("vault").result())

# failing, logging, printing, dying
for name in ("fail", "chain", "validate"):
    with suppress(Exception):
        getattr(service, name)().result()
for name in ("log", "show", "work", "die", "die_in_thread"):
    getattr(service, name)().result()
wait_for(lambda: "doomed" in str(app.snapshot().module("standard.vault").error))

# loads that fail
for name, source in (("broken", vault.BROKEN), ("refusing", vault.REFUSING)):
    try:
        app.load(source, id="vault")
    except ModframeError as error:
        note(name, f"{error} {error!r} {error.__notes__ if hasattr(error, '__notes__') else ''}")
        assert "**********" in str(error)
    note(f"{name}_seen", f"{module!r} {module._repr_html_()} {app.modules._repr_html_()}")
    note(f"{name}_error", f"{module.error} {app._repr_html_()}")
note("plan", app.plan(vault.BROKEN, id="vault"))
try:
    modframe.start(settings={"vault": {"password": vault.SECRETS["refused"]}})
except ModframeError as error:
    note("conflict", error)

# HTTP
server = app.serve(port=0, token=vault.SECRETS["server"])
note("server", f"{server!r} {server._repr_html_()}")
logging.getLogger("modframe.server").warning("token %s", server.token)
for path in ("fails", "refuses", "refuses-data", "result", "prints", "nothing"):
    note(f"http_{path}", get(server.url, f"/api/v1/vault/{path}"))
json_head = {"content-type": "application/json"}
note("http_422", get(server.url, "/api/v1/vault/validates", data=b'{"note": 3}', headers=json_head))
for number, path in enumerate((
    "/", "/docs", "/openapi.json", "/health", "/health/ready", "/api/v1/core/framework/modules",
    "/api/v1/core/settings/vault", "/api/v1/core/settings/standard.vault",
)):
    note(f"http_page_{number}", get(server.url, path))

with connect(f"ws{server.url[4:]}/api/v1/vault/closes") as socket:
    try:
        socket.recv(timeout=60)
    except ConnectionClosed as error:
        note("websocket", error.rcvd.reason)

# the cockpit
with Front(server.url, token=server.token, module="standard.vault") as front:
    for name in ("methods", "routes", "errors"):
        note(f"cockpit_{name}", json.dumps(front.ask(name)))
    note("cockpit_news", json.dumps(front.news))

# views
note("snapshot", app.snapshot().to_json())
note("module", f"{app.snapshot().module('standard.vault')} {app.snapshot()._repr_html_()}")
note("inspector", app.inspect().picture())
note("check", app.check("vault"))
note("export", module.export(to="exported"))
report = app.stop()
note("report", f"{report!r} {report.unsettled} {report._repr_html_()} {report.modules}")
note("stopped", f"{module!r} {module.error} {app.snapshot()!r}")
assert module.state == "FAILED_UNLOAD", module.state
"""
CRASH = """
import modframe
from tests.masking import vault

with modframe.start(settings=vault.SESSION, data=":memory:") as app:
    app.get_service("vault").fail().result()
"""
COMMANDS = [
    ["list"],
    ["inspect", "vault"],
    ["logs", "-n", "1000"],
    ["errors"],
    ["errors", "--groups"],
    ["health"],
    ["doctor"],
    ["compliance", "validate"],
]


@pytest.mark.soak
def test_a_days_use_leaves_no_secret_anywhere(workspace: Path) -> None:
    """Loads, failures, prints, HTTP, views, the shell: none holds a secret; the log has masks."""
    vault.prepare(workspace)
    day = run_script(DAY, workspace, timeout=240, env=os.environ | vault.ENVIRONMENT)
    assert day.returncode == 0, day.stderr
    crash = run_script(CRASH, workspace, timeout=120, env=os.environ | vault.ENVIRONMENT)
    assert crash.returncode == 1
    assert "ValueError: **********" in crash.stderr
    texts = [("stdout", day.stdout), ("stderr", day.stderr)]
    texts += [("crash", crash.stdout + crash.stderr)]
    texts += list(_commands(workspace))
    texts += list(_failed_serve(workspace / "broken"))
    texts += vault.read_files(workspace / "data", workspace / "said", workspace / "exported")
    found = list(vault.find_secrets(_without_source(texts)))
    assert not found, "\n".join(found)
    seen = dict(texts)
    assert seen["data/logs/app.log"].count("**********") > 50
    views = {view["id"]: view for view in json.loads(seen["said/snapshot"])["modules"]}
    shown = {key: row["value"] for key, row in views["standard.vault"]["parts"]["settings"].items()}
    assert shown["password"] == shown["api_key"] == shown["tokens"] == "**********"
    assert (shown["token_count"], shown["password_policy"]) == (731, "long-ones")
    assert "keyboard='qwertz', max_tokens=4096" in seen["said/settings"]
    assert seen["said/websocket"] == "closed: **********"


def _without_source(texts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out the module's own text, which is kept and exported as its author wrote it."""
    whole = ("exported/", "data/history")
    return [
        (name, text.replace(vault.DEFAULT, "") if name.startswith(whole) else text)
        for name, text in texts
    ]


def _commands(workspace: Path) -> Iterator[tuple[str, str]]:
    """Yield what the commands print that look at a workspace."""
    for command in COMMANDS:
        for shape in ("text", "json"):
            done = _shell(workspace, *command, "--format", shape)
            assert done.returncode in (0, 1), done.stderr
            yield f"{command[0]} {shape}", done.stdout + done.stderr
    reference = _shell(workspace, "reference")
    yield "reference", reference.stdout + reference.stderr


def _failed_serve(workspace: Path) -> Iterator[tuple[str, str]]:
    """Yield what a server prints whose module does not start."""
    vault.prepare(workspace, vault.BROKEN)
    done = _shell(workspace, "--debug", "serve", "--strict", "--port", "0")
    assert done.returncode == 1
    assert "can't connect: **********" in done.stderr
    yield "serve", done.stdout + done.stderr
    yield from vault.read_files(workspace / "data")


def _shell(workspace: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | vault.WITHOUT_SESSION | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        [sys.executable, "-m", "modframe", *words],
        cwd=workspace, capture_output=True, text=True, timeout=120, check=False, env=env,
    )  # fmt: skip
