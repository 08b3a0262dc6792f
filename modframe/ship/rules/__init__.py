"""The guide's demands as coded rules, one file a topic; `catalogue` has all of them."""

from .catalogue import CATALOGUE, apply_rules, find_rule, page, reference
from .parsed import ParsedModule
from .rule import Rule

__all__ = [
    "CATALOGUE",
    "ParsedModule",
    "Rule",
    "apply_rules",
    "find_rule",
    "page",
    "reference",
]
