"""`shown`: what a front end draws of a value, as JSON-ready data of bounded size and time.

In comes anything that module code returns, out goes one of ``table``, ``chart``, ``image``,
``json``, ``text`` and ``failure``. A value's ``repr`` is module code too: one that raises, or does
not come to an end, is said to do so. Called by operations, off the app loop.
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from contextvars import Context
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from ..observe.tracebacks import find_made
from ..result import Result, made_at

Shown = dict[str, Any]
SECONDS = 2.0
"""How long it may take to look at a value."""
ROWS, COLUMNS, CELL = 1000, 60, 300
"""Rows and columns of a table, and characters of a cell, that are shown."""
TEXT = 40_000
"""Characters of a text that are shown."""
ITEMS = 5000
"""Items of a list that are shown, where it is no table."""
IMAGE = 4_000_000
"""Bytes of the largest image that is shown."""
_EXACT = 2**53
"""Integers beyond it are texts, since a browser would round them."""
_WORDS = (date, time, timedelta, Decimal, UUID, PurePath)
_MAGIC: Mapping[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}


def shown(value: Any, *, seconds: float = SECONDS) -> Shown:
    """Return what is drawn of a value; ``type`` is the name of its type."""
    name = type(value).__name__
    found: list[Shown] = []

    def look() -> None:
        try:
            found.append(_drawn(value))
        except BaseException as error:  # noqa: BLE001  # module code, which may raise anything
            found.append(text_facts(f"<{name}, whose repr raised {type(error).__name__}>"))

    if value is None or type(value) in (str, bool, int, float):
        look()
    else:  # an empty context, so that what it prints goes to no cell
        run = Context().run
        thread = threading.Thread(target=run, args=(look,), name="modframe-shown", daemon=True)
        thread.start()
        thread.join(seconds)
    if not found:
        found.append(text_facts(f"<{name}, whose repr takes longer than {seconds:g} s>"))
    return {"type": name, **found[0]}


def _drawn(value: Any) -> Shown:
    if isinstance(value, Result):
        return _result(value)
    if isinstance(value, str):
        return text_facts(value)
    for find in (_image, _table, _chart, _json):
        try:
            found = find(value)
        except Exception:  # noqa: BLE001, S112  # it is not of that kind after all: its repr says
            continue
        if found is not None:
            return found
    return text_facts(repr(value))


def _result(result: Result) -> Shown:
    if result.success:
        return {**_drawn(result.data), "result": "success"}
    error = {
        "type": "Result.error",
        "code": str(result.code),
        "message": str(result.message),
        "place": find_made(made_at(result)).place,
    }
    details = {} if result.details is None else {"details": _drawn(result.details)}
    return {"kind": "failure", "error": error, **details, "result": "error"}


def text_facts(text: str, kind: str = "text") -> Shown:
    """Return a text as it is shown, and how many characters of it are left out."""
    more = {"more": len(text) - TEXT} if len(text) > TEXT else {}
    return {"kind": kind, "text": text[:TEXT], **more}


def bounded(value: Any, longest: int = TEXT, most: int = ITEMS) -> Any:
    """Return plain data whose texts and lists are cut, and say how much is left out.

    Args:
        longest: Characters of a text. ``most``: items of a list or a mapping.
    """
    if isinstance(value, str):
        left_out = len(value) - longest
        return value if left_out <= 0 else f"{value[:longest]} … and {left_out:,} more characters"
    if isinstance(value, Mapping):
        kept = {key: bounded(value[key], longest, most) for key in islice(value, most)}
        return kept if len(value) <= most else {**kept, "…": f"{len(value) - most:,} more"}
    if isinstance(value, list | tuple):
        kept_items = [bounded(item, longest, most) for item in value[:most]]
        return kept_items if len(value) <= most else [*kept_items, f"… {len(value) - most:,} more"]
    return value


def json_facts(value: Any) -> Shown:
    """Return plain data as it is shown."""
    return text_facts(json.dumps(value, indent=2, ensure_ascii=False, default=str), "json")


# -- images ----------------------------------------------------------------------------------------


def image_facts(content: bytes, media_type: str) -> Shown | None:
    """Return an image as it is shown; ``None`` if it is too large."""
    if len(content) > IMAGE:
        return None
    return {"kind": "image", "media": media_type, "base64": b64encode(content).decode()}


def _image(value: Any) -> Shown | None:
    if isinstance(value, bytes):
        media = next((kind for magic, kind in _MAGIC.items() if value.startswith(magic)), None)
        return image_facts(value, media) if media else None
    if callable(getattr(type(value), "_repr_png_", None)):
        content = value._repr_png_()
        return image_facts(content, "image/png") if isinstance(content, bytes) else None
    return None


# -- tables ----------------------------------------------------------------------------------------


def _table(value: Any) -> Shown | None:
    for read in (_rows_of_query, _rows_of_frame, _rows_of_records):
        if (found := read(value)) is not None:
            columns, rows, total = found
            return {
                "kind": "table",
                "columns": [str(name) for name in columns[:COLUMNS]],
                "rows": [[_cell(one) for one in islice(row, COLUMNS)] for row in rows],
                "total": total,
            }
    return None


_Rows = tuple[list[Any], Iterable[Iterable[Any]], int] | None


def _rows_of_query(value: Any) -> _Rows:
    """Read what ``app.database.sql`` returns."""
    columns, rows = getattr(value, "columns", None), getattr(value, "rows", None)
    if not isinstance(columns, tuple) or not isinstance(rows, list):
        return None
    return list(columns), rows[:ROWS], len(rows)


def _rows_of_frame(value: Any) -> _Rows:
    """Read a DataFrame of pandas or polars; neither is imported."""
    if not hasattr(value, "columns") or not hasattr(value, "head"):
        return None
    head = value.head(ROWS)
    if hasattr(head, "iter_rows"):
        return list(head.columns), head.iter_rows(), len(value)
    if type(head.index).__name__ != "RangeIndex":
        head = head.reset_index()
    return list(head.columns), head.itertuples(index=False, name=None), len(value)


def _rows_of_records(value: Any) -> _Rows:
    """Read a list whose items all have named values."""
    if not isinstance(value, list | tuple) or not value or hasattr(value, "_fields"):
        return None
    records = [_record(item) for item in value[:ROWS]]
    if not all(records):
        return None
    columns = list(dict.fromkeys(name for record in records for name in record or ()))
    rows = ([(record or {}).get(name) for name in columns] for record in records)
    return columns, rows, len(value)


def _record(item: Any) -> Mapping[Any, Any] | None:
    """Return the named values of an item; ``None`` if it has none."""
    if isinstance(item, Mapping):
        return item
    if isinstance(item, BaseModel):
        return {name: getattr(item, name) for name in type(item).model_fields}
    if is_dataclass(item) and not isinstance(item, type):
        return {field.name: getattr(item, field.name) for field in fields(item)}
    if isinstance(item, tuple) and hasattr(item, "_asdict"):  # a named tuple, a row of SQLAlchemy
        named: Mapping[Any, Any] = item._asdict()
        return named
    return None


def _cell(value: Any) -> Any:
    """Return what a table's cell shows: a number, a truth value, ``None``, or a short text."""
    item = getattr(value, "item", None)
    if callable(item) and hasattr(value, "dtype"):  # a number of NumPy's
        value = item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) >= _EXACT:
        return str(value)
    if type(value) in (int, float):
        return value
    if isinstance(value, (str, *_WORDS)):
        text = str(value)
    elif isinstance(value, Enum):
        return _cell(value.value)
    else:
        text = json.dumps(_plain(value), ensure_ascii=False)
    return text if len(text) <= CELL else f"{text[:CELL]} …"


