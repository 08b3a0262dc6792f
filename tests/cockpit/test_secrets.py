"""The corpus of secrets through the messages of the cockpit: none of them holds one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe import AppContext
from modframe.errors import LoadError
from modframe.source import SourceFile
from tests.cockpit.front import AskError, Front, rows_of
from tests.masking import vault

KEPT = '''
from core.database import get_database_base
from modframe.decorators import module
from pydantic import BaseModel
from sqlalchemy import Column, Integer, String

DATABASE_NAME = "kept"
Base = get_database_base(DATABASE_NAME)


class Settings(BaseModel):
    token: str = "{cut}"


class Note(Base):
    __tablename__ = "notes"
    id = Column(Integer, primary_key=True)
    text = Column(String)


@module(settings=Settings)
class Kept:
    """Puts texts into a table."""

    def listed(self) -> list[dict[str, str]]:
        return [{"text": f"at {self.settings.token}"}, {"text": "none"}]

    async def put(self, texts: list[str]) -> None:
        async with self.app_context.database.transaction("kept", "put") as session:
            session.add_all(Note(text=text) for text in texts)
'''
METHODS = ("fail", "chain", "validate", "give", "tell", "log", "show", "die", "die_in_thread")
ROUTES = ("fails", "refuses", "refuses-data", "result", "prints", "nothing", "items?token={}")
CUT = "cut-t0ken." + "abcdefghij" * 60
"""A secret that is longer than what a table shows of a text."""
NEW: dict[str, Any] = {
    "api_key": "sk-new-f00dface",
    "password": 'n3w-pa"ss<wo&rd',
    "database_url": "postgresql://ann:n3w-dsn-w0rd@db.local/shop",
    "account": {"user": "eve", "password": "n3w-nested-w0rd"},
    "accounts": [{"user": "eve", "password": "n3w-listed-w0rd"}],
    "tokens": {"github": "n3w-t0ken-x9"},
    "key_bytes": "n3w-bytes-55",
    "webhook": "https://hooks.local/in?token=n3w-query-7",
}
"""Secrets that are set for the session."""
QUESTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("methods", {}),
    ("method", {"module": "vault", "service": "standard.vault.service", "method": "connect"}),
    ("routes", {}),
    ("route", {"module": "standard.vault", "method": "GET", "path": "/api/v1/vault/fails"}),
    ("history", {"module": "vault"}),
    ("source", {"module": "vault"}),
    ("source", {"module": "vault", "of": "failed"}),
    ("draft", {"module": "vault"}),
    ("failure", {"module": "vault"}),
    ("plan", {"module": "vault", "action": "load_draft"}),
    ("do", {"module": "vault", "action": "load_draft"}),
    ("plan", {"module": "vault", "action": "reload"}),
    ("do", {"module": "vault", "action": "reload"}),
    ("plan", {"module": "vault", "action": "export"}),
    ("plan", {"module": "vault", "action": "unload"}),
    ("databases", {}),
    ("table", {"database": "kept", "table": "notes"}),
    ("rows", {"database": "kept", "table": "notes"}),
    ("value", {"database": "kept", "table": "notes", "column": "text", "where": {"id": "1"}}),
    ("sql", {"query": "SELECT text, 1 AS one FROM kept.notes"}),
    ("sql", {"query": f"SELECT '{vault.SECRETS['database_url']}' FROM nowhere"}),
)


@pytest.fixture
def app(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppContext]:
    """Start the app of the corpus, whose token is one of its secrets."""
    vault.prepare(workspace)
    for name, value in vault.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MODFRAME_DATABASE_URL", "sqlite:///")
    with modframe.start(settings=vault.SESSION, data=workspace / "data") as running:
        running.load({"api.py": KEPT.replace("{cut}", CUT)}, id="kept")
        running.serve(port=0, token=vault.SECRETS["server"])
        yield running


def test_no_message_holds_a_secret(app: AppContext) -> None:
    """Not the news of its facts and its log, not an answer, not an error; masks stand there."""
    said: list[tuple[str, Any]] = []
    with Front(app.url, token=vault.SECRETS["server"], module="standard.vault") as front:

        def ask(op: str, **args: Any) -> None:
            try:
                said.append((op, front.ask(op, **args)))
            except AskError as failed:
                said.append((f"{op} failed", failed.error))

        for method in METHODS:
            ask("call", service="standard.vault.service", method=method, args={})
        for path in ROUTES:
            place = f"/api/v1/vault/{path}".format(vault.SECRETS["server"])
            ask("request", request={"method": "GET", "path": place})
            ask("request_code", request={"method": "GET", "path": place})
        ask("call", service="kept", method="put", args={"texts": _texts()})
        ask("call", service="kept", method="listed", args={})
        with pytest.raises(LoadError):
            app.load(vault.REFUSING, id="vault")
        for name, text in vault.BROKEN.items():
            app.draft("vault", name, SourceFile(text, "<cell 3>", cell="Cell In[3]"))
        for op, args in QUESTIONS:
            ask(op, **args)
        for row in rows_of(front.ask("errors"), "Errors"):
            ask(row["opens"]["op"], **row["opens"]["args"])
        for row in rows_of(front.ask("history", module="vault"), "History"):
            ask(row["opens"]["op"], **row["opens"]["args"])
        ask("errors", text=vault.SECRETS["api_key"])
        for name, value in NEW.items():
            ask("set_session_value", module="vault", name=name, value=value)
        for method in METHODS:
            ask("call", service="standard.vault.service", method=method, args={})
        ask("settings", module="vault")
        for row in rows_of(front.ask("errors"), "Errors"):
            ask(row["opens"]["op"], **row["opens"]["args"])
        front.hello("standard.vault")
        said += [("news", one) for one in front.news]
        said += [("part", one) for one in front.parts.values()]
    texts = [(name, json.dumps(one)) for name, one in said]
    found = list(vault.find_secrets(_without_source(texts)))
    assert not found, "\n".join(found)
    assert not [name for name, text in texts if CUT[:20] in text]
    assert sum(text.count("**********") for _, text in texts) > 100
    settings = [one for name, value in said if name == "settings" for one in value]
    assert {one["name"] for one in settings if one["session"]} == set(NEW)
    assert not [name for name, text in texts if "n3w-" in text or "f00dface" in text]
    names = [name for name, _ in said]
    assert (names.count("call"), names.count("request")) == (14, len(ROUTES))
    rows = next(one["rows"] for name, one in said if name == "rows")
    assert [text for _, text in rows][:2] == ["at **********", f"{'x' * 150} **********"]


def _texts() -> list[str]:
    """Return texts with the secrets that the app knows, one also where a table cuts it."""
    unknown = ("refused", "a default")  # they come in later, or never
    known = [value for key, value in vault.SECRETS.items() if key not in unknown]
    return [f"at {CUT}", *(f"{'x' * 150} {secret}" for secret in known)]


_WITH_SOURCE = {"source", "draft", "failure", "generation", "plan"}


def _without_source(texts: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Leave out the module's own text, which is shown as its author wrote it."""
    for name, text in texts:
        yield name, text.replace(vault.DEFAULT, "") if name in _WITH_SOURCE else text
