"""`scaffold`: writes a new module in the guide's form that loads, serves and passes all checks.

In go a name, a type and features; out come files below ``modules/``, and an ``app.py`` if the
workspace has none. ``modframe scaffold`` calls it. It never overwrites a file.
"""

from __future__ import annotations

import keyword
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ScaffoldError
from ..names import DEFAULT_TYPE, MODULE_TYPES, folder_of
from .workspace import write_missing

FEATURES: Mapping[str, str] = {
    "database": "models, operations and two service methods on them",
    "api": "routes with their request and response models",
    "settings": "a settings model, registered in phase 1",
}
"""Feature of a scaffold → what it adds."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_TAKEN = {"core": ("settings", "framework", "database", "error_handler")}
_TEMPLATES = {
    "api.py": (),
    "services.py": (),
    "settings.py": ("settings",),
    "database.py": ("database",),
    "db_models.py": ("database",),
    "api_schemas.py": ("api",),
    "README.md": (),
    "tests/test_NAME.py": (),
}


@dataclass(frozen=True, slots=True)
class Scaffolded:
    """What a scaffold wrote: the module's folder, and the path of every file."""

    module_id: str
    folder: Path
    paths: tuple[Path, ...]


def scaffold(
    name: str, *, kind: str = DEFAULT_TYPE, features: Iterable[str] = FEATURES, workspace: Path
) -> Scaffolded:
    """Write a new module.

    Args:
        name: Lower-case letters, digits and underscores, for example ``"my_module"``.
        kind: One of the module types.
        features: Any of `FEATURES`.
        workspace: The folder with ``modules/``.

    Raises:
        ScaffoldError: If the name, the type or a feature is not valid, or the module's folder
            exists. Nothing was written then.
    """
    chosen = _checked(name, kind, [feature.strip() for feature in features if feature.strip()])
    folder = folder_of(workspace / "modules", f"{kind}.{name}")
    if folder.exists():
        raise ScaffoldError(
            f"{str(folder)!r} exists, and nothing is overwritten",
            cure="take another name, or move the folder away",
        )
    texts = dict(_render(_variables(name, kind, chosen)))
    _write(folder, texts)
    paths = [folder / file for file in texts]
    if write_missing(workspace, "app.py"):
        paths.append(workspace / "app.py")
    return Scaffolded(f"{kind}.{name}", folder, tuple(paths))


def _checked(name: str, kind: str, features: list[str]) -> tuple[str, ...]:
    types, fault, cure = ", ".join(MODULE_TYPES), "", ""
    if kind not in MODULE_TYPES:
        fault, cure = f"{kind!r} is no module type", f"choose one of {types}"
    elif unknown := [feature for feature in features if feature not in FEATURES]:
        fault = f"there is no feature {', '.join(map(repr, unknown))}"
        cure = f"choose from {', '.join(FEATURES)}"
    elif not _NAME.match(name) or keyword.iskeyword(name):
        fault = f"{name!r} can't be a module's name"
        cure = (
            "take lower-case letters, digits and single underscores, a letter first, and no "
            f"Python keyword, such as 'my_module'; the type is given with --type ({types})"
        )
    if fault:
        raise ScaffoldError(fault, cure=cure, usage=True)
    if name in _TAKEN.get(kind, ()):
        raise ScaffoldError(
            f"{kind}.{name} is a module of modframe's own", cure="take another name or type"
        )
    return tuple(feature for feature in FEATURES if feature in features)


def _variables(name: str, kind: str, chosen: tuple[str, ...]) -> dict[str, Any]:
    """Return the variables of the templates."""
    from ..parts.web.paths import prefix_of

    return {
        "name": name,
        "module_id": f"{kind}.{name}",
        "cls": "".join(part.capitalize() for part in name.split("_")),
        "title": name.replace("_", " "),
        "database": _database_name(name if kind == DEFAULT_TYPE else f"{kind}_{name}"),
        "prefix": prefix_of(f"{kind}.{name}"),
        "features": chosen,
    }


def _database_name(name: str) -> str:
    """Return a name for the database; some module names are reserved by the engine."""
    from ..parts.database.errors import DatabaseNameError
    from ..parts.database.names import check_name

    try:
        check_name(name)
    except DatabaseNameError:
        return f"{name}_data"
    return name


def _render(variables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("modframe.ship"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  # Python comes out, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for file, needs in _TEMPLATES.items():
        if all(feature in variables["features"] for feature in needs):
            template = environment.get_template(f"{Path(file).name}.jinja")
            yield file.replace("NAME", variables["name"]), template.render(variables)


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write all files or none: into a temporary folder, which is then renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        temporary.chmod(folder.parent.stat().st_mode)
        for file, text in texts.items():
            target = temporary / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
        temporary.rename(folder)
    except OSError as error:
        raise ScaffoldError(
            f"{str(folder)!r} could not be written: {error}",
            cure=f"give yourself the right to write in {folder.parent}, and see that its disk has "
            "room",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
