"""`find_doubles`: walks from a generation's own objects to the test doubles that they hold.

Called by the integrity part. The walk follows attributes, containers, defaults and closures, and
runs no code of the objects: no property, no ``__getattr__``, no ``__iter__``. It goes on from
objects of the generation's own classes, two steps into objects of libraries, and into nothing of
other modules and of modframe. The nearest doubles come first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from types import (
    CellType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any, NamedTuple

from ...names import package_in
from .doubles import Anchor, Double
from .kinds import Kinds, is_class, module_of, mro_of

_OBJECTS = 20_000
"""How many objects a walk looks at."""
_ITEMS = 1_000
"""How many items of one container it looks at."""
_FOREIGN_STEPS = 2
"""How far it goes into objects of libraries."""
_PLAIN = frozenset(
    map(id, (int, float, complex, bool, str, bytes, bytearray, type(None), type(...)))
)
"""Types that hold nothing, by ``id``: a metaclass of the author's may have a hash of its own."""
_CONTAINERS = (dict, MappingProxyType, list, tuple, set, frozenset, deque)
_WRAPPERS: Mapping[int, tuple[str, ...]] = {
    id(MethodType): ("__self__", "__func__"),
    id(partial): ("func", "args", "keywords"),
    id(property): ("fget", "fset", "fdel"),
    id(staticmethod): ("__func__",),
    id(classmethod): ("__func__",),
    id(cached_property): ("func",),
}
"""Built-in wrapper, by ``id`` → the attributes that hold what it wraps."""
_BUILT_IN = ("builtins", "collections")


@dataclass(frozen=True, slots=True)
class Globals:
    """The names that one file of the module defines."""

    file: str
    names: Mapping[str, Any]


class _Found(NamedTuple):
    """An object that the walk has come to: the way there, and how far into libraries it is."""

    path: str
    value: Any
    anchor: Anchor
    steps: int = 0


class _Shape(NamedTuple):
    """How objects of a class are looked into.

    Attributes:
        container: The built-in container that it inherits from, if any.
        opens: Whether the walk goes on into its attributes.
        own: Whether the class is the generation's own; it is looked at as well.
        step: 1 for a class of a library.
        names: What reads the ``__dict__`` of an instance, if it has one.
        slots: The attributes that it keeps elsewhere.
    """

    container: type | None
    opens: bool
    own: bool
    step: int
    names: GetSetDescriptorType | MemberDescriptorType | None
    slots: tuple[tuple[str, MemberDescriptorType], ...]


class _Shapes(dict[int, _Shape]):
    """The shapes of the classes that one walk has met, by ``id``: a metaclass may have a hash."""

    def __init__(self, package: str) -> None:
        super().__init__()
        self.package = package

    def of(self, cls: type) -> _Shape:
        """Return the shape of a class."""
        return self.get(id(cls)) or self.setdefault(id(cls), self._read(cls))

    def is_own(self, cls: type) -> bool:
        """Return whether the generation defines a class."""
        return package_in(module_of(cls)) == self.package

    def _read(self, cls: type) -> _Shape:
        home = module_of(cls)
        own = package_in(home) == self.package
        of_framework = home.partition(".")[0] == "modframe"
        closed = package_in(home) or of_framework or issubclass(cls, ModuleType)
        entries = [
            (key, entry)
            for base in mro_of(cls)[:-1]
            for key, entry in type.__getattribute__(base, "__dict__").items()
            if type(entry) is GetSetDescriptorType or type(entry) is MemberDescriptorType
        ]
        return _Shape(
            next((kind for kind in _CONTAINERS if issubclass(cls, kind)), None),
            opens=own or not closed,
            own=own,
            step=0 if own or home in _BUILT_IN else 1,
            names=next((entry for key, entry in entries if key == "__dict__"), None),
            slots=tuple(
                (key, entry)
                for key, entry in entries
                if type(entry) is MemberDescriptorType and key != "__dict__"
            ),
        )


def find_doubles(roots: Mapping[str, object], *, package: str, kinds: Kinds) -> Iterator[Double]:
    """Yield every double that is reached, once.

    Args:
        roots: Name → an instance, or the `Globals` of a file.
        package: The generation's private package.
        kinds: Tells doubles from other objects.
    """
    seen: dict[int, object] = {}  # holds what it has seen, so that no number is used twice
    shapes = _Shapes(package)
    waiting: deque[_Found] = deque()
    for name, root in roots.items():
        if isinstance(root, Globals):
            waiting.extend(_globals(name, root, shapes, kinds))
        else:
            waiting.append(_Found(name, root, Anchor()))
    while waiting and len(seen) < _OBJECTS:
        found = waiting.popleft()
        value = found.value
        if _is_plain(value) or id(value) in seen:
            continue
        seen[id(value)] = value
        # A class of a library is a type to talk about, in annotations above all, deep inside.
        if kind := kinds.kind(value) if not (found.steps and is_class(value)) else "":
            yield Double(found.path, kind, found.anchor)
        else:
            waiting.extend(_held(found, shapes))


