"""`Kinds`: tells a test double from any other object, by its type, and never by a name.

Asked by the walk for each object. It runs no code of the object: a mock answers ``__class__`` as
the class that it stands for, so that only ``type()`` tells.
"""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase
from types import FunctionType, ModuleType

from ...wording import article

_LIBRARIES = ("unittest.mock", "mock.mock", "asynctest.mock", "pytest_mock.plugin",
              "_pytest.monkeypatch")  # fmt: skip
_TEST_FILES = ("test_*.py", "*_test.py", "conftest.py")
_BY_PYTEST = "@pytest_ar"
"""The global that pytest adds to the files whose asserts it rewrites."""


def mro_of(cls: type) -> tuple[type, ...]:
    """Return the classes that a class inherits from, itself first; runs no code of a metaclass."""
    classes: tuple[type, ...] = type.__getattribute__(cls, "__mro__")
    return classes


def module_of(cls: type) -> str:
    """Return the name of the module that a class was written in; runs no code of a metaclass."""
    name = type.__getattribute__(cls, "__module__")
    return name if type(name) is str else ""


def is_class(value: object) -> bool:
    """Return whether an object is a class; runs no code of it.

    ``issubclass`` asks the metaclass of its second argument, which is Python's own here, and
    ``isinstance`` would ask the object for its ``__class__``.
    """
    return issubclass(type(value), type)


class Kinds:
    """What the libraries of test doubles in this process define."""

    def __init__(self) -> None:
        libraries = [sys.modules[name] for name in _LIBRARIES if name in sys.modules]
        values = [(library, value) for library in libraries for value in vars(library).values()]
        self._classes = {
            id(value): value
            for library, value in values
            if is_class(value) and module_of(value) == library.__name__
            and not issubclass(value, BaseException)
        }  # fmt: skip
        self._named = {id(value) for _, value in values} | set(map(id, libraries))
        self._namespaces = {id(vars(library)): library.__name__ for library in libraries}
        self._pytest = "_pytest.assertion.rewrite" in sys.modules
        self._known: dict[int, str] = {}

    @staticmethod
    def any_imported() -> bool:
        """Return whether a library of doubles was imported; else there can be no doubles."""
        return any(name in sys.modules for name in _LIBRARIES)

    def is_import(self, value: object, *, own: bool) -> bool:
        """Return whether a global only names what a file imports.

        Args:
            value: The value of the global.
            own: Whether the module defines it itself.
        """
        return id(value) in self._named or (is_class(value) and not own)

    def kind(self, value: object) -> str:
        """Return what a double is, with its article; empty for an object that is none."""
        if type(value) is FunctionType:
            return self._kind_of_function(value)
        cls = type(value)
        if is_class(value):
            base = self._double_in(mro_of(value))  # type: ignore[arg-type]  # a class, as asked above
            return f"the class {_named(value, base)}" if base else self._from_test(value)  # type: ignore[arg-type]
        if id(cls) not in self._known:
            base = self._double_in(mro_of(cls))
            name = article(_named(cls, base)) if base else self._from_test(cls)
            self._known[id(cls)] = name
        return self._known[id(cls)]

    def _double_in(self, classes: tuple[type, ...]) -> type | None:
        return next((cls for cls in classes if id(cls) in self._classes), None)

    def _kind_of_function(self, function: FunctionType) -> str:
        if library := self._namespaces.get(id(function.__globals__)):
            if id(function) in self._named:
                return f"{function.__name__}() of {library}"
            return f"a function that a decorator of {library} made"
        mock = vars(function).get("mock")  # `create_autospec` of a function makes a function
        if mock is not None and self._double_in(mro_of(type(mock))):
            return "an autospec of a function"
        return self._from_test_file(function.__globals__)

    def _from_test(self, cls: type) -> str:
        """Return what a class or an instance is that a test file defines, as of a monkeypatch."""
        module = sys.modules.get(module_of(cls)) if self._pytest else None
        return self._from_test_file(vars(module)) if isinstance(module, ModuleType) else ""

    def _from_test_file(self, namespace: dict[str, object]) -> str:
        if not self._pytest or _BY_PYTEST not in namespace:
            return ""
        file = f"{str(namespace.get('__name__', '')).rpartition('.')[2]}.py"
        is_test = any(fnmatchcase(file, pattern) for pattern in _TEST_FILES)
        return f"an object of a test, {file}" if is_test else ""


def _named(cls: type, base: type) -> str:
    """Return a class's name, and that of the library's class if the two differ."""
    name = cls.__name__
    if name == base.__name__:
        return name.lstrip("_")
    return f"{name}, a subclass of {base.__name__}"
