"""The tone of a state: good, a warning, bad, or quiet; every display takes colours and marks by it.

In comes the word that names a state, out goes its tone. `html` gives a tone its colour on pages,
`cli.out` in terminals. A state is never told by colour alone: its mark and its word say it as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Tone = Literal["good", "warn", "bad", "quiet"]

MARKS: Mapping[Tone, str] = {"good": "●", "warn": "▲", "bad": "✖", "quiet": "○"}
"""What stands before the word of a state."""

_WORDS: Mapping[Tone, str] = {
    "good": "live ok done healthy running success passed written start swap",
    "warn": "blocked degraded warning warn draft starting stopping rebuild leaked retrying",
    "bad": "failed failed_unload error errors critical fail unhealthy refuse refused dead died",
    "quiet": "stopped disabled unknown unchanged stay superseded equal removed waiting cancelled "
    "ended info debug",
}  # fmt: skip
_TONES: Mapping[str, Tone] = {
    word: tone for tone, words in _WORDS.items() for word in words.split()
}


def tone_of(state: object) -> Tone | None:
    """Return the tone of a state; ``None`` for a text that begins with the word of none.

    >>> tone_of("LIVE"), tone_of("unhealthy, 3 in a row"), tone_of("2 errors"), tone_of("Tuesday")
    ('good', 'bad', 'bad', None)
    """
    words = str(state).replace(",", " ").lstrip("0123456789 ").split(maxsplit=1)
    return _TONES.get(words[0].casefold()) if words else None
