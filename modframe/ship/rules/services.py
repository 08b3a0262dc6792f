"""MF6..: a module's service: what its methods return, and what its documentation says of them.

Called by `check`; MF604 and MF605 are reported by the load itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...load.methods import public_methods
from ...load.text import place_of_callable
from ...spec import ServiceMethod, type_name
from .parsed import Function, ParsedModule
from .rule import Hit, Rule


def _plain_dict(module: ParsedModule) -> Iterator[Hit]:
    service = module.spec.service
    if service is None or service.service_class is None:
        return
    public = {name for name, _ in public_methods(service.service_class, service.methods)}
    found = module.class_named(service.service_class.__name__)
    for method in found[1].body if found else ():
        if (
            found
            and isinstance(method, Function)
            and method.name in public
            and _gives_result(service.methods.get(method.name))  # else result-pattern reports it
        ):
            for node in _returned(method):
                if isinstance(node, ast.Dict) or _is_dict_call(node):
                    yield Hit(f"{method.name}() returns a plain dict", found[0].place(node))


def _is_dict_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict"


def _gives_result(documented: ServiceMethod | None) -> bool:
    returns = documented.returns if documented is not None else None
    return returns is None or type_name(returns.return_type) == "Result"


def _returned(method: Function) -> Iterator[ast.expr]:
    """Yield what a method returns, without what functions inside it return."""
    waiting: list[ast.AST] = list(method.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value
        elif not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            waiting[:0] = ast.iter_child_nodes(node)


def _result_pattern(module: ParsedModule) -> Iterator[Hit]:
    service = module.spec.service
    if service is None or service.service_class is None:
        return
    for name, documented in service.methods.items():
        if not _gives_result(documented) and documented.returns is not None:
            returned = type_name(documented.returns.return_type)
            method = getattr(service.service_class, name, None)
            yield Hit(
                f"{name}() is documented to return {returned}; the guide's services give a Result",
                place_of_callable(method, module.source) or {"file": "api.py"},
            )


def _undocumented_service(module: ParsedModule) -> Iterator[Hit]:
    service = module.spec.service
    if service is not None and service.service_class is not None and not service.methods:
        message = f"@register_service({service.name!r}) documents no method"
        yield Hit(message, module.class_place)


def _undocumented_method(module: ParsedModule) -> Iterator[Hit]:
    service = module.spec.service
    if service is None or service.service_class is None or not service.methods:
        return
    for name, method in public_methods(service.service_class):
        if name not in service.methods:
            yield Hit(
                f"{name}() is public, and no ServiceMethod documents it",
                place_of_callable(method, module.source) or {"file": "api.py"},
                f"add ServiceMethod(name={name!r}, ...), or call it _{name}",
            )


RULES = (
    Rule(
        "MF601",
        "plain-dict",
        "warning",
        what="A public method of a service in the guide's form returns a `dict`.",
        why="Callers of a service look at `.success` before they use `.data`. A dict can't say "
        "that something failed, and every caller would need to know which methods give one.",
        example='async def count(self) -> dict:\n    return {"count": 3}',
        cure="return Result.success(data={...}), or Result.error(code, message)",
        cured='async def count(self) -> Result:\n    return Result.success(data={"count": 3})',
        check=_plain_dict,
        about="guide",
    ),
    Rule(
        "MF602",
        "result-pattern",
        "info",
        what="A `ServiceMethod` says that its method returns something else than a `Result`.",
        why="It is allowed; the guide's services give a Result.",
        example='ServiceMethod("count", returns=ServiceReturn("int"))',
        cure="return Result.success(...) or Result.error(...)",
        cured='ServiceMethod("count", returns=ServiceReturn("Result", "Its data: the number"))',
        check=_result_pattern,
        about="guide",
    ),
    Rule(
        "MF603",
        "undocumented-service",
        "warning",
        what="`@register_service` documents no method.",
        why="The documentation is what callers may rely on, and what help and catalogues show.",
        example='@register_service("standard.orders.service", methods=[])',
        cure="list what callers may rely on: methods=[ServiceMethod(...)]",
        cured='@register_service("standard.orders.service", methods=[ServiceMethod("count")])',
        check=_undocumented_service,
        about="guide",
    ),
    Rule(
        "MF604",
        "documented-method",
        "warning",
        what="A documented method isn't there.",
        why="Whoever reads the documentation gets an `AttributeError`.",
        example='methods=[ServiceMethod("count_all")]  # the class has count()',
        cure="write the method or take the ServiceMethod out",
        cured='methods=[ServiceMethod("count")]',
        about="load",
    ),
    Rule(
        "MF605",
        "documented-signature",
        "warning",
        what="The documented parameters or the documented return type are not those of the method.",
        why="A call that follows the documentation fails.",
        example='ServiceMethod("count", params=[])  # and: async def count(self, kind: str)',
        cure="document what the method takes and returns",
        cured='ServiceMethod("count", params=[ServiceParam("kind", "str")])',
        about="load",
    ),
    Rule(
        "MF606",
        "undocumented-method",
        "info",
        what="A public method is in no `ServiceMethod`, while others are.",
        why="Callers can't tell whether they may rely on it.",
        example='methods=[ServiceMethod("count")]  # and the class has a public total()',
        cure="document the method, or begin its name with an underscore",
        cured='methods=[ServiceMethod("count"), ServiceMethod("total")]',
        check=_undocumented_method,
        about="load",
    ),
)
