"""The errors of the web part: raised while routes are built, and while requests are answered."""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import ModframeError
from ...finding import Finding


class WebError(ModframeError):
    """Raised when a module's routes can't be served as they are written; nothing live changed.

    Attributes:
        findings: Every fault, each with its place and cure.
        file: The file of the first fault, as its code names it; empty if unknown.
        line: The line of the first fault; 0 if unknown.
    """

    rule = "web"

    def __init__(self, module_id: str, findings: Iterable[Finding]) -> None:
        self.module_id = module_id
        self.findings = tuple(findings)
        first = self.findings[0]
        self.file, self.line = first.file, first.line
        if len(self.findings) == 1:
            text = str(first)
        else:
            rows = "".join(f"\n  - {finding}" for finding in self.findings)
            text = f"{len(self.findings)} faults in its routes{rows}"
        super().__init__(text, subject=module_id)
        self.cure = first.cure

    @property
    def reason(self) -> str:
        """All faults, without the module's id; each already ends with its cure."""
        return self.message


class BrokenResponseError(ModframeError, RuntimeError):
    """Raised when a response broke off half way, so that the server closes the connection."""


class ReconnectError(OSError):
    """Raised when a handler sends to a stream whose client was told to reconnect.

    It is an `OSError`, as servers raise when the client has left, so that Starlette ends the
    handler.
    """