# -- charts and JSON -------------------------------------------------------------------------------


def _chart(value: Any) -> Shown | None:
    """Read two numbers or more: a list, a Series, an array."""
    labels: Iterable[Any] = ()
    total = len(value)
    if (listed := _lister(value)) is not None:
        index = getattr(value, "index", None)
        if index is not None and hasattr(index, "tolist"):
            labels = [] if type(index).__name__ == "RangeIndex" else index[:ROWS].tolist()
        value = listed()
    if not isinstance(value, list | tuple) or total < 2:
        return None
    values = [_cell(one) for one in value[:ROWS]]
    if not all(type(one) in (int, float) for one in values):
        return None
    return {"kind": "chart", "values": values, "labels": [*map(str, labels)], "total": total}


def _lister(value: Any) -> Callable[[], list[Any]] | None:
    head = value[:ROWS] if hasattr(value, "dtype") else None
    return getattr(head, "tolist", None) or getattr(head, "to_list", None)


def _json(value: Any) -> Shown | None:
    plain = isinstance(value, Mapping | list | tuple | set | frozenset | BaseModel)
    if not plain and (not is_dataclass(value) or isinstance(value, type)):
        return None
    return json_facts(_plain(value))


def _plain(value: Any) -> Any:
    return to_jsonable_python(
        value, fallback=_safe_repr, bytes_mode="base64", inf_nan_mode="strings"
    )


def _safe_repr(value: Any) -> str:
    if isinstance(value, Result):
        return str(value)
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  # module code
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
