"""`make_reference`: what the modules of a workspace offer, as one Markdown page.

In goes a workspace; out comes the text, and what could not be read. ``modframe reference`` calls
it. The modules are loaded, and none is started: no phase runs, and neither the environment nor any
data is read, so that the page is the same on every machine.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ModframeError, reason_line
from ..load import Loaded
from ..parts.service.methods import describe_service, short_names
from ..parts.service.words import type_of_parameter
from ..source import Source, find_modules, read_folder
from ..spec import ModuleSpec
from ..wording import one_line
from .check import load_in_time
from .detached import DetachedModules


@dataclass(frozen=True, slots=True)
class Reference:
    """The page, and module id → why that module is missing from it but for its name."""

    text: str
    failed: Mapping[str, str]


def make_reference(workspace: Path) -> Reference:
    """Return the reference of all modules below ``modules/``, in the order of their ids."""
    modules, failed = [], {}
    detached = DetachedModules(workspace / "modules", mark="reference")
    try:
        for module_id, folder in sorted(find_modules(workspace / "modules").items()):
            try:
                source = read_folder(folder, module_id=module_id)
                modules.append(_module(load_in_time(detached, source), source))
            except ModframeError as error:
                failed[module_id] = reason_line(error)
                modules.append({"id": module_id, "error": failed[module_id], "description": ""})
    finally:
        detached.close()
    return Reference(_render(workspace.resolve().name, modules), failed)


def _module(loaded: Loaded, source: Source) -> dict[str, Any]:
    """Return what the template shows of a module."""
    spec = loaded.spec
    return {
        "id": spec.module_id,
        "error": "",
        "version": spec.version,
        "description": spec.description,
        "requires": spec.required_ids,
        "services": list(_services(spec)),
        "routes": list(_routes(spec, source)),
        "settings": list(_settings(loaded)),
        "tables": list(_tables(loaded)),
    }


def _services(spec: ModuleSpec) -> Iterator[dict[str, Any]]:
    service = spec.service
    if service is None or service.service_class is None:
        return
    try:
        instance: Any = object.__new__(
            service.service_class
        )  # it has methods to look at, and no state
    except TypeError:  # an abstract class, or one of a built-in type
        return
    yield {"name": service.name, **describe_service(instance, service.methods)}


def _routes(spec: ModuleSpec, source: Source) -> Iterator[Any]:
    if spec.router is None:
        return
    from ..parts.web.application import build_web
    from ..parts.web.forget import forget

    try:
        yield from build_web(source.module_id, spec.router, paths=spec.paths).routes
    finally:
        forget()


def _settings(loaded: Loaded) -> Iterator[Any]:
    from ..parts.settings.describe import describe_model
    from ..parts.settings.part import settings_models

    named = loaded.spec.settings_model
    models = [named] if named is not None else settings_models(loaded.package.modules()).values()
    for model in models:
        yield from describe_model(model, loaded.spec.module_id)


def _tables(loaded: Loaded) -> Iterator[dict[str, Any]]:
    modules = loaded.package.modules()
    from ..parts.database.discover import discover

    for database in discover(modules, named=loaded.spec.database_name):
        for name, table in sorted(database.metadata.tables.items()):
            columns = [
                f"{column.name} {column.type}{'' if column.nullable else ' not null'}"
                for column in table.columns
            ]
            yield {"database": database.name, "name": name, "columns": columns}


# -- Markdown ----------------------------------------------------------------------------------


def _render(title: str, modules: list[dict[str, Any]]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("modframe.ship"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  # Markdown comes out; the filters escape what modules say
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "code": code, "text": text, "cell": cell, "type": type_of_parameter, "short": short_names,
    }  # fmt: skip
    page = environment.get_template("reference.md.jinja").render(title=title, modules=modules)
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def text(value: object) -> str:
    """Return a text as one line of Markdown in which it stands for itself.

    >>> text("# <b>Tea</b> & *milk*")
    '\\\\# &lt;b&gt;Tea&lt;/b&gt; &amp; \\\\*milk\\\\*'
    """
    escaped = re.sub(r"([\\`*_\[\]])", r"\\\1", html.escape(one_line(value), quote=False))
    return re.sub(r"^(\d*)([#+\-=.)])(?=\s|$|#)", r"\1\\\2", escaped)


def code(value: object) -> str:
    """Return a text as inline code, whatever backticks it has; nothing for nothing.

    >>> code("total(plus: int | None)"), code("a `b`")
    ('`total(plus: int | None)`', '`` a `b` ``')
    """
    line = one_line(value)
    if not line:
        return ""
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    space = " " if len(fence) > 1 else ""
    return f"{fence}{space}{line}{space}{fence}"


def cell(markdown: str) -> str:
    """Return Markdown that stands in a table: a bar would end the cell.

    >>> cell("`int | None`")
    '`int \\\\| None`'
    """
    return markdown.replace("|", r"\|")
