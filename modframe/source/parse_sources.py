"""What people give to ``app.load`` and ``app.plan``, as sources; called by those verbs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import WorkspaceError
from ..spec import module_id_of
from .source import Source


def parse_sources(
    given: Any, module_id: str | None, find: Callable[[str | Path], Source]
) -> list[Source]:
    """One source or a list of them.

    Args:
        given: An id, a folder, a ``{file: text}`` mapping, or a list of those, in which a mapping
            comes as ``(id, mapping)``.
        module_id: The id of a mapping.
        find: Reads what an id or a folder stands for.

    Raises:
        WorkspaceError: If it is none of them.
    """
    several = given if isinstance(given, list | tuple) else [given]
    return [_source(one, module_id, find) for one in several]


def _source(given: Any, module_id: str | None, find: Callable[[str | Path], Source]) -> Source:
    if isinstance(given, tuple) and len(given) == 2:
        module_id, given = given
    if isinstance(given, Source):
        return given
    if isinstance(given, Mapping):
        if module_id is None:
            raise WorkspaceError(
                "a mapping of texts needs an id", cure="give it as app.load({...}, id='orders')"
            )
        return Source.from_texts(module_id_of(module_id), given)
    if not isinstance(given, str | Path):
        raise WorkspaceError(
            f"{given!r} is no source",
            cure="give an id, a folder, or a {file: text} mapping with id=",
        )
    return find(given)
