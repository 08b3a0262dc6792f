"""`token_of`: the token that ``modframe serve`` was given, of the several ways to give one."""

from __future__ import annotations

from pathlib import Path

import typer

from ..server.tokens import read_token_file
from .out import say


def token_of(ctx: typer.Context, token: str | None, file: Path | None) -> str | None:
    """Return the token; one on the command line comes before one in the environment.

    Raises:
        ServeError: If the file can't be read, or others can write to it, or it holds no token.
        BadParameter: If the command line has a token and a file.
    """
    typed = {
        name
        for name in ("token", "token_file")
        if (source := ctx.get_parameter_source(name)) and source.name == "COMMANDLINE"
    }
    if len(typed) > 1:
        raise typer.BadParameter("give --token or --token-file, not both")
    if "token" in typed:
        say("--token is seen by every user of this machine, in `ps`; --token-file is not")
    if file is not None and ("token_file" in typed or not token):
        return read_token_file(file)
    return token or None
