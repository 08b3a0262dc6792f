"""``modframe link``: prints a link to a running server's pages that lets one browser in."""

from __future__ import annotations

from pathlib import Path

from ..errors import ModframeError
from ..server.pages import LINK_PATH
from .asking import ask
from .out import say

_MADE = 201


def print_link(url: str, workspace: Path | None) -> int:
    """Print the link; return 0.

    Raises:
        ModframeError: If the server does not answer, or does not take the token.
    """
    answer = ask("POST", url, LINK_PATH, workspace)
    if answer.status_code != _MADE:
        raise ModframeError(
            f"{url} gives no link: it answered {answer.status_code}",
            cure="run this in the server's workspace, or set MODFRAME_TOKEN to its token",
        )
    say(url.rstrip("/") + answer.json()["path"])
    return 0
