"""`ask`: sends a request to a running server, with the token that a person on its machine has.

``modframe health --url`` and ``modframe link`` use it. The token is ``MODFRAME_TOKEN`` or, for a
server on this machine, the one that the workspace keeps in ``data/token``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import ModframeError
from ..server import is_loopback
from ..server.tokens import kept_token, token_in_environment
from ..source.workspace import data_folder
from .out import workspace_at

if TYPE_CHECKING:
    import httpx

_PATIENCE = 10.0
"""Seconds that a server has to answer in."""


def ask(method: str, url: str, path: str, workspace: Path | None) -> httpx.Response:
    """Return the answer of a server.

    Args:
        method: Such as ``GET``.
        url: The server's address.
        path: The path below it.
        workspace: Whose token a server on this machine has.

    Raises:
        ModframeError: If the server does not answer.
    """
    import httpx

    token = token_in_environment() or _kept(url, workspace)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    address = url.rstrip("/") + path
    try:
        return httpx.request(method, address, headers=headers, timeout=_PATIENCE, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ModframeError(
            f"{address} does not answer: {type(error).__name__}: {error}",
            cure="give the address that 'modframe serve' printed",
        ) from error


def _kept(url: str, workspace: Path | None) -> str:
    """Return the token that a workspace keeps, for a server on this machine; empty for others."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    data = data_folder(None, workspace_at(workspace))
    if not is_loopback(host) or data is None or not data.is_dir():
        return ""
    return kept_token(data)
