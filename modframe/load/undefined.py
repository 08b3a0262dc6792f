"""`unknown_names`: the names that a file uses and nothing defines; called once per text.

The instructions of the compiled code tell whether there may be any, in a tenth of the time that
pyflakes takes. Only then pyflakes runs, and tells which and where.
"""

from __future__ import annotations

import ast
import builtins
import opcode
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from types import CodeType

INJECTED_NAMES = frozenset(
    {
        "__annotations__",
        "__builtins__",
        "__file__",
        "__loader__",
        "__module__",
        "__package__",
        "__path__",
        "__qualname__",
        "__spec__",
    }
)
NOTEBOOK_NAMES = frozenset({"__IPYTHON__", "display", "get_ipython"})
"""Built-ins that IPython adds to its process; they don't exist on a server."""
_BUILT_IN = (frozenset(dir(builtins)) - NOTEBOOK_NAMES) | INJECTED_NAMES
_DYNAMIC = frozenset({"globals", "locals", "exec"})
"""A file that uses one of these may define names that its text doesn't show."""

_EXTENDED = opcode.opmap["EXTENDED_ARG"]
_LOAD_GLOBAL = opcode.opmap["LOAD_GLOBAL"]
_KINDS = {
    opcode.opmap[name]: kind
    for name, kind in {
        "LOAD_GLOBAL": "global",
        "LOAD_NAME": "load",
        "LOAD_FROM_DICT_OR_GLOBALS": "load",
        "STORE_NAME": "store",
        "STORE_GLOBAL": "store_global",
        "DELETE_NAME": "delete",
        "DELETE_GLOBAL": "delete",
    }.items()
    if name in opcode.opmap
}


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A name that nothing defines.

    Attributes:
        certain: Whether executing it fails for sure; not so in string annotations, or in files that
            define names dynamically.
    """

    name: str
    line: int
    certain: bool


@dataclass
class _Use:
    """The names that the code objects of a file load and store."""

    bound: set[str] = field(default_factory=set)
    loaded: set[str] = field(default_factory=set)
    deletes: bool = False


def unknown_names(tree: ast.Module, code: CodeType, annotated: Set[str]) -> tuple[UnknownName, ...]:
    """Return the names that nothing defines, by line.

    ``annotated`` are names in annotations, which code doesn't load if evaluation is postponed.
    """
    use = _Use()
    _collect(code, use, top=True)
    if not use.deletes and (use.loaded | annotated) <= (use.bound | _BUILT_IN):
        return ()
    return tuple(_by_pyflakes(tree, dynamic=bool(use.loaded & _DYNAMIC)))


def _collect(code: CodeType, use: _Use, *, top: bool) -> None:
    own: set[str] = set()
    for kind, name in _accesses(code):
        if kind == "store":
            own.add(name)
        elif kind == "store_global":
            use.bound.add(name)
        elif kind == "delete":
            use.deletes = True
        elif kind == "global" or name not in own:
            use.loaded.add(name)
    if top:
        use.bound |= own
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _collect(constant, use, top=False)


def _accesses(code: CodeType) -> Iterator[tuple[str, str]]:
    names, raw, high = code.co_names, code.co_code, 0
    for operation, low in zip(raw[::2], raw[1::2], strict=True):
        if operation == _EXTENDED:
            high = (high | low) << 8
            continue
        kind = _KINDS.get(operation)
        if kind is not None:
            index = high | low
            yield kind, names[index >> 1 if operation == _LOAD_GLOBAL else index]
        high = 0


def _by_pyflakes(tree: ast.Module, *, dynamic: bool) -> Iterator[UnknownName]:
    from pyflakes import messages
    from pyflakes.checker import Checker

    class PlainChecker(Checker):  # type: ignore[misc]  # pyflakes carries no types
        """pyflakes without the built-ins that IPython adds to this process."""

        @property
        def builtIns(self) -> frozenset[str]:  # noqa: N802  # pyflakes' name for them
            return self._plain

        @builtIns.setter
        def builtIns(self, names: frozenset[str]) -> None:  # noqa: N802
            self._plain = names - NOTEBOOK_NAMES

    try:
        reports = PlainChecker(tree, filename="", builtins=INJECTED_NAMES).messages
    except RecursionError:
        return  # nested too deeply for pyflakes, though not for Python: nothing can be reported
    undefined = [report for report in reports if isinstance(report, messages.UndefinedName)]
    if not undefined:
        return
    in_code = {
        (node.lineno, node.col_offset) for node in ast.walk(tree) if isinstance(node, ast.Name)
    }
    for report in sorted(undefined, key=lambda report: (report.lineno, report.col)):
        certain = not dynamic and (report.lineno, report.col) in in_code
        yield UnknownName(str(report.message_args[0]), int(report.lineno), certain)
