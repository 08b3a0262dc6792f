"""A call and a request as text that a person can take along: as code of a cell, for httpx, as curl.

In come what the operations `call` and `request` get; out go titles with texts. Values whose name
means a secret are stars.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from ..masking import SECRET_TYPES, is_secret_name
from .requests import STARS, Request

Texts = list[dict[str, str]]
LONG = 60
"""Bytes that stand in code; more are read from a file."""


# -- a call ----------------------------------------------------------------------------------------


def call_text(service: str, method: str, values: Sequence[Any], named: Mapping[str, Any]) -> Texts:
    """Return a call with these arguments, which are what the method gets, as code of a cell."""
    parts = service.split(".")
    short = parts[1] if (parts[0], parts[-1], len(parts)) == ("standard", "service", 3) else service
    given = ", ".join(filter(None, [*map(_literal, values), _arguments(named)]))
    call = f"app.get_service({_quoted(short)}).{method}({given})"
    imports = ["import datetime"] if "datetime." in call else []
    imports += ["from decimal import Decimal"] if "Decimal(" in call else []
    imports += ["from uuid import UUID"] if "UUID(" in call else []
    return [{"title": "cell", "text": "\n".join([*imports, call])}]


def _arguments(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_literal(value, name)}" for name, value in values.items())


def _literal(value: Any, name: str = "") -> str:
    """Return a value as Python; a class of a module's stands there by its own name."""
    kind = type(value).__name__
    if isinstance(value, SECRET_TYPES) or (isinstance(value, str) and is_secret_name(name)):
        return _quoted(STARS)
    if isinstance(value, Enum):
        return f"{kind}({_literal(value.value)})"
    if isinstance(value, BaseModel):
        names = [key for key in type(value).model_fields if key in value.model_fields_set]
        return f"{kind}({_arguments({key: getattr(value, key) for key in names})})"
    if is_dataclass(value) and not isinstance(value, type):
        given = {one.name: getattr(value, one.name) for one in fields(value)}
        return f"{kind}({_arguments(given)})"
    if isinstance(value, Mapping):
        pairs = (f"{_literal(key)}: {_literal(one, str(key))}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, bytes) and len(value) > LONG:
        return 'open("file", "rb").read()'
    if isinstance(value, str):
        return _quoted(value)
    plain = value is None or isinstance(value, int | float | bytes | tuple | set | frozenset)
    exact = isinstance(value, date | time | timedelta | Decimal | UUID)
    return repr(value) if plain or exact else f"...  # {kind}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# -- a request -------------------------------------------------------------------------------------


def request_texts(request: Request, server: str) -> Texts:
    """Return a request as curl, as a script for httpx, and as code of a cell, without secrets."""
    request = request.masked()
    call = f"client.request({', '.join(_request_arguments(request))})"
    client = f"with httpx.Client(base_url={_quoted(server)}) as client:"
    script = f"import httpx\n\n{client}\n    print({call}.text)"
    cell = f"async with app.test_client() as client:\n    answer = await {call}\nanswer.text"
    texts = {"curl": _curl(request, server), "httpx": script, "cell": cell}
    return [{"title": title, "text": text} for title, text in texts.items()]


def _request_arguments(request: Request) -> Iterator[str]:
    """Yield the arguments of ``client.request``."""
    headers, kind, body = request.all_headers(), request.kind, request.body
    plain = None
    try:
        plain = json.loads(body) if kind == "json" else None
        headers = {**request.headers} if kind == "json" and not request.cookies else headers
    except ValueError:
        kind = "text"
    yield _quoted(request.method)
    yield _quoted(request.url(whole=False))
    if headers:
        yield f"headers={_literal(headers)}"
    if kind == "json":
        yield f"json={_literal(plain)}"
    elif kind == "text":
        yield f"content={_quoted(str(body))}"
    elif kind != "none":
        data, files = request.form()
        parts = [f"{_quoted(name)}: (None, {_quoted(text)})" for name, text in data.items()]
        parts += [
            f'{_quoted(name)}: open({_quoted(one["name"])}, "rb")' for name, one in files.items()
        ]
        yield f"data={_literal(data)}" if kind == "form" else f"files={{{', '.join(parts)}}}"


def _curl(request: Request, server: str) -> str:
    plain = request.method == "GET" and request.kind == "none"  # curl posts what has a body
    words = ["curl", *([] if plain else ["-X", request.method])]
    words.append(server + request.url(whole=False))
    for name, value in request.all_headers().items():
        words += ["-H", f"{name}: {value}"]
    if request.kind in ("json", "text"):
        words += ["-d", str(request.body)]
    elif request.kind != "none":
        data, files = request.form()
        flag = "--data-urlencode" if request.kind == "form" else "-F"
        for name, text in data.items():
            words += [flag, f"{name}={text}"]
        for name, one in files.items():
            words += [flag, f"{name}=@{one['name']}"]
    return shlex.join(words)
