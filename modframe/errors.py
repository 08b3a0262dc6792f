"""The tree of modframe's errors.

A message names its subject, says what is wrong, and what to do next. The facts of the message are
attributes of the error, so that a program can act on them. The errors of modframe's core are all
here, so that they can be read as one vocabulary; that is why this file is long. Rooms with errors
of their own (databases, the web) define them in an `errors.py` there, as subclasses of
`ModframeError`; other code imports them from here as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, ClassVar

from .finding import Finding, one_finding_of
from .wording import count, one_line, with_cure


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client gets where an error leaves a route, which then is no fault of the server.

    Attributes:
        status: The HTTP status.
        detail: What the client is told; the error's own text is for the author.
        retry_after: Seconds after which the client may send the same again.
    """

    status: int
    detail: str
    retry_after: int


class ModframeError(Exception):
    """Base class of every error that modframe raises.

    Args:
        cure: What to do next; becomes the last sentence.
        subject: The module that the error is about, where the message does not name it. The text
            of the error then begins with it.
        attributes: Facts that stay on the error as attributes.

    Attributes:
        rule: The rule of the `Finding` that a load makes of such an error; empty for the default.
        answer: What a client gets where such an error leaves a route; ``None`` for a 500.
    """

    rule = ""
    answer: ClassVar[Answer | None] = None

    def __init__(
        self, message: str, *, cure: str = "", subject: str = "", **attributes: Any
    ) -> None:
        self.message, self.cure, self.subject = message, cure, subject
        super().__init__(f"{subject}: {self.reason}" if subject else self.reason)
        for name, value in attributes.items():
            setattr(self, name, value)

    @property
    def reason(self) -> str:
        """Message and cure, without the subject: for places that name the module themselves."""
        return with_cure(self.message, self.cure)

    def hide(self, mask: Callable[[str], str]) -> None:
        """Take the secrets out of everything that the error says; its cause stays as it is."""
        self.message, self.cure = mask(self.message), mask(self.cure)
        self.args = tuple(mask(one) if isinstance(one, str) else one for one in self.args)
        if notes := getattr(self, "__notes__", None):
            notes[:] = map(mask, notes)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), str(self), dict(self.__dict__))


def reason_of(error: BaseException) -> str:
    """Return what an error says, without the module that it is about."""
    return error.reason if isinstance(error, ModframeError) else str(error)


def reason_line(error: BaseException) -> str:
    """Return `reason_of` an error as one line; of several faults, the first one."""
    if isinstance(error, LoadError):
        return one_finding_of(
            [one for one in error.findings if one.level == "error"] or error.findings
        )
    if isinstance(error, ModframeError):
        return one_line(with_cure(one_line(error.message), error.cure))
    return one_line(error)


def same_fault(error: BaseException | None, other: BaseException | None) -> bool:
    """Return whether two errors report the same fault, so that one report is enough."""
    if type(error) is not type(other):
        return False
    if isinstance(error, ModframeError) and isinstance(other, ModframeError):
        return (error.subject, error.reason) == (other.subject, other.reason)
    return error is other or (error is not None and other is not None and error.args == other.args)


def _rebuild(kind: type[ModframeError], text: str, state: dict[str, Any]) -> ModframeError:
    error = kind.__new__(kind)
    Exception.__init__(error, text)
    error.__dict__.update(state)
    return error


_LISTED = 20
"""The number of findings that an error's text lists at most."""


