"""MF1..: what module code does anywhere: output, exceptions, waiting, and the borders of modules.

Called by `check`; every rule here reads the text alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .parsed import Function, ParsedFile, ParsedModule
from .rule import Hit, Rule

_BLOCKING = {
    "time.sleep": "await asyncio.sleep(...)",
    "input": "take the value as a parameter of a route or a method",
    "os.system": "await asyncio.create_subprocess_exec(...)",
    "urllib.request.urlopen": "await a request of httpx.AsyncClient",
    "socket.create_connection": "await asyncio.open_connection(...)",
    **{
        f"subprocess.{name}": "await asyncio.create_subprocess_exec(...)"
        for name in ("run", "call", "check_call", "check_output", "getoutput")
    },
    **{
        f"{client}.{name}": "await a request of httpx.AsyncClient"
        for client in ("requests", "httpx")
        for name in ("get", "post", "put", "patch", "delete", "head", "options", "request")
    },
}
"""Call that waits without letting others run → what to write in async code."""


def _print(module: ParsedModule) -> Iterator[Hit]:
    for parsed in module.files:
        if "print" not in parsed.bound:
            for node, _ in parsed.calls("print"):
                yield Hit("print() has neither a level nor the module's id", parsed.place(node))


def _bare_except(module: ParsedModule) -> Iterator[Hit]:
    for parsed in module.files:
        for node in parsed.nodes:
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                last = node.body[-1]
                if not (isinstance(last, ast.Raise) and last.exc is None):
                    yield Hit(
                        "a bare 'except:' also catches cancellation and KeyboardInterrupt",
                        parsed.place(node),
                    )


def _blocking(module: ParsedModule) -> Iterator[Hit]:
    for parsed in module.files:
        for function in parsed.nodes:
            if not isinstance(function, ast.AsyncFunctionDef):
                continue
            for node in _own_nodes(function):
                name = parsed.dotted(node.func) if isinstance(node, ast.Call) else ""
                if name in _BLOCKING and not (name == "input" and name in parsed.bound):
                    message = f"{name}() in async {function.name}() keeps the app loop waiting"
                    cure = f"{_BLOCKING[name]}, or await asyncio.to_thread({name}, ...)"
                    yield Hit(message, parsed.place(node), cure)


def _own_nodes(function: ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """Yield the nodes that run on the loop: those of the body, without functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Function | ast.Lambda):
            yield node
            waiting.extend(ast.iter_child_nodes(node))


def _private_import(module: ParsedModule) -> Iterator[Hit]:
    own = f"modules.{module.source.module_id}."
    for parsed in module.files:
        seen: set[tuple[int, str]] = set()
        for node in parsed.nodes:
            for name in _names_from_outside(parsed, node):
                place, owner = parsed.place(node), _private(name, own)
                if owner and (place["line"], owner) not in seen:
                    seen.add((place["line"], owner))
                    *path, private = owner.split(".")
                    yield Hit(f"{private!r} is private to {'.'.join(path)}", place)


def _names_from_outside(parsed: ParsedFile, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{parsed.origin(node)}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Attribute):
        first: ast.AST = node
        while isinstance(first, ast.Attribute):
            first = first.value
        if isinstance(first, ast.Name) and first.id in parsed.imported:
            yield parsed.dotted(node)


def _private(name: str, own: str) -> str:
    """Return the name up to its first private part, if it is of another module or of modframe."""
    if not name.startswith(("modules.", "modframe.", "core.")) or f"{name}.".startswith(own):
        return ""
    parts = name.split(".")
    for number, part in enumerate(parts, 1):
        if part.startswith("_") and not part.startswith("__"):
            return ".".join(parts[:number])
    return ""


RULES = (
    Rule(
        "MF101",
        "print",
        "warning",
        what="Module code calls `print`.",
        why="A printed line has no level, no time and no module, so that nobody can filter it "
        "or turn it off. The framework's logger writes all of them into `data/logs/app.log`.",
        example='print("order stored", number)',
        cure="log it: logger = get_framework_logger(MODULE_ID), then logger.info(...)",
        cured='logger.info("order stored", extra={"number": number})',
        check=_print,
    ),
    Rule(
        "MF102",
        "bare-except",
        "warning",
        what="An `except:` names no exception and does not raise it again.",
        why="It also catches `asyncio.CancelledError`, so that a task which should end goes on, "
        "and it hides faults that nobody thought of.",
        example="try:\n    await self.send(order)\nexcept:\n    return None",
        cure="name what can be raised here, or write 'except Exception'",
        cured="try:\n    await self.send(order)\nexcept httpx.HTTPError as error:\n"
        '    return Result.error("NOT_SENT", str(error))',
        check=_bare_except,
    ),
    Rule(
        "MF103",
        "blocking-call",
        "warning",
        what="An `async def` calls something that blocks: `time.sleep`, `requests`, the plain "
        "functions of `httpx`, `subprocess.run`, `os.system`, `urlopen`, `input`.",
        why="All modules share one app loop. While one waits so, no request is answered and no "
        "task runs. `open` is not reported: a small file is read in microseconds, and the "
        "watchdog names what really keeps the loop.",
        example="async def fetch(self):\n    return requests.get(self.url)",
        cure="await it",
        cured="async def fetch(self):\n    return await self.client.get(self.url)",
        check=_blocking,
    ),
    Rule(
        "MF104",
        "private-import",
        "warning",
        what="A name that begins with an underscore is imported from another module, or from "
        "modframe.",
        why="Only public names are promised to stay. A private one may be gone after the next "
        "swap of that module, and no contract check sees the use.",
        example="from modules.standard.stock.services import _count",
        cure="call that module's service, or ask for a public name",
        cured='count = await app_context.get_service("stock").count()',
        check=_private_import,
    ),
)
