"""`MaskedOutputs`: what a kernel sends to be shown below cells, and saved there, without secrets.

All outputs of a kernel are messages of one `Session`: streams, displayed values, tracebacks. The
extension has those messages pass through here, so that a notebook that is saved, or put into a
repository, holds no secret of a live module's settings.
"""

from __future__ import annotations

from typing import Any

from ..process import known_secrets

_SHOWN = frozenset(
    {"stream", "display_data", "update_display_data", "execute_result", "error"}
    | {"execute_reply", "inspect_reply"}
)


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
        secrets = known_secrets()
        if secrets:
            message = isinstance(msg_or_type, dict)
            kind = msg_or_type.get("msg_type") if message else msg_or_type
            if kind in _SHOWN and message:
                shown = secrets.replace_in(msg_or_type["content"])
                msg_or_type = {**msg_or_type, "content": shown}
            elif kind in _SHOWN:
                content = secrets.replace_in(content)
        return self._send(stream, msg_or_type, content, *args, **options)
