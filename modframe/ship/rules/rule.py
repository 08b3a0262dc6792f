"""`Rule`: one demand of the guide, with its code and its page; `Hit`: one place that breaks it.

The files of this room each declare the rules of one topic. `check` runs all of them; their pages
are what ``modframe compliance explain`` prints, and ``docs/compliance.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from ...finding import Finding, Level
from .parsed import ParsedModule, Place


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that breaks a rule: what is wrong there, and a cure if it isn't the rule's."""

    message: str
    place: Place
    cure: str = ""


Check = Callable[[ParsedModule], Iterator[Hit]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One demand of the guide.

    Attributes:
        code: ``MF`` and three digits; the first is the topic. A code is never used again.
        name: The same in words, which `Finding.rule` has.
        level: ``error`` for what can't work, ``warning`` for what the guide forbids, ``info`` for
            what is worth knowing.
        what: What the rule reports, as a sentence.
        why: Why the guide demands it.
        example: Code that breaks it.
        cure: What to do, as a sentence without a full stop.
        cured: The example, as the rule wants it.
        check: Yields the places that break it; ``None`` if the load itself reports it.
        about: What it looks at: the ``text``, also of a module that can't be loaded; what the
            ``load`` told, in both forms; or only the ``guide``'s form.
    """

    code: str
    name: str
    level: Level
    what: str
    why: str
    example: str
    cure: str
    cured: str
    check: Check | None = field(default=None, repr=False)
    about: Literal["text", "load", "guide"] = "text"

    def findings(self, module: ParsedModule) -> Iterator[Finding]:
        """Yield a finding for every place of a module that breaks the rule."""
        if self.check is None or self.about not in module.aspects:
            return
        for hit in self.check(module):
            yield Finding(
                self.name,
                self.level,
                hit.message,
                cure=hit.cure or self.cure,
                code=self.code,
                **hit.place,
            )
