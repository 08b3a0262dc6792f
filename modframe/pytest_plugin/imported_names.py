"""`leading_to_running`: what a test file imported from modules, while an app runs for a test.

pytest imports the file before any app runs, so its names lead to modules that were loaded and not
started. The running module's classes are others of the same text: ``pytest.raises(OrderError)``
would let its errors pass. In go the file's module and the live generations.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import FunctionType, ModuleType
from typing import Any

from ..names import module_id_in, package_in, plain_package
from ..runtime.generation import Generation


@contextmanager
def leading_to_running(file: ModuleType | None, live: Iterable[Generation]) -> Iterator[None]:
    """Let the modules, classes and functions that a file imported be those of live generations."""
    generations = {generation.module_id: generation for generation in live}
    names: dict[str, Any] = vars(file) if file is not None else {}
    before = {}
    for name, value in list(names.items()):
        twin = _twin(value, generations)
        if twin is not None:
            before[name], names[name] = value, twin
    with ExitStack() as stack:
        stack.callback(names.update, before)
        for generation in generations.values():
            stack.enter_context(_in_place_of_folder(generation))
        yield


def _twin(value: Any, generations: Mapping[str, Generation]) -> Any:
    """Return what the live generation has in the place of a value; None if it has nothing."""
    if isinstance(value, ModuleType):
        home, path = value.__name__, ""
    elif isinstance(value, type | FunctionType):
        home, path = value.__module__, value.__qualname__
    else:
        return None
    package = package_in(home)
    generation = generations.get(module_id_in(home)) if package else None
    if generation is None:
        return None
    try:
        twin: Any = importlib.import_module(generation.package_name + home.removeprefix(package))
    except ImportError:
        return None  # a file of tests, or one that the live text does not have
    for name in path.split(".") if path else ():
        twin = getattr(twin, name, None)
    return twin


@contextmanager
def _in_place_of_folder(generation: Generation) -> Iterator[None]:
    """Put a generation under its plain name, where pytest may have put a package of the folder.

    It does so to import a test file as ``modules.standard.orders.tests.test_orders``.
    """
    plain = plain_package(generation.module_id)
    folder = sys.modules.get(plain)
    if folder is None or folder.__name__ != plain:
        yield
        return
    parent, _, name = plain.rpartition(".")
    package = importlib.import_module(generation.package_name)
    sys.modules[plain] = package
    setattr(sys.modules[parent], name, package)
    try:
        yield
    finally:
        sys.modules[plain] = folder
        setattr(sys.modules[parent], name, folder)
