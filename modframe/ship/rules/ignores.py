"""MF0..: ``# modframe: ignore[MF101] reason``, which takes a finding off one line.

In come a module's files and the findings about them; out come those that remain, and findings about
comments that have no reason, name no rule, or take nothing off. A comment that has its line for
itself is about the next line of code.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...finding import Finding
from ...wording import near, otherwise
from .parsed import ParsedFile, ParsedModule, Place
from .rule import Rule

_COMMENT = re.compile(r"#\s*modframe:\s*ignore\b(?:\s*\[(?P<codes>[^\]]*)\])?(?P<reason>.*)")
_MARK = "modframe:"


@dataclass(frozen=True, slots=True)
class Ignore:
    """One comment: the line it is about, the codes it names, and the reason it gives."""

    file: str
    line: int
    codes: tuple[str, ...]
    reason: str
    place: Place = field(compare=False)

    def covers(self, finding: Finding) -> bool:
        """Return whether it takes a finding off: one on its line with a code, and no error."""
        if not self.reason or finding.level == "error" or finding.code not in self.codes:
            return False
        return finding.file == self.file and finding.line in (self.line, self.place["line"])


def apply_ignores(
    module: ParsedModule, findings: Sequence[Finding], known: Mapping[str, Rule]
) -> Iterator[Finding]:
    """Yield the findings that no comment takes off, and those about the comments.

    ``known`` has every rule by its code.
    """
    ignores = [ignore for parsed in module.files for ignore in _ignores(parsed)]
    used: set[tuple[Ignore, str]] = set()
    for finding in findings:
        covering = [ignore for ignore in ignores if ignore.covers(finding)]
        used |= {(ignore, finding.code) for ignore in covering}
        if not covering:
            yield finding
    for ignore in ignores:
        yield from _faults(ignore, known)
        for code in ignore.codes:
            ran = code in known and known[code].about in module.aspects
            if ignore.reason and ran and (ignore, code) not in used:
                yield _finding(UNUSED, f"there is no {code} on this line", ignore)


def _ignores(parsed: ParsedFile) -> Iterator[Ignore]:
    if _MARK not in parsed.content.code:
        return
    lines = io.StringIO(parsed.content.code, newline=None).readlines()
    for token in tokenize.generate_tokens(iter(lines).__next__):
        match = _COMMENT.match(token.string) if token.type == tokenize.COMMENT else None
        if match is None:
            continue
        line = token.start[0]
        if not lines[line - 1][: token.start[1]].strip():
            line = next(
                (n for n, text in enumerate(lines[line:], line + 1) if _is_code(text)), line
            )
        offset = parsed.content.first_line - 1
        yield Ignore(
            parsed.file,
            line + offset,
            tuple(code.strip() for code in (match["codes"] or "").split(",") if code.strip()),
            match["reason"].strip(" :-"),
            {"file": parsed.file, "line": token.start[0] + offset, "cell": parsed.content.cell},
        )


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _faults(ignore: Ignore, known: Mapping[str, Rule]) -> Iterator[Finding]:
    if not ignore.codes:
        yield _finding(UNKNOWN, "the comment names no rule", ignore)
    for code in ignore.codes:
        if code not in known:
            cure = otherwise(near(code, known), UNKNOWN.cure)
            yield _finding(UNKNOWN, f"there is no rule {code!r}", ignore, cure)
    if not ignore.reason:
        yield _finding(NO_REASON, "the comment gives no reason, so it takes nothing off", ignore)


def _finding(rule: Rule, message: str, ignore: Ignore, cure: str = "") -> Finding:
    return Finding(
        rule.name, rule.level, message, cure=cure or rule.cure, code=rule.code, **ignore.place
    )


NO_REASON = Rule(
    "MF001",
    "ignore-without-reason",
    "warning",
    what="A comment takes a finding off and gives no reason. It takes nothing off.",
    why="Whoever reads the line later has to know why the rule does not hold there.",
    example="print(banner)  # modframe: ignore[MF101]",
    cure="write the reason behind the bracket",
    cured="print(banner)  # modframe: ignore[MF101] the banner is for the terminal",
)
UNKNOWN = Rule(
    "MF002",
    "ignore-unknown-code",
    "warning",
    what="A comment names a code that no rule has, or no code at all.",
    why="It takes nothing off, though it looks as if it did.",
    example="print(banner)  # modframe: ignore[MF1O1] the banner is for the terminal",
    cure="name a rule: # modframe: ignore[MF101] reason",
    cured="print(banner)  # modframe: ignore[MF101] the banner is for the terminal",
)
UNUSED = Rule(
    "MF003",
    "unused-ignore",
    "info",
    what="A comment names a rule that its line does not break.",
    why="The fault was mended; the next one on this line would pass unseen.",
    example='logger.info("started")  # modframe: ignore[MF101] the banner is for the terminal',
    cure="take the comment out",
    cured='logger.info("started")',
)
RULES = (NO_REASON, UNKNOWN, UNUSED)