def _globals(name: str, root: Globals, shapes: _Shapes, kinds: Kinds) -> Iterator[_Found]:
    for key, value in list(root.names.items()):
        if _is_special(key) or _is_plain(value):
            continue
        own = is_class(value) and shapes.is_own(value)
        if not kinds.is_import(value, own=own):
            yield _Found(f"{name}.{key}", value, Anchor(root.file, "", key))


def _held(found: _Found, shapes: _Shapes) -> Iterator[_Found]:
    """Yield what an object holds."""
    value, cls = found.value, type(found.value)
    if cls is FunctionType:
        yield from _of_function(found, value, shapes.package)
    elif id(cls) in _WRAPPERS:
        yield from _wrapped(found, value, _WRAPPERS[id(cls)])
    elif is_class(value):
        if shapes.is_own(value):
            yield from _of_class(found, value, shapes)
    else:
        shape = shapes.of(cls)
        if shape.container is not None:
            yield from _items(found, value, shape.container)
        if shape.opens and found.steps + shape.step <= _FOREIGN_STEPS:
            yield from _of_instance(found, value, shape)


def _of_class(found: _Found, cls: type, shapes: _Shapes) -> Iterator[_Found]:
    for key, value in list(type.__getattribute__(cls, "__dict__").items()):
        if not _is_special(key):
            yield _Found(f"{found.path}.{key}", value, Anchor("", cls.__name__, key))
    for base in mro_of(cls)[1:]:
        if shapes.is_own(base):
            yield found._replace(value=base)


def _of_function(found: _Found, function: FunctionType, package: str) -> Iterator[_Found]:
    own = package_in(function.__globals__.get("__package__")) == package
    steps = 0 if own else found.steps + 1
    if steps > _FOREIGN_STEPS:
        return
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    defaults = function.__defaults__ or ()
    values = dict(zip(names[len(names) - len(defaults) :], defaults, strict=False))
    values |= function.__kwdefaults__ or {}
    for key, value in values.items():
        yield found._replace(path=f"{found.path}({key}=...)", value=value, steps=steps)
    for key, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        if (value := _content(cell)) is not cell:
            path = f"{found.path}.<closure>.{key}"
            yield found._replace(path=path, value=value, steps=steps)
    for key, value in list(vars(function).items()):
        if key == "__wrapped__" or not _is_special(key):
            yield found._replace(path=f"{found.path}.{key}", value=value, steps=steps)


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return cell


def _wrapped(found: _Found, value: Any, names: tuple[str, ...]) -> Iterator[_Found]:
    for name in names:
        suffix = f".{name}" if name in ("__self__", "args", "keywords") else ""
        yield found._replace(path=f"{found.path}{suffix}", value=getattr(value, name))


def _items(found: _Found, value: Any, kind: Any) -> Iterator[_Found]:
    """Yield the items of a container, read as the built-in class ``kind`` reads them."""
    if kind in (dict, MappingProxyType):
        for key, item in list(islice(kind.items(value), _ITEMS)):
            plain = _is_plain(key)
            if not plain:
                yield found._replace(path=f"a key of {found.path}", value=key)
            if not _is_plain(item):
                text = repr(key) if plain else "..."
                yield found._replace(path=f"{found.path}[{text}]", value=item)
        return
    for index, item in enumerate(list(islice(kind.__iter__(value), _ITEMS))):
        if not _is_plain(item):
            text = "..." if kind in (set, frozenset) else str(index)
            yield found._replace(path=f"{found.path}[{text}]", value=item)


def _of_instance(found: _Found, value: object, shape: _Shape) -> Iterator[_Found]:
    cls, steps = type(value), 0 if shape.own else found.steps + shape.step
    if shape.own:
        yield found._replace(value=cls)
    for key, attribute in _attributes(value, shape):
        if not _is_plain(attribute):
            anchor = Anchor("", cls.__name__, key) if shape.own else found.anchor
            yield _Found(f"{found.path}.{key}", attribute, anchor, steps)


def _attributes(value: object, shape: _Shape) -> Iterator[tuple[str, object]]:
    """Yield the attributes that an instance holds, without its properties."""
    names = shape.names.__get__(value) if shape.names is not None else None
    if type(names) is dict:
        yield from ((key, item) for key, item in list(names.items()) if not _is_special(key))
    for key, slot in shape.slots:
        try:
            yield key, slot.__get__(value)
        except AttributeError:  # nothing was put there
            continue


def _is_plain(value: object) -> bool:
    return id(type(value)) in _PLAIN


def _is_special(name: object) -> bool:
    """Return whether a name is Python's own, as ``__annotations__``, which only talks of types."""
    return type(name) is str and name.startswith("__") and name.endswith("__")
