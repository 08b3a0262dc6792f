"""``modframe list``, ``inspect`` and ``scaffold``: facts about modules.

In come ids and a workspace; out go lines or JSON, and an exit status.
"""

from __future__ import annotations

import ast
import contextlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..config import read_settings
from ..errors import DisabledError, ModframeError, ModuleNotFoundInWorkspaceError
from ..load import check as check_text
from ..source import Disabled, Source, find_modules, read_folder
from ..source.workspace import find_workspace
from ..spec import module_id_of
from ..wording import count
from .out import as_json, console, fact, say, table, workspace_at

# -- list --------------------------------------------------------------------------------------


def list_modules(workspace: Path | None, *, as_data: bool) -> int:
    """Print every module below ``modules/``, without running any."""
    home = workspace_at(workspace)
    disabled = Disabled(home, read_settings().disabled)
    modules = [
        _facts(key, folder, disabled.find(key))
        for key, folder in sorted(find_modules(home / "modules").items())
    ]
    if as_data:
        as_json({"workspace": str(home), "modules": modules})
    elif not modules:
        say(f"no modules in {home / 'modules'}; 'modframe scaffold --name my_module' writes one")
    else:
        rows = [
            (
                module["id"],
                module["type"],
                module["version"],
                _state(module),
                module["description"],
            )
            for module in modules
        ]
        table(rows, head=("module", "type", "version", "checks", "description"))
    return 0


def _state(module: Mapping[str, Any]) -> str:
    """Return what is most important about a module, in few words."""
    if module["disabled"]:
        return f"disabled by {module['disabled']}"
    return count(len(module["errors"]), "error") if module["errors"] else "ok"


def _facts(module_id: str, folder: Path, disabled: DisabledError | None) -> dict[str, Any]:
    """Return what can be said about a module without running it."""
    constants: dict[str, str] = {}
    try:
        source = read_folder(folder, module_id=module_id)
    except ModframeError as error:
        errors = [str(error)]
    else:
        constants = _constants(source)
        errors = [str(finding) for finding in check_text(source) if finding.level == "error"]
    return {
        "id": module_id,
        "type": module_id.partition(".")[0],
        "version": constants.get("MODULE_VERSION", ""),
        "description": constants.get("MODULE_DESCRIPTION", ""),
        "folder": str(folder),
        "errors": errors,
        "disabled": disabled.by if disabled is not None else "",
    }


def _constants(source: Source) -> dict[str, str]:
    """Return the ``MODULE_...`` constants of the classes in ``api.py``, read from the text."""
    with contextlib.suppress(SyntaxError, ValueError):  # the checks report them
        return {
            target.id: str(node.value.value)
            for node in ast.walk(ast.parse(source.files["api.py"].text))
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id.startswith("MODULE_")
        }
    return {}


# -- inspect -----------------------------------------------------------------------------------


def inspect_module(name: str, workspace: Path | None, *, as_data: bool) -> int:
    """Start a module in memory, print its part of the snapshot, and stop it."""
    from ..process import start

    module_id, home = module_id_of(name), workspace_at(workspace)
    status = console(stderr=True).status(f"loading {module_id}")
    with (
        status if sys.stderr.isatty() else contextlib.nullcontext(),
        start(workspace=home, data=":memory:", modules=[module_id]) as app,
    ):
        view = app.snapshot().module(module_id)
    if view is None:
        raise ModuleNotFoundInWorkspaceError(f"there is no module {module_id!r}")
    if as_data:
        from ..view.snapshot import thaw

        as_json(thaw(view))
    else:
        say(view.id, style="bold")
        for label, told in view.told():
            fact(label, told)
    return 0 if view.state == "LIVE" else 1


# -- scaffold ----------------------------------------------------------------------------------


def scaffold_module(
    name: str, kind: str, features: Sequence[str], *, workspace: Path | None, as_data: bool
) -> int:
    """Write a module and print what to do next.

    Raises:
        ScaffoldError: If it can't be written as asked; with the choices.
    """
    from ..ship import scaffold

    home = find_workspace(workspace)
    written = scaffold(name, kind=kind, features=features, workspace=home)
    if as_data:
        as_json({"module": written.module_id, "paths": [str(path) for path in written.paths]})
        return 0
    say(f"{written.module_id} is written:")
    for path in written.paths:
        say(f"  {path.relative_to(home)}")
    say(f"next:\n  modframe compliance validate --module {written.module_id}\n  modframe serve")
    return 0


# -- init --------------------------------------------------------------------------------------


def make_workspace(folder: Path, *, as_data: bool) -> int:
    """Make a folder a workspace, and print what was written and what to do next.

    Raises:
        ScaffoldError: If a file can't be written.
    """
    from ..ship import init_workspace

    made = init_workspace(folder.expanduser().resolve())
    if as_data:
        as_json({"workspace": str(made.folder), "written": made.written, "kept": made.kept})
        return 0
    say(f"{made.folder} is a workspace:")
    for file in made.written:
        say(f"  {file}")
    if made.kept:
        say(f"left as they were: {', '.join(made.kept)}")
    enter = "" if made.folder == Path.cwd() else f"  cd {shlex.quote(str(folder))}\n"
    say(
        f"next:\n{enter}  python tools/scaffold_module.py --name my_module\n  python app.py\n"
        "  jupyter lab notebooks/first_module.ipynb"
    )
    return 0
