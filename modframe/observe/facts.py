"""What is known of a failure beside its log record: generation, code, place and fingerprint.

`record_failure` says what it knows; a module says it by the exception or the `error_message` that
it logs. `complete_facts` finds out the rest, in the thread that logs, before the event is made.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from ..result import ErrorMessage
from .fingerprint import Fingerprint
from .tracebacks import Raised, find_raised, find_running

PACKAGE: Final = "modframe_package"
"""The attribute of a record that names the private package whose code failed; no event has it."""


def facts_of(
    module_id: str, error: BaseException | None, raised: Raised, *, code: str = "", place: str = ""
) -> dict[str, Any]:
    """Return the facts of a failure of a module that are known.

    Args:
        error: The exception, if there is one.
        raised: Where it was raised.
        code: A stable code.
        place: Where it happened, if that is not where it was raised.
    """
    own = raised.module_id == module_id
    if not place and raised.place:
        place = raised.place if own else f"{raised.module_id} {raised.place}"
    kind = type(error).__name__
    facts = {
        "code": code,
        "place": place,
        "fingerprint": str(Fingerprint(module_id, code, kind, raised.code)),
        PACKAGE: raised.package if own else "",
    }
    return {name: fact for name, fact in facts.items() if fact}


def complete_facts(
    record: logging.LogRecord, module_id: str, number_of: Callable[[str], int]
) -> str:
    """Complete the facts of a record that is a failure.

    Args:
        record: A record of the module's; it gets what it lacks as attributes.
        module_id: The module.
        number_of: Returns the number of a private package's generation; 0 if none was live.

    Returns:
        The fingerprint; empty if the record is no failure.
    """
    if record.levelno < logging.WARNING:
        return ""
    given = vars(record)
    if not given.get("fingerprint"):
        error = record.exc_info[1] if record.exc_info else None
        said = _error_message_in(record)
        if said is None and (error is None or record.levelno < logging.ERROR):
            return ""
        for name, fact in _facts_logged(record, module_id, error, said).items():
            given.setdefault(name, fact)
    package = given.get(PACKAGE, "")
    if package and "generation" not in given and (number := number_of(package)):
        given["generation"] = number
    return str(given["fingerprint"])


def _error_message_in(record: logging.LogRecord) -> ErrorMessage | None:
    """Return what `error_message` made, as the message or the only thing that it shows."""
    if isinstance(record.msg, ErrorMessage):
        return record.msg
    args = record.args if isinstance(record.args, tuple) else ()
    return next((one for one in args if isinstance(one, ErrorMessage)), None)


def _facts_logged(
    record: logging.LogRecord,
    module_id: str,
    error: BaseException | None,
    said: ErrorMessage | None,
) -> dict[str, Any]:
    """Return the facts of what a module logged itself; what it handled is located there."""
    raised = find_raised(error) if error is not None else Raised()
    if not raised.module_id:
        raised = find_running()
    code, context = ("", {}) if said is None else (said.code, said.context)
    if said is not None and not raised.module_id:  # logged in a cell or a script
        raised = Raised(code=said.location)
    place = "" if raised.place else f"{record.filename}, line {record.lineno}"
    taken = vars(record)
    extra = {f"{name}_" if name in taken else name: value for name, value in context.items()}
    return extra | facts_of(module_id, error, raised, code=code, place=place)
