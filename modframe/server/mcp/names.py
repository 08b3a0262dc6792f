"""`tool_name`: module and method → a name that every assistant takes, and no other method has.

Called for each tool. The names that most clients take have at most 64 of the characters ``a-z``,
``A-Z``, ``0-9``, ``_`` and ``-``, and some clients put ``mcp__<server>__`` in front.
"""

from __future__ import annotations

import hashlib
import re

from ...names import DEFAULT_TYPE

LONGEST = 48
"""The most characters of a name."""
_DIGITS = 8
_PLAIN = re.compile(r"[a-zA-Z0-9_-]+")
_OTHER = re.compile(r"[^a-zA-Z0-9_-]")


def tool_name(module_id: str, method: str) -> str:
    """Return ``<module>__<method>``, without the type of a standard module.

    A name that is too long, that has other characters, or that could be cut in two ways ends with a
    digest of module and method. It depends on nothing else, so no other module changes it.

    >>> tool_name("standard.orders", "place"), tool_name("extensions.orders", "place")
    ('orders__place', 'extensions-orders__place')
    >>> tool_name("standard.a__b", "c"), tool_name("standard.a", "b__c")
    ('a__b__c_b60a64a6', 'a__b__c_a23bd803')
    """
    kind, _, short = module_id.partition(".")
    module = short if kind == DEFAULT_TYPE else f"{kind}-{short}"
    name = f"{module}__{method}"
    ambiguous = "__" in short or short.endswith("_") or "__" in method
    if not ambiguous and len(name) <= LONGEST and _PLAIN.fullmatch(name):
        return name
    digest = hashlib.sha256(f"{module_id} {method}".encode()).hexdigest()[:_DIGITS]
    return f"{_OTHER.sub('_', name)[: LONGEST - _DIGITS - 1]}_{digest}"