class LoadError(ModframeError):
    """Raised when a module's text can't become a running generation; nothing live has changed.

    Attributes:
        module_id: The module that did not load.
        step: The step that failed: ``check``, ``import``, ``read``, ``graph``, ``contract``, a
            part's name, ``phase1``, ``phase2``, ``test``, ``handover``, ``integrity``;
            ``activate``, after which the generation is live all the same.
        findings: What is wrong, every finding of level error first.
        tried: How each of the module's own tests ended, if those failed; frozen, each with its
            ``name``, ``file``, ``end``, ``seconds``, ``message`` and ``line``.
    """

    tried: tuple[Any, ...] = ()

    def __init__(
        self, module_id: str, step: str, findings: Iterable[Finding], *, note: str = ""
    ) -> None:
        ordered = sorted(findings, key=lambda finding: finding.level != "error")
        self.module_id, self.step, self.findings = module_id, step, tuple(ordered)
        first = ordered[0]
        self.file, self.line, self.cell = first.file, first.line, first.cell
        errors = [finding for finding in ordered if finding.level == "error"] or ordered
        if len(errors) == 1:
            text = str(errors[0])
        else:
            texts = [str(finding).replace("\n", "\n    ") for finding in errors[:_LISTED]]
            rows = "".join(f"\n  - {text}" for text in texts)
            if len(errors) > _LISTED:
                rows += f"\n  - and {len(errors) - _LISTED} more, which its .findings hold"
            text = f"{len(errors)} faults{rows}"
        super().__init__(f"{text}{note}", subject=module_id)
        self.cure = first.cure

    @property
    def reason(self) -> str:
        """All faults, without the module's id; each already ends with its cure."""
        return self.message

    def hide(self, mask: Callable[[str], str]) -> None:
        """Take the secrets out of the message and the findings."""
        super().hide(mask)
        self.findings = tuple(finding.masked(mask) for finding in self.findings)

    def add(self, finding: Finding) -> None:
        """Add a finding that came up while the failed load was undone."""
        self.findings = (*self.findings, finding)
        self.add_note(f"{finding.level}: {finding}")


class RequirementsError(LoadError):
    """Raised when what a module's ``requirements.txt`` names is not installed; nothing of it ran.

    ``command`` installs all of it.
    """

    def __init__(self, module_id: str, findings: Iterable[Finding], command: str) -> None:
        unmet = tuple(findings)
        several = sum(finding.level == "error" for finding in unmet) > 1
        note = f"\nInstall all of them: {command}" if several else ""
        super().__init__(module_id, "requirements", unmet, note=note)
        self.command = command


class DisabledError(LoadError):
    """Raised, or kept as a module's error, when it is kept out; ``by`` says by what."""

    def __init__(self, module_id: str, by: str, *, cure: str) -> None:
        self.by = by
        finding = Finding("disabled", "error", f"it is disabled by {by}", cure=cure)
        super().__init__(module_id, "disabled", [finding])


class ContractError(LoadError):
    """Raised when a change would remove or change what live modules use of a service.

    Attributes:
        changes: What would break, and where it is used: frozen, each with its ``text``,
            ``before``, ``after`` and ``uses``.
    """

    def __init__(self, module_id: str, findings: Iterable[Finding], changes: Iterable[Any]) -> None:
        super().__init__(module_id, "contract", findings)
        self.changes = tuple(changes)

    @property
    def users(self) -> tuple[str, ...]:
        """Each place that would break: ``standard.shop (api.py, line 7)``."""
        return tuple(dict.fromkeys(str(use) for change in self.changes for use in change.uses))


class DataIntegrityViolation(LoadError):  # noqa: N818  # the guide's name
    """Raised when a module breaks what its ``@enforce_data_integrity`` demands."""


class MockDataViolation(DataIntegrityViolation):
    """Raised when test doubles would go live with a module that rules them out.

    Attributes:
        paths: The way to each one from the module: ``service.client.session``.
    """

    def __init__(self, module_id: str, findings: Iterable[Finding], paths: Iterable[str]) -> None:
        super().__init__(module_id, "integrity", findings)
        self.paths = tuple(paths)


class InterruptedLoadError(ModframeError):
    """Raised when a change was stopped before its end, by cancellation or an interrupt."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What is known of a module or service that is required and not there.

    Attributes:
        fact: What it is, behind its name: ``"which no module provides"``.
        cure: What to do about it.
    """

    fact: str = "which no module provides"
    cure: str = "write that module, or take the requirement out"


