"""`Progress`: how far a running task says it is."""

from __future__ import annotations

from typing import NamedTuple


class Progress(NamedTuple):
    """How much is done, of how much if that is known, and what is counted.

    >>> str(Progress(3, 4, "files")), str(Progress(3, None, ""))
    ('3 of 4 files', '3')
    """

    done: float
    total: float | None
    text: str

    def __str__(self) -> str:
        of = f" of {self.total:g}" if self.total is not None else ""
        return f"{self.done:g}{of} {self.text}".rstrip()
