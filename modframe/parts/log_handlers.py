"""Log handlers: those that a module's code added are closed with its generation.

A generation owns the handlers that its code added to its module's loggers, those on the loggers
named after its private package (``getLogger(__name__)``), and those whose class the module
defines, on whatever logger. The loggers of its private package are removed as well.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import MethodType
from weakref import WeakSet

from ..errors import ModframeError
from ..names import package_in
from ..observe import get_framework_logger
from ..runtime.generation import Generation
from ..runtime.ownership import calling_package
from ..runtime.part import Part

_recorded: set[str] = set()
"""The modules whose loggers record who adds a handler; of the process, as loggers are."""
_added: dict[str, list[logging.Handler]] = {}
"""Private package → the handlers that its code added; of the process, as loggers are."""
_ended: WeakSet[logging.Handler] = WeakSet()
"""Handlers that were removed and closed; the package of an earlier run may have the same name."""


class LogHandlersPart(Part[None]):
    """Removes the handlers of each generation at its end, and closes them."""

    name = "log_handlers"

    def prepare(self, generation: Generation) -> None:
        if generation.module_id not in _recorded:
            _recorded.add(generation.module_id)
            for logger in _module_loggers(generation.module_id):
                # Of this logger alone, as a method rather than a closure: a start has thousands.
                logger.addHandler = MethodType(_add_and_record, logger)  # type: ignore[method-assign]
        generation.ledger.own("log handlers", lambda: self._end(generation))

    def _end(self, generation: Generation) -> None:
        package = generation.package_name
        private = _remove_loggers(package)
        own_class = set(_handlers_defined_in(package))
        handlers = {*_added.pop(package, ()), *own_class}
        handlers.update(handler for logger in private for handler in logger.handlers)
        if not handlers:
            return
        own_loggers = {*_module_loggers(generation.module_id), *private}
        in_use = set()
        for logger in (*_all_loggers(), *private):
            for handler in handlers.intersection(logger.handlers):
                if logger in own_loggers or handler in own_class:
                    logger.removeHandler(handler)
                else:
                    in_use.add(handler)  # another logger keeps it, on purpose
        _ended.update(handlers - in_use)
        faults = [fault for handler in handlers - in_use if (fault := _close(handler))]
        if faults:
            raise ModframeError(
                f"log handlers of generation {generation.number} were "
                f"removed, but would not close: {', '.join(sorted(faults))}",
                cure="mend their close()",
                subject=generation.module_id,
            )


def _module_loggers(module_id: str) -> tuple[logging.Logger, ...]:
    """Return the loggers that all generations of a module share."""
    return get_framework_logger(module_id), logging.getLogger(module_id)


def _add_and_record(logger: logging.Logger, hdlr: logging.Handler) -> None:
    """Add a handler to a logger, and record which private package does it."""
    if package := calling_package():
        _added.setdefault(package, []).append(hdlr)
    type(logger).addHandler(logger, hdlr)


def _remove_loggers(package: str) -> list[logging.Logger]:
    """Remove the loggers named after a private package from the logging tree, and return them.

    Code that still holds one can go on logging with it.
    """
    loggers = logging.Logger.manager.loggerDict
    if package not in loggers:  # each logger below it would have left a placeholder there
        return []
    prefix = f"{package}."
    with logging._lock:  # type: ignore[attr-defined]  # what getLogger() holds
        names = [name for name in loggers if name == package or name.startswith(prefix)]
        removed = [loggers.pop(name) for name in names]
    return [logger for logger in removed if isinstance(logger, logging.Logger)]


def _handlers_defined_in(package: str) -> Iterator[logging.Handler]:
    """Yield the handlers whose class a private package defines."""
    for reference in list(logging._handlerList):  # type: ignore[attr-defined]  # for shutdown
        handler = reference()
        if handler is None or handler in _ended:
            continue
        if package_in(type(handler).__module__) == package:
            yield handler


def _all_loggers() -> Iterator[logging.Logger]:
    yield logging.getLogger()
    for logger in list(logging.Logger.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            yield logger


def _close(handler: logging.Handler) -> str:
    """Close a handler; return what went wrong, or an empty text."""
    try:
        handler.close()
    except Exception as error:  # noqa: BLE001  # the module's own close(), or a full disk's
        return f"{type(handler).__name__}: {error!r}"
    return ""
