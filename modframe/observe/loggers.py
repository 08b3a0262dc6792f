"""Logger names: which loggers are modframe's, and which module a logger speaks for.

In goes a module id, out comes a standard logger, and back. `modframe.logging` is the door for
modules; `EventLog` attaches its handler to `TREES`.

A module's logger is called ``modframe.modules.standard.orders``. A bare ``standard.orders`` would
put ``core``, ``standard`` and ``extensions`` into everyone's logging tree, where a real package
called ``core`` has its own. A module that writes ``logging.getLogger(__name__)`` gets
``modules.standard.orders~3.services``; that speaks for the same module.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Final

from ..names import MODULE_TYPES, full_id, module_id_in

ROOT: Final = "modframe"
MODULES: Final = "modframe.modules."
# `modules.` alone is left out: other packages in a real `modules/` folder are not modframe's.
TREES: Final = (ROOT, *(f"modules.{kind}" for kind in MODULE_TYPES))

_NOT_NAME = re.compile(r"[^\w.\-]")


def get_framework_logger(module_id: str) -> logging.Logger:
    """The logger of a module; what it logs goes to `data/logs/app.log` while an app runs.

    Args:
        module_id: An id such as ``"standard.orders"``; without a dot it means ``standard.``.

    Returns:
        A standard logger, the same for the same id: levels, filters, `extra=` and `exc_info=`
        work as in the standard library.

    >>> get_framework_logger("orders").name
    'modframe.modules.standard.orders'
    """
    return logging.getLogger(MODULES + full_id(module_id))


def speaker(logger_name: str) -> str:
    """The module a logger speaks for; for modframe's own loggers their name.

    >>> speaker("modframe.modules.standard.orders"), speaker("modules.standard.orders~3.services")
    ('standard.orders', 'standard.orders')
    >>> speaker("modules.standard.orders~3b.services")  # while a load that was left behind is ~3
    'standard.orders'
    >>> speaker("modframe.load.checks")
    'modframe.load.checks'
    """
    module_id = module_id_in(logger_name.removeprefix(f"{ROOT}."))
    name = module_id or logger_name.removeprefix(MODULES)
    return _NOT_NAME.sub("_", name) or ROOT


def let_root_listen(listen: bool, /) -> None:  # noqa: FBT001 - positional-only, its one argument
    """Whether the root logger's handlers get modframe's and the modules' records too.

    Off by default. ``logging.warning("...")`` in any cell gives the root logger a handler that
    prints, and from then on every line of every module would print under whichever cell runs.
    The pytest plugin turns it on, since `caplog` listens at the root (pytest 9.2 also goes to the
    loggers that don't propagate); a person who wants module logs on the console may too.
    """
    for tree in loggers():
        tree.propagate = listen


def loggers() -> Iterator[logging.Logger]:
    """The loggers at the head of `TREES`."""
    return map(logging.getLogger, TREES)


def _claim() -> None:
    # A library's loggers are silent until someone listens: without a handler of their own,
    # warnings would fall to `logging.lastResort`, which prints.
    for tree in loggers():
        tree.addHandler(logging.NullHandler())
        tree.propagate = False


_claim()
