"""`read_declared`: what a workspace says of its surroundings, for every way it is started.

``[tool.modframe]`` of its ``pyproject.toml`` has ``cors``, ``middleware``, ``static``,
``exception_handlers`` and ``lifespan``; ``MODFRAME_CORS`` and ``MODFRAME_MIDDLEWARE`` stand in
place of the first two. Names such as ``"timing:Timing"`` are imported; the workspace is on the
path then.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ...errors import ModframeError
from ...source.workspace import project_settings
from .errors import SurroundingsError
from .surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...config import FrameworkSettings

_PLACE = "[tool.modframe] of pyproject.toml"


class _Static(BaseModel):
    model_config = ConfigDict(extra="forbid")

    folder: str
    spa: bool = False


class _Middleware(BaseModel):
    """A table with ``use``, the class, and its options beside it."""

    model_config = ConfigDict(extra="allow")

    use: str


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


def _with_folder(value: Any) -> Any:
    return {"folder": value} if isinstance(value, str) else value


def _with_use(value: Any) -> Any:
    return {"use": value} if isinstance(value, str) else value


class _Declared(BaseModel):
    """The keys of ``[tool.modframe]`` that are about the surroundings."""

    cors: Annotated[list[str], BeforeValidator(_one_or_many)] = Field(default_factory=list)
    middleware: Annotated[
        list[Annotated[_Middleware, BeforeValidator(_with_use)]], BeforeValidator(_one_or_many)
    ] = Field(default_factory=list)
    static: dict[str, Annotated[_Static, BeforeValidator(_with_folder)]] = Field(
        default_factory=dict
    )
    exception_handlers: dict[str, str] = Field(default_factory=dict)
    lifespan: Annotated[list[str], BeforeValidator(_one_or_many)] = Field(default_factory=list)


def read_declared(workspace: Path, config: FrameworkSettings) -> Surroundings:
    """Return the surroundings that a workspace and the environment declare.

    Raises:
        SurroundingsError: If something of it is wrong; it says where it stands.
    """
    declared = _read(project_settings(workspace))
    around = Surroundings()
    with _said_in("MODFRAME_CORS" if config.cors else f"cors in {_PLACE}"):
        around.allow_origins(config.cors or declared.cors)
    stated = [_Middleware(use=name) for name in config.middleware] or declared.middleware
    place = "MODFRAME_MIDDLEWARE" if config.middleware else f"middleware in {_PLACE}"
    for one in reversed(stated):  # the first one is outermost, as in a list of FastAPI's
        with _said_in(place):
            around.add_middleware(_named(one.use, workspace), one.model_extra or {})
    for path, static in declared.static.items():
        with _said_in(f"static in {_PLACE}"):
            around.mount_static(path, workspace / static.folder, spa=static.spa)
    for key, name in declared.exception_handlers.items():
        with _said_in(f"exception_handlers in {_PLACE}"):
            what = int(key) if key.isdigit() else _named(key, workspace)
            around.handle(what, _named(name, workspace))
    for name in declared.lifespan:
        with _said_in(f"lifespan in {_PLACE}"):
            around.add_lifespan(_named(name, workspace))
    return around


def _read(settings: Mapping[str, Any]) -> _Declared:
    try:
        return _Declared.model_validate(dict(settings))
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc'][:2]))}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise SurroundingsError(
            f"{_PLACE} can't be read: {'; '.join(faults)}",
            cure="docs/serving.md shows each key with an example",
        ) from None


@contextmanager
def _said_in(place: str) -> Iterator[None]:
    """Let an error say where what it is about is declared."""
    try:
        yield
    except SurroundingsError as error:
        raise SurroundingsError(f"{place}: {error.message}", cure=error.cure) from error.__cause__


def _named(name: str, workspace: Path) -> Any:
    """Import what ``"package.module:name"`` means; a name alone is a builtin, such as an error.

    Raises:
        SurroundingsError: If it can't be imported.
    """
    place, _, attribute = name.partition(":")
    if not attribute:
        place, attribute = "builtins", name
    if (here := str(workspace)) not in sys.path:
        sys.path.append(here)
    try:
        found: Any = import_module(place)
        for step in attribute.split("."):
            found = getattr(found, step)
    except Exception as error:
        said = error.reason if isinstance(error, ModframeError) else str(error)
        raise SurroundingsError(
            f"{name!r} can't be imported: {type(error).__name__}: {said}",
            cure='write "module:name", with a module that is installed or lies in '
            f"{workspace.name or here}",
        ) from error
    return found
