"""`CATALOGUE`: every rule, by its code; and the pages about them.

`check` runs the rules, ``modframe compliance explain`` prints a page, and ``docs/compliance.md`` is
all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import ModuleType

from ...errors import UnknownRuleError
from ...finding import Finding
from ...wording import near
from . import code, data, ignores, integrity, module_class, packages, routes, services, settings
from .ignores import apply_ignores
from .parsed import ParsedModule
from .rule import Rule

_TOPICS: Mapping[str, ModuleType] = {
    "Comments that take findings off": ignores,
    "Code": code,
    "The module class": module_class,
    "Settings": settings,
    "Databases": data,
    "Routes": routes,
    "Services": services,
    "Integrity": integrity,
    "Packages": packages,
}
CATALOGUE: Mapping[str, Rule] = {
    rule.code: rule for topic in _TOPICS.values() for rule in topic.RULES
}
_BY_NAME = {rule.name: rule for rule in CATALOGUE.values()}


def find_rule(text: str) -> Rule:
    """Return a rule by its code or its name.

    Raises:
        UnknownRuleError: If there is none; with the nearest one.
    """
    rule = CATALOGUE.get(text.upper()) or _BY_NAME.get(text.lower())
    if rule is None:
        hint = near(text.upper(), CATALOGUE) or near(text.lower(), _BY_NAME)
        raise UnknownRuleError(
            f"there is no rule {text!r}",
            cure=f"{hint}'modframe compliance explain' prints all of them",
            usage=True,
        )
    return rule


def apply_rules(module: ParsedModule, told: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return what is wrong with a module: what its load told, and what breaks a rule.

    What the load told gets its code, if it has one. Errors come first, then what has no code, then
    the rules in their order.
    """
    findings = [
        replace(one, code=_BY_NAME[one.rule].code) if one.rule in _BY_NAME else one for one in told
    ]
    for rule in CATALOGUE.values():
        findings += rule.findings(module)
    remaining = apply_ignores(module, findings, CATALOGUE)
    return tuple(sorted(remaining, key=lambda one: (one.level != "error", one.code)))


# -- pages -------------------------------------------------------------------------------------


def page(rule: Rule) -> str:
    """Return what is to be known of a rule, as Markdown."""
    return "\n".join(
        [
            f"### {rule.code} {rule.name}",
            "",
            f"Level: {rule.level}. {_ABOUT[rule.about]}",
            "",
            rule.what,
            "",
            f"**Why.** {rule.why}",
            "",
            "```python",
            f"# {rule.code}",
            rule.example,
            "",
            "# as it should be",
            rule.cured,
            "```",
            "",
            f"**Cure.** {rule.cure[0].upper()}{rule.cure[1:]}.",
            "",
        ]
    )


_ABOUT = {
    "text": "Reads the text, also of a module that can't be loaded.",
    "load": "Looks at the loaded module, in both forms.",
    "guide": "Only in the guide's form.",
}


def reference() -> str:
    """Return ``docs/compliance.md``: how to check modules, and the page of every rule."""
    return "\n".join([_INTRODUCTION, *_table(), "", *_sections()])


def _table() -> Iterator[str]:
    yield "| code | rule | level | reports |"
    yield "| --- | --- | --- | --- |"
    for rule in CATALOGUE.values():
        first = re.split(r"(?<=\.)\s", rule.what)[0]
        yield f"| {rule.code} | `{rule.name}` | {rule.level} | {first} |"


def _sections() -> Iterator[str]:
    for title, topic in _TOPICS.items():
        yield f"## {title}\n"
        yield from map(page, topic.RULES)


_INTRODUCTION = """\
# Compliance

`modframe compliance` checks whether modules would load, and whether they do what the module
development guide demands. It starts nothing and touches no data.

```bash
modframe compliance validate --module standard.orders
modframe compliance validate --all --strict --format github
modframe compliance explain MF101
```

`app.check("orders")` returns the same findings for a module in a notebook: of its draft if cells
hold one, else of what is live, each with its cell and line.

A finding has a level. An `error` is what can't work: exit status 1. A `warning` is what the guide
forbids: status 0, or 1 with `--strict`. An `info` never changes the status.

| option | does |
| --- | --- |
| `--module ID` | checks one module, also one of modframe's own such as `core.settings` |
| `--all` | checks every module below `modules/`; so does leaving out both |
| `--strict` | lets warnings end with status 1, as errors do |
| `--format text` | a line for each finding: level, place, message, cure, code and name |
| `--format json` | the same as data, see below |
| `--format github` | workflow commands, which GitHub shows beside the changed lines |

The JSON is `{"findings": [{"rule", "level", "file", "line", "message", "cure"}]}`, where `rule` is
the rule's name. Its `code` comes with it if it has one, `cell` if it is in a cell, and `module` if
several modules are checked.

Loading is stopped only by what can't run, such as a name that nothing defines or a decorator of the
guide's form that is missing. Those findings have a name and no code. A warning or note with a code
never keeps a module from loading, and one line can be excepted from it, with the reason:

```python
print(banner)  # modframe: ignore[MF101] the banner is for the terminal
```

The comment stands on the line that the finding names, or alone on the line above. Several codes are
separated by commas. Without a reason it takes nothing off, and is a finding itself.
"""
