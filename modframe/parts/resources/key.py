"""`key_of`: from a factory and its arguments to the `Key` that identifies a resource.

For module code a key holds names and text, never the function itself, because a generation must be
freed although its resource lives on. Objects from outside of modules are held as they are.
"""

from __future__ import annotations

import ast
import inspect
import io
import marshal
import pickle
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from textwrap import dedent
from typing import Any

from ...errors import ResourceError
from ...names import package_in, plain_names
from ...runtime.ownership import callable_name
from ...source import Source

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))


@dataclass(frozen=True, slots=True)
class Key:
    """Identifies a resource by its module, its factory and the factory's arguments.

    Attributes:
        name: The name that messages use; keys that differ only in it are equal.
    """

    module_id: str
    factory: Any
    arguments: Any
    name: str = field(default="", compare=False)


def key_of(source: Source, factory: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Key:
    """Return the key of what a factory makes from arguments, for the module that asks.

    Raises:
        ResourceError: If the factory can't make a resource, or an argument can't be compared.
    """
    freezer = _Freezer(source, callable_name(factory))
    frozen = freezer.factory(factory)
    try:
        hash(frozen)
    except TypeError as exc:
        raise ResourceError(
            f"{factory!r} can't be told from other factories, for it has no hash",
            cure="give a function, a class, or a functools.partial of one",
        ) from exc
    return Key(source.module_id, frozen, freezer.arguments(args, kwargs), freezer.name)


class _Freezer:
    """Turns factories and arguments into values that can be compared and hold no generation."""

    def __init__(self, source: Source, name: str) -> None:
        self._source = source
        self.name = name

    # -- factories ------------------------------------------------------------------------

    def factory(self, factory: Any) -> Any:
        if isinstance(factory, partial):
            arguments = self.arguments(factory.args, factory.keywords)
            return "partial", self.factory(factory.func), arguments
        if inspect.ismethod(factory):
            owner = factory.__self__
            if package_in(factory.__func__.__module__) or _is_own(owner):
                kind = owner if isinstance(owner, type) else type(owner)
                return "method", _plain_name(kind), self.factory(factory.__func__)
            return "object", factory
        if isinstance(factory, type) or inspect.isfunction(factory):
            return self._code(factory) if _is_own(factory) else ("object", factory)
        wrapped = getattr(factory, "__wrapped__", None)
        if wrapped is not None and _is_own(wrapped):  # such as functools.lru_cache's
            return "wrapped", type(factory), self.factory(wrapped)
        if not callable(factory) or _is_own(type(factory)):
            raise ResourceError(
                f"{factory!r} can't make a resource",
                cure="give a function, a class, or a functools.partial of one",
            )
        return "object", factory

    def _code(self, own: Any) -> Any:
        """Return name, text and closure of a function, or name and text of a class."""
        text = self._text(own)
        if isinstance(own, type):
            return "class", _plain_name(own), text
        values = [self.value((own.__defaults__ or (), own.__kwdefaults__ or {}), "by default")]
        for name, cell in zip(own.__code__.co_freevars, own.__closure__ or (), strict=True):
            values.append(self.value(cell.cell_contents, f"{name}, from around it"))
        if own.__name__ == "<lambda>":  # a line may hold several
            values.append(marshal.dumps((own.__code__.co_code, own.__code__.co_names)))
        return "function", _plain_name(own), text, tuple(values)

    def _text(self, own: Any) -> str:
        text = _text_in(self._source, own)
        if not text:
            try:
                text = inspect.getsource(own)
            except (OSError, TypeError) as exc:
                raise ResourceError(
                    f"the text of {callable_name(own)!r} can't be read, so that nobody can tell "
                    "whether it has changed",
                    cure="let the factory be a function of one of the module's files",
                ) from exc
        return dedent(text).strip()

    # -- arguments ------------------------------------------------------------------------

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        named = tuple(sorted((name, self.value(value, name)) for name, value in kwargs.items()))
        positional = (self.value(value, str(number)) for number, value in enumerate(args, 1))
        return tuple(positional), named

    def value(self, value: Any, place: str = "") -> Any:
        """Return the frozen form of a value, equal for equal values; errors name its ``place``."""
        kind = type(value)
        if kind in _PLAIN:
            return kind, value
        if kind in (tuple, list):
            return kind, tuple(self.value(item, place) for item in value)
        if kind in (set, frozenset):
            return kind, frozenset(self.value(item, place) for item in value)
        if kind is dict:
            return kind, frozenset((key, self.value(item, place)) for key, item in value.items())
        if inspect.isroutine(value) or isinstance(value, type | partial):
            return self.factory(value)
        return self._pickled(value) or self._itself(value, place)

    def _pickled(self, value: Any) -> Any:
        if isinstance(value, types.ModuleType):
            return None
        buffer = io.BytesIO()
        try:
            _Pickler(buffer).dump(value)
        except Exception:  # noqa: BLE001  # an object's own reduction may raise anything; `_itself` follows
            return None
        return _plain_name(type(value)), buffer.getvalue()

    def _itself(self, value: Any, place: str) -> Any:
        """Return an object that can't be pickled as it is, unless a module defines its class."""
        if not _is_own(type(value)) and not type(value).__module__.startswith("modframe."):
            try:
                hash(value)
            except TypeError:
                text = repr(value)
                if " at 0x" not in text:
                    return type(value), text
            else:
                return "object", value
        raise ResourceError(
            f"the resource {self.name!r} can't be told from others by its argument {place}, "
            f"of type {type(value).__name__}",
            cure="give plain values that the factory makes such a thing from",
        )


class _Pickler(pickle.Pickler):
    """Pickles what modules define by its plain name, which is the same in each generation."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.fast = True  # no memo, so that equal objects and one object used twice pickle alike

    def persistent_id(self, obj: Any) -> Any:
        """Return the name of what module code defines; ``None`` for other objects."""
        if isinstance(obj, type) or inspect.isroutine(obj):
            return _plain_name(obj) if _is_own(obj) else None
        return None


def _is_own(thing: Any) -> bool:
    """Return whether module code defines a class, a function, or an object's ``__module__``."""
    return bool(package_in(getattr(thing, "__module__", "")))


def _plain_name(thing: Any) -> tuple[str, str]:
    module = plain_names(str(getattr(thing, "__module__", "")))
    return module, str(getattr(thing, "__qualname__", type(thing).__qualname__))


def _text_in(source: Source, own: Callable[..., Any]) -> str:
    """Return the lines of a function or class in the source that it was made from.

    ``linecache`` may hold a newer text under the same name.
    """
    function = inspect.unwrap(own)
    code = getattr(function, "__code__", None)
    if code is not None:
        file = source.file_named(code.co_filename)
        lines = source.files[file].lines[code.co_firstlineno - 1 :] if file else []
        return "".join(inspect.getblock(lines)) if lines else ""
    for content in source.files.values():
        definition = _class_in(ast.parse(content.code), own.__qualname__.split("."))
        if definition is not None:
            return ast.get_source_segment(content.code, definition) or ""
    return ""


def _class_in(tree: ast.AST, path: list[str]) -> ast.ClassDef | None:
    for name in path:
        definitions = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
        definition = next((node for node in definitions if node.name == name), None)
        if definition is None:
            return None
        tree = definition
    return tree if isinstance(tree, ast.ClassDef) else None
