"""Loggers of modules: their names, which module a name belongs to, and what modframe logs there.

In goes a module id, out comes a standard logger, and back. Modules get theirs through
`modframe.logging`; `EventLog` attaches its handler to `TREES`. All rooms that meet an exception of
module code call `record_failure`, and those that an error `Result` leaves a module by call
`record_result`. Changes call `log_event`, and a module's ``print`` `log_print`.

A module's logger is called ``modframe.modules.standard.orders``. A bare ``standard.orders`` would
put ``core``, ``standard`` and ``extensions`` into everyone's logging tree, where a real package
called ``core`` has its own. A module that writes ``logging.getLogger(__name__)`` gets
``modules.standard.orders~3.services``; that belongs to the same module.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from ..arguments import TEXT, check_arguments
from ..errors import ModframeError, reason_of
from ..names import MODULE_TYPES, full_id, module_id_in
from ..result import Result, claim_record, made_at
from ..wording import one_line
from .facts import PACKAGE, facts_of
from .tracebacks import Raised, find_made, find_raised, find_written

ROOT: Final = "modframe"
MODULES: Final = "modframe.modules."
MODFRAME: Final = "modframe.app"
"""Stands in the place of a module id where something belongs to no module."""
# `modules.` alone is left out: other packages in a real `modules/` folder are not modframe's.
TREES: Final = tuple(map(logging.getLogger, (ROOT, *(f"modules.{kind}" for kind in MODULE_TYPES))))

RECORD_NAMES: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    PACKAGE,
}
"""Attributes that every record has; the others came through `extra=`, which refuses these names."""
correlation_id: ContextVar[object] = ContextVar("modframe_correlation_id", default=None)
"""The request that is being answered; every event logged under it carries its text as a field."""
_waiting: deque[Callable[[], None]] = deque()


class _Here(threading.local):
    logs_waiting = False


_here = _Here()
_NOT_NAME = re.compile(r"[^\w.\-]")


def get_framework_logger(module_id: str) -> logging.Logger:
    """Return the logger of a module; what it logs goes to `data/logs/app.log` while an app runs.

    It is a standard logger, the same for the same id; an id without a dot means ``standard.``.

    >>> get_framework_logger("orders").name
    'modframe.modules.standard.orders'
    """
    check_arguments("get_framework_logger()", module_id=(module_id, TEXT))
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


def record_failure(
    module_id: str,
    message: str,
    error: BaseException | None = None,
    *,
    generation: int = 0,
    code: str = "",
    place: str = "",
    **fields: Any,
) -> None:
    """Record a failure of module code: one line in `app.log` and one in `errors.jsonl`.

    Args:
        module_id: The module that failed; empty for the one whose code raised ``error``, or
            modframe itself if none did.
        message: What was being done, and what went wrong; ``%`` in it is not a placeholder.
        error: The exception, recorded with its traceback.
        generation: The number of the generation that failed; 0 if none of it went live.
        code: A stable code for programs, such as a finding's rule or the code of a `Result`.
        place: Where it happened; by default the line of module code where ``error`` was raised.
        fields: More facts. ``correlation_id`` ties it to the answer a client got; without one, it
            is that of the request that is being answered.
    """
    raised = find_raised(error) if error is not None else Raised()
    module_id = full_id(module_id or raised.module_id or MODFRAME)
    facts = facts_of(module_id, error, raised, code=code, place=place)
    _log_failure(module_id, message, facts, error=error, generation=generation, fields=fields)


def record_result(
    result: Result, module_id: str, what: str, *, generation: int = 0, returned_by: Any = None
) -> None:
    """Record an error `Result` that crosses a boundary; later boundaries record it no more.

    Args:
        result: The error.
        module_id: The module whose service or route returns it.
        what: What returned it, such as ``"standard.orders.place()"``.
        generation: The number of the generation that returns it; 0 to find it by the code.
        returned_by: That function, for the place of an error that came from another process.
    """
    if not claim_record(result):
        return
    module_id, code = full_id(module_id), str(result.code)
    raised = find_made(made_at(result)) or find_written(returned_by) or Raised(code=what)
    facts = facts_of(module_id, None, raised, code=code)
    fields = {} if result.details is None else {"details": result.details}
    message = f"{what} returned {code}: {result.message}"
    _log_failure(module_id, message, facts, generation=generation, fields=fields)


def _log_failure(
    module_id: str,
    message: str,
    facts: Mapping[str, Any],
    *,
    error: BaseException | None = None,
    generation: int = 0,
    fields: Mapping[str, Any],
) -> None:
    extra = {f"{key}_" if key in RECORD_NAMES else key: value for key, value in fields.items()}
    extra |= {"generation": generation} if generation else {}
    extra |= facts
    get_framework_logger(module_id).error("%s", message, exc_info=error, extra=extra)


def log_event(
    module_id: str,
    message: str,
    *,
    level: int = logging.INFO,
    at: float | None = None,
    **fields: Any,
) -> None:
    """Log something that happened to a module and is no failure: one line in `app.log`.

    ``at`` is when it happened, as `time.time` counts, if that is not now.
    """
    logger = get_framework_logger(module_id)
    if logger.isEnabledFor(level):
        record = logger.makeRecord(
            logger.name, level, __file__, 0, "%s", (message,), None, extra=fields
        )  # fmt: skip
        record.created = record.created if at is None else at
        logger.handle(record)


@contextmanager
def refusal_logged(module_id: str, what: str) -> Iterator[None]:
    """Log the error with which the block refuses what a person asked for; ``what`` came of it."""
    try:
        yield
    except ModframeError as error:
        reason = one_line(reason_of(error)).removeprefix(f"{module_id} {what}").lstrip(",; ")
        log_event(module_id, f"{what} · {reason}", level=logging.WARNING)
        raise


def log_soon(log: Callable[[], None]) -> bool:
    """Have ``log`` called before the next event, or at the next `log_waiting`.

    For what has to cost its caller nothing now; the order of events stays.

    Returns:
        Whether nothing waited before, so that somebody has to call `log_waiting` later.
    """
    _waiting.append(log)
    return len(_waiting) == 1


def log_waiting(at_most: int = sys.maxsize) -> bool:
    """Log what waits, the oldest first; from any thread.

    Returns:
        Whether something is left because ``at_most`` was not enough.
    """
    if _here.logs_waiting:  # what waited is an event itself, and asks for those before it
        return bool(_waiting)
    _here.logs_waiting = True
    try:
        for _ in range(at_most):
            _waiting.popleft()()
    except IndexError:
        return False  # none waits any more
    finally:
        _here.logs_waiting = False
    return bool(_waiting)


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
# would fall to `logging.lastResort`, which prints. A test may be the first to import this.
for _tree in TREES:
    _tree.addHandler(logging.NullHandler())
    _tree.propagate = "modframe.pytest_plugin" in sys.modules
