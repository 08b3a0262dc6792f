"""`Request`: a request as a front end describes it, and as `httpx` sends it."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote

from httpx import URL

from ..errors import FormError
from ..masking import is_secret_name, mask

BodyKind = Literal["none", "json", "form", "multipart", "text"]
PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")
"""A parameter in a path, with its converter."""
PLACES = {"path": "inside", "query": "query", "header": "headers", "cookie": "cookies"}
"""Where a parameter stands, as OpenAPI says it → the attribute of `Request`."""
STARS = "***"


@dataclass(frozen=True)
class Request:
    """A request to a route.

    Attributes:
        path: The path of the route, with ``{parameters}``; ``inside`` has their values.
        kind: What ``body`` is: a text of JSON or another text, or the fields of a form, in which
            ``{"$bytes": <base64>, "name"}`` is a file.
    """

    method: str
    path: str
    inside: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str | list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    kind: BodyKind = "none"
    body: Any = None

    def filled(self, values: Mapping[str, Any]) -> Request:
        """Return it with the values of a form; parameters that are none are left out."""
        given: dict[str, Any] = {
            PLACES[place]: {
                name: [_form_text(one) for one in value]
                if place == "query" and isinstance(value, list)
                else _form_text(value)
                for name, value in values[place].items()
                if value is not None
            }
            for place in PLACES.keys() & values.keys()
        }
        body = values.get("body", "")
        return replace(self, **given, body=body, kind=self.kind if body != "" else "none")

    def url(self, *, whole: bool = True) -> str:
        """Return path and query; a path in a path keeps its slashes.

        Raises:
            FormError: If a parameter has no value, and it has to be ``whole``.
        """

        def fill(found: re.Match[str]) -> str:
            name, converter = found[1], found[2]
            value = self.inside.get(name, "")
            if not value and whole:
                places = {f"path.{name}": "is required"}
                raise FormError(f"{name!r} is required", field=f"path.{name}", faults=places)
            return quote(value, safe="/" if converter == "path" else "") or found[0]

        return str(URL(PARAMETER.sub(fill, self.path), params=dict(self.query) or None))

    def all_headers(self) -> dict[str, str]:
        """Return the headers, with the cookies and what a text as body needs."""
        headers = dict(self.headers)
        if self.cookies:
            pairs = (f"{name}={quote(value)}" for name, value in self.cookies.items())
            headers["Cookie"] = "; ".join(pairs)
        media = {"json": "application/json", "text": "text/plain"}.get(self.kind)
        if media and "content-type" not in map(str.lower, headers):
            headers["Content-Type"] = media
        return headers

    def content(self) -> dict[str, Any]:
        """Return the body as what `httpx.AsyncClient.request` takes."""
        if self.kind in ("json", "text"):
            return {"content": str(self.body).encode()}
        if self.kind == "none":
            return {}
        if not isinstance(self.body, dict):
            raise FormError("the body is no form", field="body")
        data, files = self.form()
        if self.kind == "form":
            return {"data": data}
        parts = {name: (one["name"], b64decode(one["$bytes"])) for name, one in files.items()}
        return {"files": {**{name: (None, text) for name, text in data.items()}, **parts}}

    def form(self) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        """Return the texts and the files of a form."""
        files = {
            name: {"name": name, **one}
            for name, one in self.body.items()
            if isinstance(one, dict) and "$bytes" in one
        }
        texts = {name: one for name, one in self.body.items() if name not in files}
        return {name: _form_text(one) for name, one in texts.items()}, files

    def masked(self) -> Request:
        """Return it with stars for values whose name means a secret."""
        body = self.body
        if self.kind == "json":
            body = _masked_json(str(body))
        elif isinstance(body, dict):
            body = _masked(body)
        return replace(
            self,
            inside=_masked(self.inside),
            query=_masked(self.query),
            headers=_masked(self.headers),
            cookies=_masked(self.cookies),
            body=body,
        )


def _form_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _masked(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: STARS if is_secret_name(name) and value else value for name, value in values.items()
    }


def _masked_json(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    masked = mask(value)
    return text if masked == value else json.dumps(masked, ensure_ascii=False)
