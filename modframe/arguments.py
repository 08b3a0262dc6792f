"""What an argument may be, in words and as a test; decorators and verbs check theirs with it.

In go the name of a verb and its arguments, each with its `Kind`; a wrong one raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .errors import ArgumentError


class Kind(NamedTuple):
    """What an argument is.

    Attributes:
        words: Such as ``"a number"``, to follow ``is`` in a sentence.
        fits: Returns whether a value is of the kind.
        secret: Whether a message has the type of a wrong value alone, and not the value.
    """

    words: str
    fits: Callable[[Any], bool]
    secret: bool = False


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_sequence_of(kind: type | tuple[type, ...], values: Any) -> bool:
    listed = isinstance(values, Sequence | set | frozenset) and not isinstance(values, str | bytes)
    return listed and all(isinstance(value, kind) for value in values)


def instance_of(kind: type) -> Kind:
    """Return the kind of the instances of a class."""
    return Kind(f"a {kind.__name__}", lambda value: isinstance(value, kind))


def list_of(words: str, *kinds: type) -> Kind:
    """Return the kind of the lists of instances of classes."""
    return Kind(words, lambda value: _is_sequence_of(kinds, value))


def mapping_of(words: str, kind: type) -> Kind:
    """Return the kind of the mappings of texts to instances of a class."""
    return Kind(words, lambda value: isinstance(value, Mapping) and _fits_all(value, kind))


def _fits_all(values: Mapping[Any, Any], kind: type) -> bool:
    return all(isinstance(key, str) and isinstance(value, kind) for key, value in values.items())


def optional(kind: Kind) -> Kind:
    """Return the kind of what is of a kind or ``None``."""
    return Kind(kind.words, lambda value: value is None or kind.fits(value), kind.secret)


TEXT = Kind("a text", _is_text)
FILLED = Kind("a text that isn't empty", lambda value: _is_text(value) and bool(value.strip()))
FLAG = Kind("True or False", lambda value: isinstance(value, bool))
WHOLE_NUMBER = Kind(
    "a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)
)
TIMES = Kind("a whole number, 0 or more", lambda value: WHOLE_NUMBER.fits(value) and value >= 0)
FOLDER = Kind("a folder, as text or a path", lambda value: isinstance(value, str | Path))
MODULE_IDS = list_of("a list of module ids", str, Path)
ORIGINS = list_of("a list of origins", str)
TOKEN = Kind("a text or None", lambda value: value is None or _is_text(value), secret=True)
SETTINGS = Kind("{module id: {key: value}}", lambda value: isinstance(value, Mapping), secret=True)
SETTINGS_OF_ONE = Kind("{key: value}", SETTINGS.fits, secret=True)


def check_arguments(verb: str, **given: tuple[Any, Kind]) -> None:
    """Check arguments by their names, each a pair of its value and its kind.

    Raises:
        ArgumentError: For the first that is of another kind.
    """
    for name, (value, kind) in given.items():
        if not kind.fits(value):
            shown = type(value) if kind.secret else value
            raise argument_error(verb, name, kind.words, shown)


def check_session(verb: str, database: object, purpose: object, **more: tuple[Any, Kind]) -> None:
    """Check what a session or a transaction is asked for with: its purpose is named in messages.

    Raises:
        ArgumentError: If an argument is of another kind, or the purpose is empty.
    """
    check_arguments(verb, database=(database, TEXT), purpose=(purpose, TEXT), **more)
    check_arguments(verb, purpose=(purpose, FILLED))


def argument_error(
    verb: str,
    name: str,
    wanted: str,
    value: object,
    *,
    kind: type[ArgumentError] = ArgumentError,
) -> ArgumentError:
    """Make the error for an argument that isn't what it has to be."""
    return kind(f"{verb}: {name} is {wanted}, not {value!r}", cure=f"write {name} as {wanted}")
