"""What a kernel sends to be shown goes through a mask while the extension is loaded."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import modframe
from modframe.notebook.outputs import MaskedOutputs
from tests.fakes import simple

TEXT = simple(
    head="from pydantic import BaseModel\nclass S(BaseModel):\n    password: str = 'hunter22'",
    arguments="settings=S",
)


class Session:
    """Notes the messages that it would send."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, stream: Any, kind: Any, content: Any = None, **options: Any) -> None:
        self.sent.append((kind, content, options))


def test_outputs_are_masked_and_nothing_else(workspace: Path) -> None:
    """Messages by name or whole; code that is echoed, and what no app knows, pass as they are."""
    session = Session()
    outputs = MaskedOutputs(SimpleNamespace(kernel=SimpleNamespace(session=session)))
    outputs.install()
    said = {"text": "it is hunter22", "data": {"text/html": ["hunter22"]}}
    hidden = {"text": "it is **********", "data": {"text/html": ["**********"]}}
    with modframe.start(workspace=workspace, data=":memory:") as app:
        session.send(None, "stream", said)
        app.load({"api.py": TEXT}, id="thing")
        session.send(None, "stream", said, ident=b"x")
        session.send(None, {"msg_type": "error", "content": said})
        session.send(None, "execute_input", said)
        outputs.remove()
        session.send(None, "stream", said)
    assert session.sent == [
        ("stream", said, {}),
        ("stream", hidden, {"ident": b"x"}),
        ({"msg_type": "error", "content": hidden}, None, {}),
        ("execute_input", said, {}),
        ("stream", said, {}),
    ]
    assert said["text"] == "it is hunter22"


def test_an_error_hides_nothing_of_its_text(workspace: Path) -> None:
    """What turns text around is shown in errors, and colours stay; outputs are the person's own."""
    session = Session()
    outputs = MaskedOutputs(SimpleNamespace(kernel=SimpleNamespace(session=session)))
    outputs.install()
    said, shown = "\x1b[31m\u202egnp.exe\x9b", "\x1b[31m\\u202egnp.exe\\u009b"
    error = {"ename": "ValueError", "evalue": said, "traceback": [said, said]}
    session.send(None, "error", error)
    session.send(None, {"msg_type": "execute_reply", "content": {"status": "error", **error}})
    session.send(None, "execute_reply", {"status": "ok"})
    session.send(None, "stream", {"text": said})
    outputs.remove()
    expected = {"ename": "ValueError", "evalue": shown, "traceback": [shown, shown]}
    assert [content or kind["content"] for kind, content, _ in session.sent] == [
        expected,
        {"status": "error", **expected},
        {"status": "ok"},
        {"text": said},
    ]
    assert error["evalue"] == said


def test_a_shell_without_a_kernel_is_left_alone() -> None:
    """Terminals have no messages."""
    shell = SimpleNamespace()
    outputs = MaskedOutputs(shell)
    outputs.install()
    assert vars(shell) == {}
    outputs.remove()
