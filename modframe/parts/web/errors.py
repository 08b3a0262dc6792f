"""The web part's branch of the error tree: raised while building, and while answering."""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import Finding, ModframeError


class WebError(ModframeError):
    """Raised when a module's routes can't be served as they are written; nothing live changed.

    Attributes:
        module_id: Whose routes.
        findings: Every fault, each with its place and cure.
        file: File of the first, as its code names it; empty if unknown.
        line: Line of the first; 0 if unknown.
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
            rows = "".join(f"\n  - {one}" for one in self.findings)
            text = f"{len(self.findings)} faults in its routes{rows}"
        super().__init__(text, subject=module_id)
        self.cure = first.cure

    @property
    def reason(self) -> str:
        """All faults, without the module's id; each already ends with its cure."""
        return self.message


class BrokenResponseError(ModframeError, RuntimeError):
    """Raised, for the server to close the connection, when a response broke off half way.

    Attributes:
        module_id: Whose handler failed.
        correlation_id: What its log line carries.
    """


class ReconnectError(OSError):
    """Raised where a handler sends to a stream that was told to reconnect.

    An `OSError`, as a server raises where the client has left: Starlette ends the handler then.
    """
