"""Findings about settings that nobody reads: misspelt keys and variables, with the nearest name.

Called by `resolve`. They never fail a load.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ...finding import Finding
from ...wording import nearest, some
from .fields import FieldNames
from .files import DOTENV, Variables

RULE = "unknown-setting"
_SIMILAR = 0.7
"""A variable that begins with a module's prefix may be someone else's: it has to be similar."""


def unknown_keys(names: FieldNames, keys: Iterable[str], place: str) -> Iterator[Finding]:
    """Yield a finding for each key that is no field; ``place`` is where it was given."""
    for key in keys:
        if names.field_of(key) is None:
            meant = nearest(key, names.keys)
            yield _finding(
                f"{key!r} in {place} is no setting of {names.model.__name__}",
                f"write {meant!r}" if meant else f"it has {some(names.keys, 8)}",
            )


def unknown_variables(
    names: FieldNames, variables: Iterable[str], delimiter: str | None
) -> Iterator[Finding]:
    """Yield a finding for each variable of the environment that is nearly one of a field."""
    for name, meant in _misspelt(names, variables, delimiter):
        yield _finding(
            f"the variable {name} sets nothing of {names.model.__name__}", f"write {meant}"
        )


def unknown_lines(names: FieldNames, dotenv: Variables, delimiter: str | None) -> Iterator[Finding]:
    """Yield a finding for each line of a ``.env`` that can't be read, or misspells a variable."""
    for line in dotenv.bad_lines:
        yield _finding(
            "it can't be read, and is left out", "write NAME=value", file=DOTENV, line=line
        )
    for name, meant in _misspelt(names, dotenv.values, delimiter):
        yield _finding(
            f"{name} sets nothing of {names.model.__name__}",
            f"write {meant}",
            file=DOTENV,
            line=dotenv.lines.get(name, 0),
        )


def _misspelt(
    names: FieldNames, variables: Iterable[str], delimiter: str | None
) -> Iterator[tuple[str, str]]:
    """Yield each misspelt variable with the one that is meant."""
    prefix = names.prefix.upper()
    known: Mapping[str, str] = {}
    for variable in variables:
        name = variable.upper()
        if not name.startswith(prefix):
            continue
        known = known or names.variables
        if name in known or (
            delimiter and any(name.startswith(f"{one}{delimiter.upper()}") for one in known)
        ):
            continue
        fields = [one.removeprefix(prefix) for one in known if one.startswith(prefix)]
        if meant := nearest(name.removeprefix(prefix), fields, cutoff=_SIMILAR):
            yield name, f"{prefix}{meant}"


def _finding(message: str, cure: str, *, file: str = "", line: int = 0) -> Finding:
    return Finding(RULE, "warning", message, cure=cure, file=file, line=line)
