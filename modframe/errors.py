"""Every error of modframe's, in one tree, and the `Finding` that checks and errors share.

A message names its subject, says what is wrong, and what to do next. The facts behind the
sentence stay on the error as attributes, so that a program can act on them. Rooms that own a
subject (databases, the server) keep their branches of the tree in an `errors.py` of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from types import MappingProxyType
from typing import Any, Literal

from .wording import count

Level = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check has to say about a module: where it is, what is wrong, what to do.

    Attributes:
        rule: Stable name of the rule, for example ``"missing-decorator"``.
        level: ``"error"`` keeps a module from loading; the others never do.
        message: What is wrong, naming the subject.
        cure: The next step, as a sentence without a full stop.
        file: The module's file, for example ``"api.py"``; empty if it is about the whole.
        line: Line in that file or cell, from 1; 0 if unknown.
        cell: What the notebook calls the place (``"Cell In[3]"``); empty for files.
    """

    rule: str
    level: Level
    message: str
    _: KW_ONLY
    cure: str = ""
    file: str = ""
    line: int = 0
    cell: str = ""

    @property
    def place(self) -> str:
        """Where it is, for people: ``"api.py, Cell In[3], line 7"``."""
        parts = [self.file, self.cell, f"line {self.line}" if self.line else ""]
        return ", ".join(part for part in parts if part)

    def to_dict(self) -> dict[str, Any]:
        """The finding as programs read it; ``cell`` is there only if there is one."""
        names = ("rule", "level", "file", "line", "message", "cure", *(("cell",) * bool(self.cell)))
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        return _sentence(f"{self.place}: {self.message}" if self.place else self.message, self.cure)


def _sentence(message: str, cure: str) -> str:
    if not cure:
        return message
    stop = "" if cure.endswith((".", "!", "?")) else "."
    last = f"{cure[0].upper()}{cure[1:]}{stop}"
    if "\n" in message:  # a list or an excerpt: the next step stands apart from it
        return f"{message}\n{last}"
    end = "" if message.endswith((".", "!", "?")) else "."
    return f"{message}{end} {last}"


class ModframeError(Exception):
    """Base class of every error that modframe raises.

    Args:
        message: What is wrong.
        cure: What to do next; becomes the last sentence.
        subject: The module that the error is about, where the message does not name it. The text
            of the error then begins with it.
        attributes: Facts that stay on the error as attributes.

    Attributes:
        rule: The rule of the `Finding` that a load makes of such an error; empty for the default.
    """

    rule = ""

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
        return _sentence(self.message, self.cure)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), str(self), dict(self.__dict__))


def reason_of(error: BaseException) -> str:
    """Return what an error says, without the module that it is about."""
    return error.reason if isinstance(error, ModframeError) else str(error)


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
"""So many findings stand in the text of an error."""


class LoadError(ModframeError):
    """Raised when a module's text can't become a running generation; nothing live has changed.

    Attributes:
        module_id: The module that did not load.
        step: The step that failed: ``check``, ``import``, ``read``, ``graph``, ``contract``, a
            part's name, ``phase1``, ``phase2``, ``test``, ``handover``; ``activate``, after which
            the generation is live all the same.
        findings: What is wrong, every finding of level error first.
    """

    def __init__(
        self, module_id: str, step: str, findings: Iterable[Finding], *, note: str = ""
    ) -> None:
        found = sorted(findings, key=lambda one: one.level != "error")
        self.module_id, self.step, self.findings = module_id, step, tuple(found)
        self.file, self.line, self.cell = found[0].file, found[0].line, found[0].cell
        errors = [one for one in found if one.level == "error"] or found
        if len(errors) == 1:
            text = str(errors[0])
        else:
            rows = "".join("\n  - " + str(one).replace("\n", "\n    ") for one in errors[:_LISTED])
            if len(errors) > _LISTED:
                rows += f"\n  - and {len(errors) - _LISTED} more, which its .findings hold"
            text = f"{len(errors)} faults{rows}"
        super().__init__(f"{text}{note}", subject=module_id)
        self.cure = found[0].cure

    @property
    def reason(self) -> str:
        """All faults, without the module's id; each already ends with its cure."""
        return self.message

    def add(self, finding: Finding) -> None:
        """Say one thing more, which came up while the failed load was taken back."""
        self.findings = (*self.findings, finding)
        self.add_note(f"{finding.level}: {finding}")


class ContractError(LoadError):
    """Raised when a change would take away, or change, what live modules use of a service.

    Attributes:
        changes: What would break whom: frozen, each with its ``text``, ``before``, ``after`` and
            ``uses``.
    """

    def __init__(self, module_id: str, findings: Iterable[Finding], changes: Iterable[Any]) -> None:
        super().__init__(module_id, "contract", findings)
        self.changes = tuple(changes)

    @property
    def users(self) -> tuple[str, ...]:
        """Each place that would break, once: ``standard.shop (api.py, line 7)``."""
        return tuple(dict.fromkeys(str(use) for change in self.changes for use in change.uses))


class InterruptedLoadError(ModframeError):
    """Raised when a change was stopped on the way, by cancellation or an interrupt."""


