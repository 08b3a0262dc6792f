"""Log handlers: those that a module's code added end with its generation, and so do its loggers.

What is a generation's own: handlers that its code added to its module's loggers, all on the
loggers called after its private package (``getLogger(__name__)``), which go as well, and those
whose class is the module's, wherever they are.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from ..errors import ModframeError
from ..names import package_in
from ..observe import get_framework_logger
from ..runtime.generation import Generation
from ..runtime.ownership import calling_package
from ..runtime.part import Part

_NOTING = "modframe_noting"
"""On a logger that notes who adds handlers to it."""
_added: dict[str, list[logging.Handler]] = {}
"""Private package → the handlers that its code added; loggers are the process's, and so is this."""


class LogHandlersPart(Part[None]):
    """Takes the handlers of each generation off at its end, and closes them."""

    name = "log_handlers"

    def prepare(self, generation: Generation) -> None:
        """Note from now on which handlers the generation's code adds."""
        for logger in _own(generation.module_id):
            _note(logger)
        generation.ledger.own("log handlers", lambda: self._end(generation))

    def _end(self, generation: Generation) -> None:
        """Take off and close what a generation added.

        Raises:
            ModframeError: If a handler would not close.
        """
        package = generation.package_name
        private = _take_private(package)
        own_class = set(_of_class(package))
        handlers = {*_added.pop(package, ()), *own_class}
        handlers.update(handler for logger in private for handler in logger.handlers)
        if not handlers:
            return
        own = {*_own(generation.module_id), *private}
        used = set()
        for logger in (*_all_loggers(), *private):
            for handler in handlers.intersection(logger.handlers):
                if logger in own or handler in own_class:
                    logger.removeHandler(handler)
                else:
                    used.add(handler)  # someone else's too, or put there for others to keep
        faults = [fault for one in handlers - used if (fault := _close(one))]
        if faults:
            raise ModframeError(
                f"log handlers of generation {generation.number} were "
                f"removed, but would not close: {', '.join(sorted(faults))}",
                cure="mend their close()",
                subject=generation.module_id,
            )


def _own(module_id: str) -> tuple[logging.Logger, ...]:
    """The loggers that are called after a module, whatever its generation."""
    return get_framework_logger(module_id), logging.getLogger(module_id)


def _note(logger: logging.Logger) -> None:
    """Let a logger note whose code adds a handler to it."""
    if hasattr(logger, _NOTING):
        return
    add = logger.addHandler

    def add_and_note(hdlr: logging.Handler) -> None:
        if package := calling_package():
            _added.setdefault(package, []).append(hdlr)
        add(hdlr)

    logger.addHandler = add_and_note  # type: ignore[method-assign]  # of this one logger
    setattr(logger, _NOTING, True)


def _take_private(package: str) -> list[logging.Logger]:
    """Take the loggers called after a private package out of the tree.

    Whoever keeps one can go on logging with it.
    """
    known = logging.Logger.manager.loggerDict
    if package not in known:  # each logger below it would have left a placeholder there
        return []
    prefix = f"{package}."
    with logging._lock:  # type: ignore[attr-defined]  # what getLogger() holds
        names = [one for one in known if one == package or one.startswith(prefix)]
        gone = [known.pop(name) for name in names]
    return [one for one in gone if isinstance(one, logging.Logger)]


def _of_class(package: str) -> Iterator[logging.Handler]:
    """The handlers whose class stands in a private package, wherever they were added."""
    for reference in list(logging._handlerList):  # type: ignore[attr-defined]  # for shutdown
        handler = reference()
        if handler is not None and package_in(type(handler).__module__) == package:
            yield handler


def _all_loggers() -> Iterator[logging.Logger]:
    yield logging.getLogger()
    for logger in list(logging.Logger.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            yield logger


def _close(handler: logging.Handler) -> str:
    """Close a handler; what went wrong, if something did."""
    try:
        handler.close()
    except Exception as error:  # noqa: BLE001  # the module's own close(), or a full disk's
        return f"{type(handler).__name__}: {error!r}"
    return ""