class GraphError(ModframeError):
    """Raised when requirements can't be met; it names all missing modules and all cycles.

    Attributes:
        missing: Module id → the modules that it requires and that don't exist.
        cycles: Each cycle as a path that ends with its first module.
        known: Name → what is known of a missing module.
    """

    def __init__(
        self,
        missing: Mapping[str, tuple[str, ...]],
        cycles: Iterable[tuple[str, ...]],
        *,
        known: Mapping[str, Missing] | None = None,
    ) -> None:
        self.missing = dict(missing)
        self.cycles = tuple(cycles)
        self.known = dict(known or {})
        rows, cures = [], []
        for module, names in sorted(self.missing.items()):
            by_fact: dict[str, list[str]] = {}
            for name in names:
                about = self.known.get(name, Missing())
                by_fact.setdefault(about.fact, []).append(repr(name))
                cures.append(about.cure)
            rows += [f"{module} requires {', '.join(by_fact[fact])}, {fact}" for fact in by_fact]
        rows += [f"a cycle of requirements: {' → '.join(path)}" for path in self.cycles]
        if self.cycles:
            cures.append("let one side of a cycle look the other up when it is called")
        super().__init__("; ".join(rows), cure="; ".join(dict.fromkeys(cures)))

    def concerning(self, module_id: str) -> GraphError:
        """Return an error with only the missing modules and cycles of one module."""
        missing = {key: value for key, value in self.missing.items() if key == module_id}
        cycles = [path for path in self.cycles if module_id in path]
        return GraphError(missing, cycles, known=self.known)


class ImportCircleError(ModframeError, ImportError):
    """Raised when a module's file imports a module that is waiting for it.

    Attributes:
        path: The modules, each imported by the one before; it ends with the first one.
    """

    rule = "import-circle"
    path: tuple[str, ...] = ()  # type: ignore[assignment]  # ImportError's own is left out of a pickle

    def __init__(self, path: Iterable[str]) -> None:
        circle = tuple(path)
        super().__init__(
            f"modules import each other in a circle: {' → '.join(circle)}",
            cure="let one import inside the function that needs it, or use "
            "app_context.get_service()",
            path=circle,
        )


class BlockedError(ModframeError):
    """Raised, or kept as a module's error, when it can't start because of the modules in ``by``.

    ``failed`` has their errors, as far as they are known.
    """

    def __init__(
        self,
        module_id: str,
        by: Iterable[str],
        *,
        failed: Mapping[str, BaseException] | None = None,
    ) -> None:
        self.module_id, self.by = module_id, tuple(by)
        errors = [(failed or {}).get(one) for one in self.by]
        rows = [
            f"{one}, which is disabled by {error.by}" if isinstance(error, DisabledError) else one
            for one, error in zip(self.by, errors, strict=True)
        ]
        mend = f"mend {self.by[0]}"
        if isinstance(errors[0], DisabledError):
            mend = errors[0].findings[0].cure
        super().__init__(
            f"{module_id} is blocked by {', '.join(rows)}",
            cure=f"{mend}; {module_id} can then be loaded",
        )


class StartError(ModframeError):
    """Raised by ``start(strict=True)`` when modules failed, after everything was stopped again.

    ``errors`` maps each module id to its error.
    """

    def __init__(self, errors: Mapping[str, BaseException]) -> None:
        self.errors = dict(errors)
        rows = "".join(f"\n  - {error}" for error in errors.values())
        what = count(len(errors), "module")
        super().__init__(f"{what} did not start, so nothing was kept running:{rows}")


class StartConflictError(ModframeError):
    """Raised when ``start`` is called again with arguments that differ from the running app's."""


class FrameworkSettingsError(ModframeError, ValueError):
    """Raised when a ``MODFRAME_...`` variable of the environment has an invalid value."""


class WorkspaceError(ModframeError):
    """Raised when a folder can't serve as a workspace, or a module can't be found in it."""


class ModuleNotFoundInWorkspaceError(WorkspaceError, LookupError):
    """Raised when no module with an id is live, drafted or below ``modules/``."""


class DataFolderError(WorkspaceError):
    """Raised at start when nothing can be written to the data folder ``folder``."""


class FolderBusyError(WorkspaceError):
    """Raised when another process has been changing a folder for too long."""


class ArgumentError(ModframeError, TypeError):
    """Raised when an argument is of another type than a verb takes; nothing was done."""


class DecoratorError(ArgumentError):
    """Raised when a decorator of a module class has invalid arguments."""

    rule = "decorator"


class InvalidModuleIdError(ModframeError, ValueError):
    """Raised when a text can't be a module's id."""

    rule = "module-id"


