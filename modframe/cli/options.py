"""Options that several commands have, as typer reads them; `commands` and `db` use them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How facts are printed."""

    text = "text"
    json = "json"


Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace", "-w", envvar="MODFRAME_WORKSPACE", help="The folder with modules/."
    ),
]
Shape = Annotated[Format, typer.Option("--format", help="Text for people or JSON for programs.")]
