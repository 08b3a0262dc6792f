"""Writes a revision: operations of alembic come in, a plain alembic file goes out.

Called by ``modframe db revision``. The text is the same on each engine: keys are numbered, and
types of a module's own are named, by what SQLAlchemy has.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic.autogenerate import render_op_text, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import MigrateOperation, RenameTableOp
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Sequence as SequenceObject
from sqlalchemy.types import TypeDecorator

from .files import Revisions

_WORD = re.compile(r"\w+")
_PLAIN_STRING = re.compile(r"""(?<![\w"'])'([^'"\\\n]*)'(?!['"])""")
_LONGEST = 48
"""Characters of a message in a file's name."""


def write_revision(
    revisions: Revisions,
    message: str,
    *,
    context: MigrationContext,
    upgrade: Sequence[MigrateOperation] = (),
    downgrade: Sequence[MigrateOperation] = (),
    notes: Iterable[str] = (),
) -> Path:
    """Write a revision that follows the last one; return its file.

    Args:
        message: What it does, in a few words.
        context: The database that the operations were found for.
        upgrade: What it does. ``downgrade``: what takes that back.
        notes: What whoever reads it should look at.
    """
    identifier = secrets.token_hex(6)
    rendering = AutogenContext(context, opts={**context.opts, **_OPTIONS})
    text = _template().render(
        message=" ".join(message.split()).replace("\\", "\\\\").replace('"', "'"),
        id=identifier,
        parent=revisions.head,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        upgrade=_body(rendering, upgrade),
        downgrade=_body(rendering, downgrade),
        imports=sorted(rendering.imports),
        notes=list(notes),
    )
    revisions.folder.mkdir(parents=True, exist_ok=True)
    path = revisions.folder / f"{_next_number(revisions):04d}_{_slug(message)}.py"
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return path


def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  # Python comes out, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("revision.py.jinja")


def _body(rendering: AutogenContext, operations: Sequence[MigrateOperation]) -> str:
    """Return a function's body, its first line without indentation."""
    texts = [_laid_out(render_op_text(rendering, one)) for one in operations]
    return "\n".join(texts).replace("\n", "\n    ").rstrip() or "pass"


@renderers.dispatch_for(RenameTableOp)
def _rename_table(_: AutogenContext, one: RenameTableOp) -> str:
    """Return the line of a revision that renames a table, which alembic finds nowhere itself."""
    schema = f", schema={one.schema!r}" if one.schema else ""
    return f"op.rename_table({one.table_name!r}, {one.new_table_name!r}{schema})"


def _laid_out(text: str) -> str:
    """Return alembic's text of an operation with an argument a line, if it has several lines."""
    lines = _double_quoted(text).splitlines()
    if len(lines) < 2:
        return "".join(lines)
    first, *inner, last = lines
    call, bracket, argument = first.partition("(")
    middle = [f"    {line.strip()}" for line in (argument, *inner)]
    middle[-1] += "" if middle[-1].endswith(",") else ","
    closing = last.strip() if last.strip().startswith(")") else f"    {last.strip()}"
    return "\n".join([f"{call}{bracket}", *middle, closing])


def _double_quoted(text: str) -> str:
    """Return code whose plain strings have the quotes that formatters write."""
    return _PLAIN_STRING.sub(r'"\1"', text)


def _next_number(revisions: Revisions) -> int:
    numbers = [int(found[0]) for one in revisions.ordered if (found := re.match(r"\d+", one.name))]
    return max([len(revisions.ordered), *numbers]) + 1


def _slug(message: str) -> str:
    slug = "_".join(_WORD.findall(message)).lower()
    return slug if len(slug) <= _LONGEST else slug[:_LONGEST].rpartition("_")[0] or slug[:_LONGEST]


def _render_item(kind: str, item: Any, _: AutogenContext) -> Any:
    """Return the text of a part of an operation, or ``False`` for alembic's own."""
    if kind == "server_default" and _is_next_value(item):
        return None  # each engine numbers keys its own way, when the revision is run
    if kind == "type" and isinstance(item, TypeDecorator) and not _is_sqlalchemys(item):
        return f"sa.{item.impl_instance!r}"
    return False


def _is_next_value(default: Any) -> bool:
    argument = getattr(default, "arg", None)
    return isinstance(getattr(argument, "sequence", None), SequenceObject) or (
        "nextval(" in str(argument)
    )


def _is_sqlalchemys(item: Any) -> bool:
    return type(item).__module__.partition(".")[0] == "sqlalchemy"


_OPTIONS: dict[str, Any] = {
    "sqlalchemy_module_prefix": "sa.",
    "alembic_module_prefix": "op.",
    "user_module_prefix": None,
    "render_as_batch": False,
    "render_item": _render_item,
}