class GraphError(ModframeError):
    """Raised when requirements can't be met: all missing ones and all cycles at once.

    Attributes:
        missing: module id → what it requires and nobody gives.
        cycles: Each cycle as a path that ends where it began.
    """

    def __init__(
        self, missing: Mapping[str, tuple[str, ...]], cycles: Iterable[tuple[str, ...]]
    ) -> None:
        self.missing = MappingProxyType(dict(missing))
        self.cycles = tuple(cycles)
        rows = [
            f"{module} requires {', '.join(map(repr, names))}, which no module provides"
            for module, names in sorted(missing.items())
        ]
        rows += [f"a cycle of requirements: {' → '.join(path)}" for path in self.cycles]
        cure = (
            "add the missing module or take the requirement out; break a cycle by letting one "
            "side look the other up when it is called"
        )
        super().__init__("; ".join(rows), cure=cure)

    def __reduce__(self) -> tuple[Any, ...]:
        return GraphError, (dict(self.missing), self.cycles)

    def concerning(self, module_id: str) -> GraphError:
        """The same error, cut down to what one module is part of."""
        missing = {key: value for key, value in self.missing.items() if key == module_id}
        return GraphError(missing, [path for path in self.cycles if module_id in path])


class ImportCircleError(ModframeError, ImportError):
    """Raised where a module's file imports a module that waits for it.

    Attributes:
        path: The modules, each imported by the one before; it ends where it began.
    """

    rule = "import-circle"

    def __init__(self, path: Iterable[str]) -> None:
        way = tuple(path)
        super().__init__(
            f"modules import each other in a circle: {' → '.join(way)}",
            cure="let one import inside the function that needs it, or use "
            "app_context.get_service()",
            path=way,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return ImportCircleError, (self.__dict__["path"],)


class BlockedError(ModframeError):
    """Raised, or kept as a module's error, when a module can't start because of another.

    Attributes:
        module_id: The module that is held up.
        by: The modules that hold it up.
    """

    module_id: str
    by: tuple[str, ...]

    def __init__(self, module_id: str, by: Iterable[str]) -> None:
        names = tuple(by)
        super().__init__(
            f"{module_id} is blocked by {', '.join(names)}",
            cure=f"mend {names[0]}; {module_id} can then be loaded",
            module_id=module_id,
            by=names,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return BlockedError, (self.module_id, self.by)


class StartError(ModframeError):
    """Raised by ``start(strict=True)`` when modules failed, after everything was stopped again.

    Attributes:
        errors: module id → its error.
    """

    def __init__(self, errors: Mapping[str, BaseException]) -> None:
        self.errors = MappingProxyType(dict(errors))
        rows = "".join(f"\n  - {error}" for error in errors.values())
        what = count(len(errors), "module")
        super().__init__(f"{what} did not start, so nothing was kept running:{rows}")

    def __reduce__(self) -> tuple[Any, ...]:
        return StartError, (dict(self.errors),)


class StartConflictError(ModframeError):
    """Raised when ``start`` is called again with arguments that differ from the running app's."""


class FrameworkSettingsError(ModframeError, ValueError):
    """Raised when a ``MODFRAME_...`` variable of the environment has a value that can't be."""


class WorkspaceError(ModframeError):
    """Raised when a folder can't serve as a workspace, or a module can't be found in it."""


class ModuleNotFoundInWorkspaceError(WorkspaceError, LookupError):
    """Raised when an id names no module that is live, drafted or below ``modules/``."""


class DecoratorError(ModframeError, TypeError):
    """Raised when a decorator of a module class is given what it can't work with."""

    rule = "decorator"


class InvalidModuleIdError(ModframeError, ValueError):
    """Raised when a text can't be a module's id."""

    rule = "module-id"


class ServiceNotFoundError(ModframeError, LookupError):
    """Raised when a service name leads nowhere; the message offers the nearest names."""


class ServiceUnavailableError(ModframeError):
    """Raised when a handle is used while its module isn't live."""


class CallEndedError(ModframeError):
    """Raised out of a call that was inside a replaced generation past its deadline.

    Attributes:
        module_id: Whose call it was. ``generation``: the number it began on.
    """


class SupersededError(ModframeError):
    """Raised where a newer text of a module came before this one had its turn.

    Attributes:
        module_id: The module.
    """


class OnAppLoopError(ModframeError, RuntimeError):
    """Raised when a blocking verb is called on the app loop, where it would wait for itself."""


class NotRunningError(ModframeError, RuntimeError):
    """Raised when the app context is used before it was started or after it was stopped."""


class ModuleExitError(ModframeError, RuntimeError):
    """Raised in place of a ``SystemExit``, or another that is no `Exception`, of module code."""


class ExportError(ModframeError):
    """Raised when an export is refused; nothing was written.

    Attributes:
        findings: What stands against it.
    """


class ScaffoldError(ModframeError, ValueError):
    """Raised when a scaffold is asked for with a bad name or feature, or would overwrite."""


class ServeError(ModframeError):
    """Raised when a server can't be started as asked; nothing listens.

    Attributes:
        host: The address that was asked for.
        port: The port that was asked for.
    """


class FormError(ModframeError):
    """Raised when what a person wrote into a form can't be sent; nothing was called.

    Attributes:
        field: The field that it is about.
    """


class ResourceError(ModframeError):
    """Raised when a resource can't be made, or can't be told from others."""

    rule = "resources"