class TaskDiedError(ModframeError):
    """Kept as a live module's error once a task or a thread of it has died.

    A task that has a name, and that fails again and again, counts as well.

    Attributes:
        module_id: The module, which stays live.
        kind: ``"task"`` or ``"thread"``.
        task: The name of the task or the thread.
        fate: What happened to it, in few words.
        last_line: The type and the message of its error, as the last line of a traceback has them.
    """

    module_id: str
    kind: str
    task: str
    fate: str
    last_line: str

    def hide(self, mask: Callable[[str], str]) -> None:
        """Take the secrets out of the message and of ``last_line``."""
        super().hide(mask)
        self.last_line = mask(self.last_line)

    @property
    def fact(self) -> str:
        """The task or thread and its error, in few words."""
        return f"{self.kind} {self.task!r} {self.fate}: {self.last_line}"


class TaskError(ModframeError):
    """Raised when a task can't be started, found or run."""

    rule = "task"


class ServiceNotFoundError(ModframeError, LookupError):
    """Raised when there is no service of a name; the message has the nearest names."""


class NoAttributeError(ModframeError, AttributeError):
    """Raised when a handle, a call or the app context has no attribute of a name."""


class NotAwaitableError(ModframeError, TypeError):
    """Raised when ``app.run()`` gets something that can't be awaited, such as a function."""


class NotAwaitedError(ModframeError, TypeError):
    """Raised when a call is used as if it were its value, which comes when it is awaited."""


class ServiceUnavailableError(ModframeError):
    """Raised when a handle is used while its module isn't live."""


class CallEndedError(ModframeError):
    """Raised by a call that was still running in a replaced generation at its deadline.

    Attributes:
        module_id: The module that was called.
        generation: The number of the generation that the call began on.
    """


class SupersededError(ModframeError):
    """Raised when a newer text of the module ``module_id`` came while this one waited."""


class OnAppLoopError(ModframeError, RuntimeError):
    """Raised when a blocking verb is called on the app loop, where it could never return."""


class LoopStuckError(ModframeError):
    """Raised when something keeps the app loop, so that what was asked for can't run there."""


class NotRunningError(ModframeError, RuntimeError):
    """Raised when the app context is used before it was started or after it was stopped."""


class ModuleExitError(ModframeError, RuntimeError):
    """Raised instead of a ``SystemExit`` or another `BaseException` of module code."""


class ExportError(ModframeError):
    """Raised when an export is refused, for the reasons in ``findings``; nothing was written."""


class ScaffoldError(ModframeError, ValueError):
    """Raised when a scaffold has an invalid name or feature, or would overwrite files."""


class UnknownRuleError(ModframeError, LookupError):
    """Raised when a page of a rule is asked for that there isn't."""


class ServeError(ModframeError):
    """Raised when a server can't be started on ``host`` and ``port``; nothing listens."""


class FormError(ModframeError):
    """Raised when a form can't be sent for a fault in its ``field``; nothing was called.

    Attributes:
        faults: What is wrong, by its place: the field, and the way inside its value with dots.
    """

    field: str = ""
    faults: Mapping[str, str] = MappingProxyType({})


class ResourceError(ModframeError):
    """Raised when a resource can't be made, or can't be told apart from others."""

    rule = "resources"


class ProcessError(ModframeError, RuntimeError):
    """Raised when a function can't be run in a child process, or the process did not finish it."""


class EventError(ModframeError, TypeError):
    """Raised when something is published that is no event."""


class EventRefusedError(ModframeError):
    """Raised by ``publish`` when the queue of a subscription with ``policy="refuse"`` is full.

    Attributes:
        subscriptions: Those that did not get the event; all others got it.
    """


class EventsNotSettledError(ModframeError, TimeoutError):
    """Raised by ``app.events.settled()`` when events are still waiting after its timeout."""


_ROOMS = (
    "parts.database.errors",
    "parts.database.revisions.errors",
    "parts.events.errors",
    "parts.web.errors",
    "server.surroundings.errors",
)
"""The rooms with public errors of their own."""


def __getattr__(name: str) -> Any:
    """Return an error that a room defines, such as `DatabaseConflictError`.

    Other code imports every error of modframe from this one place. The rooms import this file for
    `ModframeError`, so it can't import theirs when it is loaded, but only when a name is asked for.
    modframe's own code imports such an error from its room, so that no room depends on one above.

    Raises:
        AttributeError: If no room has an error of that name.
    """
    for room in _ROOMS if not name.startswith("_") else ():
        found = getattr(import_module(f"{__package__}.{room}"), name, None)
        if isinstance(found, type) and issubclass(found, ModframeError):
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
