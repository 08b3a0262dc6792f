"""MCP: the live services as tools of assistants, over HTTP and over standard input and output.

The engine makes one `Assistants` for an app that asks for it. The site serves it at `/mcp`, and
``modframe mcp`` on standard input and output. Only here is the `mcp` package imported, and only
when somebody asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import ServeError
from .facts import Facts

if TYPE_CHECKING:
    from .assistants import Assistants

__all__ = ["Facts", "check_package", "open_to_assistants"]


def open_to_assistants(facts: Facts) -> Assistants:
    """Return what assistants may see and call of an app; it follows every change.

    Raises:
        ServeError: If the `mcp` package isn't installed.
    """
    check_package()
    from .assistants import Assistants

    return Assistants(facts)


def check_package() -> None:
    """Check that the `mcp` package is installed.

    Raises:
        ServeError: If it isn't.
    """
    try:
        import mcp.server  # noqa: F401  # only tried
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        raise ServeError(
            "assistants can't be served: the package 'mcp' is not installed",
            cure="install it: pip install 'modframe[mcp]'",
        ) from error
