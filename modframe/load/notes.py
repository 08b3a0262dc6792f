"""`Notes`: the findings of a read, each at the line of what it is about."""

from __future__ import annotations

from dataclasses import replace

from ..errors import Finding
from ..source import Source
from ..spec import Fact
from .text import Text, understand


class Notes:
    """Collects findings about one executed source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.findings: list[Finding] = []

    def error(self, rule: str, message: str, cure: str, *, at: Fact | str = "") -> None:
        """Note what keeps the module from loading.

        Args:
            rule: The rule's stable name.
            message: What is wrong.
            cure: What to do.
            at: The decorator it is about, or a class or constant of ``api.py``.
        """
        self._note(Finding(rule, "error", message, cure=cure), at)

    def warn(self, rule: str, message: str, cure: str, *, at: Fact | str = "") -> None:
        """Note what the module loads with."""
        self._note(Finding(rule, "warning", message, cure=cure), at)

    def _note(self, finding: Finding, at: Fact | str) -> None:
        file, line = self._place(at)
        cell = self.source.files[file].cell
        self.findings.append(replace(finding, file=file, line=line, cell=cell))

    def _place(self, at: Fact | str) -> tuple[str, int]:
        if isinstance(at, Fact):
            file = self.source.file_named(at.filename)
            return (file, at.line) if file else ("api.py", 0)
        text = understand(self.source.files["api.py"])
        return "api.py", text.lines.get(at, 0) if isinstance(text, Text) else 0
