"""The pages below ``/health``: what is known already, by groups, and why, for those who may know."""

from __future__ import annotations

from typing import Any

import pytest

from modframe.app import AppContext
from tests.fakes import simple

IMPORTS = "import time\nfrom modframe.decorators import module_health_check"


def checked(check: str, arguments: str = "") -> str:
    """Return a module with a check."""
    text = simple(check, head=IMPORTS)
    return text.replace("@module", f"@module_health_check({arguments})\n@module", 1)


def get(app: AppContext, path: str) -> tuple[int, dict[str, Any]]:
    """Return status and body of a page."""

    async def ask() -> tuple[int, dict[str, Any]]:
        async with app.test_client() as client:
            answer = await client.get(path)
            return answer.status_code, answer.json()

    return app.run(ask())


def test_health_has_every_module_under_checks(app: AppContext) -> None:
    """Status, time, duration, detail, failures in a row and group."""
    app.load({"api.py": checked("def check_health(self): return 'warn: slow'")}, id="thing")
    app.health(wait=True)
    status, body = get(app, "/health")
    assert (status, body["ready"], body["live"], body["health"]) == (200, True, True, "degraded")
    check = body["checks"]["standard.thing"]
    assert {key: check[key] for key in ("status", "detail", "failures", "group")} == {
        "status": "degraded",
        "detail": "slow",
        "failures": 0,
        "group": "ready",
    }
    assert check["at"].endswith("+00:00")
    assert check["took"] >= 0
    assert body["checks"]["core.settings"]["status"] == "unknown"
    assert body["degraded"] == {"standard.thing": ["its health check says degraded: slow"]}


@pytest.mark.parametrize(
    ("group", "failing"),
    [
        ("ready", {"/health", "/health/ready"}),
        ("live", {"/health", "/health/live"}),
        ("startup", {"/health", "/health/ready", "/health/startup"}),
    ],
)
def test_a_group_fails_its_pages(app: AppContext, group: str, failing: set[str]) -> None:
    """The open pages name the module and its verdict; what it said stands in /health alone."""
    check = "def check_health(self): raise ValueError('the wire is loose')"
    app.load({"api.py": checked(check, f"group={group!r}")}, id="thing")
    app.health(wait=True)
    pages = ("/health", "/health/live", "/health/ready", "/health/startup")
    answers = {path: get(app, path) for path in pages}
    assert {path for path, (status, _) in answers.items() if status == 503} == failing
    for path in failing - {"/health"}:
        body = answers[path][1]
        assert body["status"].startswith("not ")
        assert body["checks"] == {"standard.thing": "unhealthy"}
        assert "wire" not in str(body)
    assert "the wire is loose" in str(answers["/health"][1]["degraded"])


def test_what_is_not_known_yet_keeps_only_a_startup_back(app: AppContext) -> None:
    """A new generation is ready before its first check, unless that says whether it has started."""
    hangs = "def check_health(self): time.sleep(1000)"
    for group, status in (("ready", 200), ("live", 200), ("startup", 503)):
        text = checked(hangs, f"timeout=1000, group={group!r}")
        app.load({"api.py": text}, id="thing")
        assert get(app, "/health/ready")[0] == status
        assert get(app, "/health/live")[0] == 200
        assert get(app, "/health/startup")[0] == status


def test_a_page_runs_no_check(app: AppContext) -> None:
    """It says the same however often it is asked for."""
    app.load({"api.py": checked("def check_health(self): pass", "interval=1000")}, id="thing")
    app.health(wait=True)
    bodies = [get(app, "/health")[1] for _ in range(3)]
    assert bodies[0] == bodies[1] == bodies[2]
