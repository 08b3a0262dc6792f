"""What views and forms know of a service: its methods with their parameters, as JSON-ready facts.

Called by the service part, once for a generation; everything in it is plain text and JSON Schema.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from ...load.methods import public_methods, signature_of, signature_text, type_hints
from ...masking import mask
from ...runtime.generation import Generation
from ...spec import ServiceMethod, ServiceParam, type_name

_UNDOCUMENTED = ServiceMethod("")
_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
_LONG_NAMES = re.compile(
    r"(?<![\w.'\"])"
    r"(?:modules(?:\.[\w~]+)+|(?:modframe|pydantic)(?:\.\w+)*|typing|datetime)\.(?=\w)"
)


def short_names(signature: str) -> str:
    """Return a signature without the packages of its types, which carry the generation's number.

    >>> short_names("(order: modules.standard.orders~3.api.Order) -> modframe.result.Result")
    '(order: Order) -> Result'
    >>> short_names("(at: datetime.datetime, key: pydantic.types.SecretStr)")
    '(at: datetime, key: SecretStr)'
    """
    return _LONG_NAMES.sub("", signature) if "." in signature else signature


def describe_services(generation: Generation) -> dict[str, Any]:
    """Return service name → its class and its methods.

    Each parameter has its type as text, as JSON Schema (``{}`` if it has none), its default as
    JSON, and, if it is documented, its description. What else a `ServiceMethod` says stands with
    the method: its description, what it returns, examples and tags.
    """
    documented = generation.spec.service.methods if generation.spec.service else {}
    return {
        name: describe_service(instance, documented)
        for name, instance in generation.own_services.items()
    }


def describe_service(instance: Any, documented: Mapping[str, ServiceMethod]) -> dict[str, Any]:
    """Return the facts of one service: its class, and its methods with what is documented."""
    cls = type(instance)
    return {
        "class": cls.__qualname__,
        "methods": [
            _describe_method(instance, key, method, documented.get(key))
            for key, method in public_methods(cls, documented)
        ],
    }


def _describe_method(
    instance: Any, name: str, method: Any, documentation: ServiceMethod | None
) -> dict[str, Any]:
    bound = getattr(instance, name)
    signature = signature_of(bound)
    doc = documentation.description if documentation else _doc_of(type(instance), name, method)
    parameters = signature.parameters if signature else {}
    return {
        "name": name,
        "signature": signature_text(signature),
        "description": str(doc).split("\n\n")[0],
        "documented": documentation is not None,
        "params": _describe_parameters(bound, parameters, documentation),
        **_words_of(documentation or _UNDOCUMENTED, signature),
    }


def _words_of(documentation: ServiceMethod, signature: inspect.Signature | None) -> dict[str, Any]:
    """Return what a method's documentation says of it beside its parameters."""
    annotation = signature.return_annotation if signature else inspect.Signature.empty
    annotated = "" if annotation is inspect.Signature.empty else type_name(annotation)
    returns, tags = documentation.returns, documentation.tags
    return {
        "returns": {
            "type": short_names(type_name(returns.return_type) if returns else annotated),
            "description": str(returns.description) if returns else "",
        },
        "examples": [
            {"call": str(example.call), "result": str(example.result)}
            for example in documentation.examples
        ],
        "tags": [tags] if isinstance(tags, str) else [str(tag) for tag in tags],
    }


def _doc_of(cls: type, name: str, method: Any) -> str:
    """Return the docstring of a method, its own or an inherited one."""
    own_method = getattr(method, "__qualname__", "") == f"{cls.__qualname__}.{name}"
    if own_method and method.__doc__ is None and cls.__bases__ == (object,):
        return ""  # `inspect` would search long for one to inherit
    return inspect.getdoc(method) or ""


def _describe_parameters(
    method: Any,
    parameters: Mapping[str, inspect.Parameter],
    documentation: ServiceMethod | None,
) -> list[dict[str, Any]]:
    hints = type_hints(method) if parameters else {}
    words = {param.name: param for param in documentation.params} if documentation else {}
    return [
        {
            "name": parameter.name,
            "type": _type_of(parameter, words.get(parameter.name)),
            "schema": _json_schema(hints.get(parameter.name, parameter.annotation)),
            "required": parameter.default is parameter.empty,
            "default": None
            if parameter.default is parameter.empty
            else _as_json(parameter.default, parameter.name),
            **_described(words.get(parameter.name)),
        }
        for parameter in parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def _described(words: ServiceParam | None) -> dict[str, str]:
    return {"description": str(words.description)} if words else {}


def _type_of(parameter: inspect.Parameter, words: ServiceParam | None) -> str:
    """Return the type of a parameter as text: the annotated one, else the documented one."""
    if parameter.annotation is not parameter.empty:
        return type_name(parameter.annotation)
    says = type_name(words.param_type) if words else ""
    return "" if says == "Any" else says


def _json_schema(annotation: Any) -> dict[str, Any]:
    """Return a type as JSON Schema; empty if it is none that pydantic knows."""
    if annotation is inspect.Parameter.empty or isinstance(annotation, str):
        return {}
    if isinstance(annotation, type) and annotation in _JSON_TYPES:
        return {"type": _JSON_TYPES[annotation]}
    from pydantic import TypeAdapter
    from pydantic.json_schema import GenerateJsonSchema

    class Quiet(GenerateJsonSchema):
        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012  # pydantic's own

    try:
        return TypeAdapter(annotation).json_schema(schema_generator=Quiet)
    except Exception:  # noqa: BLE001  # a module's types are its own: any may refuse
        return {}


def _as_json(value: Any, name: str) -> Any:
    """Return the default of a parameter as JSON-ready data, or as its text; a secret is masked."""
    from pydantic_core import to_jsonable_python

    try:
        return mask(to_jsonable_python(value, fallback=repr), name)
    except Exception:  # noqa: BLE001  # the author's object, whose repr may fail too
        return f"<{type(value).__name__}>"
