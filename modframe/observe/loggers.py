"""Loggers of modules: their names, which module a name belongs to, and what modframe logs there.

In goes a module id, out comes a standard logger, and back. Modules get theirs through
`modframe.logging`; `EventLog` attaches its handler to `TREES`; the loop, the dispatcher and the
loader call `log_exception` and `log_print`.

A module's logger is called ``modframe.modules.standard.orders``. A bare ``standard.orders`` would
put ``core``, ``standard`` and ``extensions`` into everyone's logging tree, where a real package
called ``core`` has its own. A module that writes ``logging.getLogger(__name__)`` gets
``modules.standard.orders~3.services``; that belongs to the same module.
"""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar
from typing import Any, Final

from ..names import MODULE_TYPES, full_id, module_id_in

ROOT: Final = "modframe"
MODULES: Final = "modframe.modules."
# `modules.` alone is left out: other packages in a real `modules/` folder are not modframe's.
TREES: Final = tuple(map(logging.getLogger, (ROOT, *(f"modules.{kind}" for kind in MODULE_TYPES))))

RECORD_NAMES: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
}
"""Attributes that every record has; the others came through `extra=`, which refuses these names."""
correlation_id: ContextVar[str | None] = ContextVar("modframe_correlation_id", default=None)
"""The request that is being answered; every event logged under it carries it as a field."""
_NOT_NAME = re.compile(r"[^\w.\-]")


def get_framework_logger(module_id: str) -> logging.Logger:
    """Return the logger of a module; what it logs goes to `data/logs/app.log` while an app runs.

    It is a standard logger, the same for the same id; an id without a dot means ``standard.``.

    >>> get_framework_logger("orders").name
    'modframe.modules.standard.orders'
    """
    return logging.getLogger(MODULES + full_id(module_id))


def module_of_logger(logger_name: str) -> str:
    """Return the id of the module that a logger belongs to, or the name of modframe's own.

    >>> module_of_logger("modframe.modules.standard.orders")
    'standard.orders'
    >>> module_of_logger("modules.standard.orders~3.services")
    'standard.orders'
    >>> module_of_logger("modules.standard.orders~3b.services")  # a load left behind is ~3
    'standard.orders'
    >>> module_of_logger("modframe.load.checks")
    'modframe.load.checks'
    """
    module_id = module_id_in(logger_name.removeprefix(f"{ROOT}."))
    name = module_id or logger_name.removeprefix(MODULES)
    return _NOT_NAME.sub("_", name) or ROOT


def log_exception(module_id: str, message: str, exc: BaseException, **fields: Any) -> None:
    """Log a failure: one line in `app.log` and one in `errors.jsonl`.

    Args:
        module_id: The module that failed.
        message: What was being done; ``%`` in it is not a placeholder.
        exc: The exception, logged with its traceback.
        fields: More facts; ``correlation_id`` ties it to the answer a client got.
    """
    extra = {f"{k}_" if k in RECORD_NAMES else k: value for k, value in fields.items()}
    get_framework_logger(module_id).error("%s", message, exc_info=exc, extra=extra)


def log_print(module_id: str, text: str) -> None:
    """Log what module code printed where there is no cell; blank lines are left out."""
    text = text.rstrip("\n")
    if text.strip():
        get_framework_logger(module_id).info("%s", text, extra={"stream": "stdout"})


def let_root_listen(listen: bool, /) -> None:  # noqa: FBT001 - positional-only, its one argument
    """Set whether the root logger's handlers get modframe's and the modules' records too.

    Off by default. ``logging.warning("...")`` in any cell gives the root logger a handler that
    prints, and from then on every line of every module would print under the cell that runs.
    The pytest plugin turns it on, since `caplog` listens at the root (pytest 9.2 also goes to the
    loggers that don't propagate); a person who wants module logs on the console may too.
    """
    for tree in TREES:
        tree.propagate = listen


# A library's loggers are silent until someone listens: without a handler of their own, warnings
# would fall to `logging.lastResort`, which prints.
for _tree in TREES:
    _tree.addHandler(logging.NullHandler())
    _tree.propagate = False
