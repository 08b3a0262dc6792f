"""`Disabled`: which modules of a workspace are kept out, and by what.

A module is disabled by a file ``.disabled`` in its folder, whose text may say why; by
``disabled = ["orders"]`` in ``[tool.modframe]`` of the workspace's ``pyproject.toml``; or by
``MODFRAME_DISABLED``. The file counts whenever the module is loaded, the others from the start on.
Changes ask before they execute a module; ``modframe list`` and ``doctor`` show the answers.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import DisabledError, InvalidModuleIdError, WorkspaceError
from ..names import path_below
from ..spec import module_id_of
from ..wording import one_line
from .workspace import project_settings

FILE = ".disabled"
_SETTING, _VARIABLE = "[tool.modframe] of pyproject.toml", "MODFRAME_DISABLED"
_REASON = 200
"""Characters of a reason that are shown at most."""


class Disabled:
    """The disabled modules of one workspace.

    Args:
        workspace: The folder with ``modules/``.
        named: The ids that ``MODFRAME_DISABLED`` names.

    Raises:
        WorkspaceError: If the setting or the variable names something that can't be an id.
    """

    def __init__(self, workspace: Path, named: Iterable[str] = ()) -> None:
        self._modules = workspace / "modules"
        setting = project_settings(workspace).get("disabled", [])
        self._by = {
            **_ids(setting, f"disabled in {_SETTING}", _SETTING),
            **_ids(list(named), _VARIABLE, _VARIABLE),
        }

    @property
    def named(self) -> set[str]:
        """The ids that the setting and the variable name."""
        return set(self._by)

    def refuse(self, module_id: str) -> None:
        """Check that a module is not disabled.

        Raises:
            DisabledError: If it is; with what enables it again.
        """
        if (error := self.find(module_id)) is not None:
            raise error

    def find(self, module_id: str) -> DisabledError | None:
        """Return the error of loading a module that is disabled; ``None`` if it is not."""
        by = self._by.get(module_id)
        if by is not None:
            return DisabledError(module_id, by, cure=f"take it out of {by}, and start again")
        path = f"{path_below(self._modules, module_id)}/{FILE}"
        if not os.access(path, os.F_OK):  # the quickest look, for every swap looks
            return None
        name = Path(path).relative_to(self._modules.parent)
        cure = f"remove {name} and load it again"
        return DisabledError(module_id, f"{name}{_reason(Path(path))}", cure=cure)


def _ids(setting: Any, name: str, by: str) -> dict[str, str]:
    if not isinstance(setting, list):
        raise WorkspaceError(
            f"{name} is {setting!r}, not a list of ids", cure="write disabled = ['orders']"
        )
    try:
        return {module_id_of(one): by for one in setting}
    except InvalidModuleIdError as error:
        raise WorkspaceError(f"{name}: {error.message}", cure=error.cure) from None


def _reason(path: Path) -> str:
    """Return what the file says, in brackets; nothing if it is empty or can't be read."""
    try:
        text = one_line(path.read_text(encoding="utf-8", errors="replace"))[:_REASON]
    except OSError:
        return ""
    return f" ({text})" if text else ""
