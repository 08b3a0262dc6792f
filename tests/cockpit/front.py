"""`Front`: a front end without a browser; it speaks to the cockpit of a served app over HTTP."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds that an answer may take; more is a hang."""


class AskError(Exception):
    """An answer that is an error; ``error`` is what the front end shows of it."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        self.error = error
        super().__init__(f"{error['type']}: {error['message']}")


class Front:
    """One front end. It says hello at once, and knows what the news have told it.

    Args:
        url: Where the app is served.
        token: The token that it sends.
        module: The module that it looks at first.

    Attributes:
        rows: Module id → its row. ``order``: the ids. ``facts``: those of the watched module.
        session: Its name.
        log: The log lines so far. ``parts``: what came of a question before its answer.
    """

    def __init__(self, url: str, *, token: str = "", module: str | None = None) -> None:
        self._place, self._token = urlsplit(url), token
        self._ids = itertools.count(1)
        self._told = threading.Condition()
        self._answers: dict[int, dict[str, Any]] = {}
        self.rows: dict[str, Any] = {}
        self.order: list[str] = []
        self.meta: dict[str, Any] = {}
        self.facts: dict[str, Any] = {}
        self.log: list[dict[str, Any]] = []
        self.parts: dict[int, list[Any]] = {}
        self.news: list[dict[str, Any]] = []
        self.over = ""
        self.session = self._request("POST", "open", {})["session"]
        self._stream = self._connect()
        self._stream.request("GET", f"/modframe/news?session={self.session}", headers=self._head())
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.hello(module)

    @property
    def panels(self) -> list[Any]:
        """The panels among the facts of the watched module."""
        keys = [key for key in sorted(self.facts) if key.startswith("panels.")]
        return [
            {**self.facts[key], "rows": self.facts[key.replace("panels", "rows")]} for key in keys
        ]

    # -- sending --------------------------------------------------------------------------

    def hello(self, module: str | None = None, tab: str = "overview") -> None:
        """Say what is on the screen, and wait until everything was told."""
        told = len(self.news)
        self.send({"op": "hello", "module": module, "tab": tab})
        self.wait_for(lambda: any(one.get("full") for one in self.news[told:]))

    def look(self, module: str | None, tab: str = "overview", *, hidden: bool = False) -> None:
        """Say what is on the screen now."""
        self.send({"op": "look", "module": module, "tab": tab, "hidden": hidden})

    def start(self, op: str, /, **args: Any) -> int:
        """Send a question, and return its number."""
        number = next(self._ids)
        self.send({"id": number, "op": op, "args": args})
        return number

    def answer(self, number: int) -> Any:
        """Wait for the answer to a question.

        Raises:
            AskError: If it is an error.
        """
        found = self.wait_for(lambda: self._answers.pop(number, None))
        if not found["ok"]:
            raise AskError(found["error"])
        return found["value"]

    def ask(self, op: str, /, **args: Any) -> Any:
        """Return the answer to a question.

        Raises:
            AskError: If it is an error.
        """
        return self.answer(self.start(op, **args))

    def fault(self, op: str, /, **args: Any) -> Mapping[str, Any]:
        """Return the error that a question is answered with."""
        try:
            value = self.ask(op, **args)
        except AskError as failed:
            return failed.error
        raise AssertionError(f"{op} was answered with {value!r}")

    def cancel(self, number: int) -> None:
        """Want the answer to a question no more."""
        self.send({"op": "cancel", "target": number})

    def send(self, message: Mapping[str, Any]) -> None:
        """Send any message."""
        self._request("POST", f"send?session={self.session}", message)

    # -- hearing --------------------------------------------------------------------------

    def wait_for(self, question: Callable[[], T | None]) -> T:
        """Ask at each message until the answer is true, and return it."""
        with self._told:
            answer = self._told.wait_for(question, PATIENCE)
        assert answer, "it did not come true"
        return answer

    def _read(self) -> None:
        with self._stream.getresponse() as news:
            for line in filter(bytes.strip, news):
                with self._told:
                    self._take(json.loads(line))
                    self._told.notify_all()

    def _take(self, message: dict[str, Any]) -> None:
        if "seq" in message:
            self._take_news(message)
        elif "part" in message:
            self.parts.setdefault(message["id"], []).append(message["part"])
        elif "over" in message:
            self.over = message["over"]
        else:
            self._answers[message["id"]] = message

    def _take_news(self, news: dict[str, Any]) -> None:
        self.news.append(news)
        if news.get("full"):
            self.rows, self.facts, self.log = {}, {}, []
        self.rows = _merged(self.rows, news.get("rows", {}))
        self.order = news.get("order", self.order)
        self.meta |= news.get("meta", {})
        self.log += news.get("log", [])
        if (detail := news.get("detail")) is not None:
            known = {} if detail.get("full") else self.facts
            self.facts = _merged(known, detail["facts"])

    # -- HTTP -----------------------------------------------------------------------------

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._place.netloc, timeout=PATIENCE)

    def _head(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _request(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        connection = self._connect()
        try:
            head = {**self._head(), "Content-Type": "application/json"}
            connection.request(method, f"/modframe/{path}", json.dumps(body), head)
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status < 300, f"{method} {path}: {answer.status} {content!r}"
            return json.loads(content) if content else None
        finally:
            connection.close()

    def close(self) -> None:
        """Go, as a page does that is closed; the server ends the answer with the news."""
        if not self.over:
            self.send({"op": "bye"})
        self._reader.join(PATIENCE)
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _merged(known: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**known, **changed}.items() if value is not None}


def blocks_of(shown: Any, kind: str) -> list[dict[str, Any]]:
    """Return the blocks of a kind in a view or a block, in their order."""
    if isinstance(shown, list):
        return [block for one in shown for block in blocks_of(one, kind)]
    if not isinstance(shown, dict):
        return []
    own = [shown] if shown.get("kind") == kind else []
    return own + blocks_of(list(shown.values()), kind)


def block_of(shown: Any, kind: str) -> dict[str, Any]:
    """Return the only block of a kind."""
    (block,) = blocks_of(shown, kind)
    return block


def rows_of(shown: Any, label: str) -> list[dict[str, Any]]:
    """Return the rows of a table, as the text of each column; and what each ``opens``."""
    table = next(one for one in blocks_of(shown, "table") if one["label"] == label)
    titles = [title if isinstance(title, str) else title[0] for title in table["columns"]]
    opens = table.get("opens") or [None] * len(table["rows"])
    return [
        {**dict(zip(titles, map(_cell_text, cells), strict=True)), "opens": call}
        for cells, call in zip(table["rows"], opens, strict=True)
    ]


def _cell_text(cell: Any) -> Any:
    if not isinstance(cell, dict):
        return cell
    texts = (cell.get(key) for key in ("word", "state", "stamp", "module", "text"))
    return next(text for text in texts if text is not None)


def texts_of(shown: Any) -> str:
    """Return all texts of a view, one below the other."""
    if isinstance(shown, dict | list):
        inside = shown.values() if isinstance(shown, dict) else shown
        return "\n".join(map(texts_of, inside))
    return str(shown)
