"""`MaskedOutputs`: what a kernel sends to be shown below cells, and saved there, safe to show.

All outputs of a kernel are messages of one `Session`: streams, displayed values, tracebacks. The
extension has those messages pass through here, so that a notebook that is saved, or put into a
repository, holds no secret of a live module's settings. In errors, whose texts may come from a
client, what would turn the text around is escaped; what a cell prints or shows is the person's own.
"""

from __future__ import annotations

from typing import Any

from ..process import known_secrets
from ..wording import escape_turns

_SHOWN = frozenset(
    {"stream", "display_data", "update_display_data", "execute_result", "error"}
    | {"execute_reply", "inspect_reply"}
)
_ERRORS = frozenset({"error", "execute_reply"})


class MaskedOutputs:
    """The outputs of one shell's kernel; a shell without a kernel has none."""

    def __init__(self, shell: Any) -> None:
        self._session = getattr(getattr(shell, "kernel", None), "session", None)
        self._send: Any = None

    def install(self) -> None:
        """Begin to mask."""
        if self._session is not None:
            self._send, self._session.send = self._session.send, self._masked_send

    def remove(self) -> None:
        """Send outputs as they are again."""
        if self._session is not None and self._session.send == self._masked_send:
            del self._session.send

    def _masked_send(
        self, stream: Any, msg_or_type: Any, content: Any = None, *args: Any, **options: Any
    ) -> Any:
        if isinstance(msg_or_type, dict):
            kind = msg_or_type.get("msg_type")
            if kind in _SHOWN:
                shown = _safe(kind, msg_or_type["content"])
                msg_or_type = {**msg_or_type, "content": shown}
        elif msg_or_type in _SHOWN:
            content = _safe(msg_or_type, content)
        return self._send(stream, msg_or_type, content, *args, **options)


def _safe(kind: str, content: Any) -> Any:
    """Return the content of a message without secrets, and of an error without what hides text."""
    if secrets := known_secrets():
        content = secrets.replace_in(content)
    if kind in _ERRORS and isinstance(content, dict) and "traceback" in content:
        lines = [escape_turns(line) for line in content["traceback"]]
        content = {**content, "evalue": escape_turns(content["evalue"]), "traceback": lines}
    return content
