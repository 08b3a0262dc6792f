"""`Explanation`: the page of a code that modframe itself gives: what, why, cure.

The pages stand in `docs/codes.md`, which travels with the package. The service of
`core.error_handler` and ``modframe errors --explain`` call `explain`. A code is that of a `Result`,
the rule of a `Finding`, or the name of an exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from .errors import ModframeError
from .wording import near

_PACKAGE = Path(__file__).parent
_PLACES = (_PACKAGE.parent / "docs" / "codes.md", _PACKAGE / "_data" / "docs" / "codes.md")
"""Where the pages are in a checkout, and in an installed wheel."""
_PAGE = re.compile(
    r"^## (?P<code>\S+)\n\n(?P<what>.+?)\n\nWhy: (?P<why>.+?)\n\nCure: (?P<cure>.+?)(?=\n\n|\s*\Z)",
    re.M | re.S,
)
_STEP = "<step>"
"""Stands in a code for a step of a load: ``<step>-failed`` is the page of ``phase2-failed``."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The page of a code.

    Attributes:
        code: The code.
        what: What it means. ``why``: how it comes about. ``cure``: what to do.
    """

    code: str
    what: str
    why: str
    cure: str

    def to_dict(self) -> dict[str, str]:
        """Return it as JSON-ready data."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.code}\n\n{self.what}\n\nWhy:  {self.why}\n\nCure: {self.cure}"


@cache
def explanations() -> Mapping[str, Explanation]:
    """Return all pages by code, in the order in which they stand.

    Raises:
        ModframeError: If they are not there.
    """
    path = next(filter(Path.is_file, _PLACES), None)
    if path is None:
        raise ModframeError(
            f"codes.md is in neither of {', '.join(map(str, _PLACES))}",
            cure="install modframe again",
        )
    return {page.code: page for page in _pages(path.read_text(encoding="utf-8"))}


def explain(code: str) -> Explanation | None:
    """Return the page of a code, in whichever case it is written; ``None`` without one.

    >>> explain("settings_unavailable").code
    'SETTINGS_UNAVAILABLE'
    """
    pages = {page.code.casefold(): page for page in explanations().values()}
    wanted = code.strip().casefold()
    of_a_step = f"{_STEP}-failed" if wanted.endswith("-failed") else ""
    return pages.get(wanted) or pages.get(of_a_step)


def unknown_code(code: str) -> str:
    """Return the sentence that says that a code has no page, with the nearest that has one."""
    known = list(explanations())
    spellings = [*known, *map(str.lower, known)]
    hint = near(code, spellings) or "codes of your own modules are explained by their authors; "
    return f"modframe gives no code {code!r}; {hint}docs/codes.md has all"


def _pages(text: str) -> Iterator[Explanation]:
    for page in _PAGE.finditer(text):
        facts = {name: " ".join(value.split()) for name, value in page.groupdict().items()}
        yield Explanation(**facts)
