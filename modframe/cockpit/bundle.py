"""The front end as one text: the ES modules of `front/` and the style sheet, joined.

The notebook takes one module only, whose imports can't be relative; the page is given the same one.
Each file of `front/` imports by name from its neighbours, and its own top-level names are found in
no other file, so that to join them is to leave out the imports and the word ``export``.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

FRONT = Path(__file__).parent / "front"
_ENTRY = "entry.mjs"
_VENDORED = "vendor/htm-preact.mjs"
_IMPORT = re.compile(r'^import\s*\{[^}]*\}\s*from\s*"([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", re.MULTILINE)
_EXPORTED = re.compile(r"export\s*\{([^}]*)\};?\s*$")


@cache
def front_end() -> str:
    """Return the whole front end as one ES module."""
    styles = (FRONT / "style.css").read_text(encoding="utf-8")
    texts: dict[Path, str] = {}
    _add(FRONT / _ENTRY, texts)
    return "\n".join([f"const CSS = {json.dumps(styles)};", *texts.values()])


def _add(path: Path, texts: dict[Path, str]) -> None:
    """Add a file's text behind those of the files that it imports."""
    if path in texts:
        return
    text = path.read_text(encoding="utf-8")
    if path == FRONT / _VENDORED:
        texts[path] = _closed(text)
        return
    for address in _IMPORT.findall(text):
        _add((path.parent / address).resolve(), texts)
    texts[path] = _EXPORT.sub("", _IMPORT.sub("", text))


def _closed(text: str) -> str:
    """Return a minified module as a constant of its exports: its own names stay inside."""
    found = _EXPORTED.search(text)
    if found is None:
        raise ValueError(f"{_VENDORED} has no list of exports")
    pairs = [pair.split(" as ") for pair in found[1].split(",")]
    names = ", ".join(pair[-1].strip() for pair in pairs)
    values = ", ".join(f"{pair[-1].strip()}: {pair[0].strip()}" for pair in pairs)
    return (
        f"const {{ {names} }} = (() => {{\n{text[: found.start()]}\nreturn {{ {values} }};\n}})();"
    )
