"""What tells one resource from another: a factory and its arguments in, a `Key` out.

Of module code only names and text go into a key, never the function: a generation must be able to
die although its resource lives on. Things from outside of modules stand for themselves.
"""

from __future__ import annotations

import ast
import inspect
import io
import marshal
import pickle
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    """What is made: whose it is, by what factory, from what arguments.

    Attributes:
        name: What to call it; not part of what tells it from others.
    """

    module_id: str
    made_by: Any
    given: Any
    name: str = ""

    def __hash__(self) -> int:
        return hash((self.module_id, self.made_by, self.given))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and (self.module_id, self.made_by, self.given) == (
            other.module_id,
            other.made_by,
            other.given,
        )


def key_of(source: Source, factory: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Key:
    """The key of what a factory makes from arguments.

    Args:
        source: The text of the module that asks.
        factory: The function or class.
        args: Its arguments. ``kwargs``: those by name.

    Raises:
        ResourceError: If the factory is none, or an argument can't be compared.
    """
    freeze = _Freeze(source, callable_name(factory))
    made_by = freeze.factory(factory)
    try:
        hash(made_by)
    except TypeError as exc:
        raise ResourceError(
            f"{factory!r} can't be told from other factories, for it has no hash",
            cure="give a function, a class, or a functools.partial of one",
        ) from exc
    return Key(source.module_id, made_by, freeze.given(args, kwargs), freeze.name)


class _Freeze:
    """Turns factories and arguments into what can be compared and holds no generation."""

    def __init__(self, source: Source, name: str) -> None:
        self._source = source
        self.name = name

    # -- factories ------------------------------------------------------------------------

    def factory(self, factory: Any) -> Any:
        if isinstance(factory, partial):
            given = self.given(factory.args, factory.keywords)
            return "partial", self.factory(factory.func), given
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
        """A function or class of a module's: its name, its text, and what it closes over."""
        text = self._text(own)
        if isinstance(own, type):
            return "class", _plain_name(own), text
        more = [self.value((own.__defaults__ or (), own.__kwdefaults__ or {}), "by default")]
        for name, cell in zip(own.__code__.co_freevars, own.__closure__ or (), strict=True):
            more.append(self.value(cell.cell_contents, f"{name}, from around it"))
        if own.__name__ == "<lambda>":  # a line may hold several
            more.append(marshal.dumps((own.__code__.co_code, own.__code__.co_names)))
        return "function", _plain_name(own), text, tuple(more)

    def _text(self, own: Any) -> str:
        found = _text_in(self._source, own)
        if not found:
            try:
                found = inspect.getsource(own)
            except (OSError, TypeError) as exc:
                raise ResourceError(
                    f"the text of {callable_name(own)!r} can't be read, so that nobody can tell "
                    "whether it has changed",
                    cure="let the factory be a function of one of the module's files",
                ) from exc
        return dedent(found).strip()

    # -- arguments ------------------------------------------------------------------------

    def given(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        named = tuple(sorted((name, self.value(one, name)) for name, one in kwargs.items()))
        return tuple(self.value(one, str(n)) for n, one in enumerate(args, 1)), named

    def value(self, value: Any, place: str = "") -> Any:
        """One value; equal ones give equal outcomes."""
        kind = type(value)
        if kind in _PLAIN:
            return kind, value
        if kind in (tuple, list):
            return kind, tuple(self.value(one, place) for one in value)
        if kind in (set, frozenset):
            return kind, frozenset(self.value(one, place) for one in value)
        if kind is dict:
            return kind, frozenset((k, self.value(one, place)) for k, one in value.items())
        if inspect.isroutine(value) or isinstance(value, type | partial):
            return self.factory(value)
        return self._pickled(value) or self._itself(value, place)

    def _pickled(self, value: Any) -> Any:
        if isinstance(value, types.ModuleType):
            return None
        buffer = io.BytesIO()
        try:
            _Pickler(buffer).dump(value)
        except Exception:  # noqa: BLE001  # whatever an object's own reduction raises: there is another way
            return None
        return _plain_name(type(value)), buffer.getvalue()

    def _itself(self, value: Any, place: str) -> Any:
        """A thing that can't be taken apart stands for itself, if it isn't a generation's."""
        if not _is_own(type(value)) and not type(value).__module__.startswith("modframe."):
            try:
                hash(value)
            except TypeError:
                shown = repr(value)
                if " at 0x" not in shown:
                    return type(value), shown
            else:
                return "object", value
        raise ResourceError(
            f"the resource {self.name!r} can't be told from others by its argument {place}, "
            f"of type {type(value).__name__}",
            cure="give plain values that the factory makes such a thing from",
        )


class _Pickler(pickle.Pickler):
    """Pickles what modules define by its plain name, the same for each generation."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.fast = (
            True  # no memo: equal parts are written alike, whether they are one object or two
        )

    def persistent_id(self, obj: Any) -> Any:
        """The name of what a module's code defines; anything else as usual."""
        if isinstance(obj, type) or inspect.isroutine(obj):
            return _plain_name(obj) if _is_own(obj) else None
        return None


def _is_own(thing: Any) -> bool:
    """Whether a class, a function or an instance is defined by some module."""
    return bool(package_in(getattr(thing, "__module__", "")))


def _plain_name(thing: Any) -> tuple[str, str]:
    module = plain_names(str(getattr(thing, "__module__", "")))
    return module, str(getattr(thing, "__qualname__", type(thing).__qualname__))


def _text_in(source: Source, own: Callable[..., Any]) -> str:
    """The lines of a function or class in the text that it was made from.

    ``linecache`` may hold a newer text under the same name.
    """
    function = inspect.unwrap(own)
    code = getattr(function, "__code__", None)
    if code is not None:
        file = source.file_named(code.co_filename)
        lines = source.files[file].lines[code.co_firstlineno - 1 :] if file else []
        return "".join(inspect.getblock(lines)) if lines else ""
    for content in source.files.values():
        found = _class_in(ast.parse(content.code), own.__qualname__.split("."))
        if found is not None:
            return ast.get_source_segment(content.code, found) or ""
    return ""


def _class_in(tree: ast.AST, path: list[str]) -> ast.ClassDef | None:
    for name in path:
        inside = (one for one in ast.walk(tree) if isinstance(one, ast.ClassDef))
        found = next((one for one in inside if one.name == name), None)
        if found is None:
            return None
        tree = found
    return tree if isinstance(tree, ast.ClassDef) else None
