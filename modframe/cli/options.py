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


Word = Annotated[str | None, typer.Argument(metavar="[MODULE]", help="A module's id, or --module.")]


def one_module(word: str | None, option: str | None) -> str | None:
    """Return the module that is named by a word or by ``--module``.

    Raises:
        typer.BadParameter: If they name two.
    """
    if word and option and word != option:
        raise typer.BadParameter("give one module, as a word or with --module")
    return word or option


Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace", "-w", envvar="MODFRAME_WORKSPACE", help="The folder with modules/."
    ),
]
Shape = Annotated[Format, typer.Option("--format", help="Text for people or JSON for programs.")]
