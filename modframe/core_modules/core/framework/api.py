"""The running system over HTTP: the snapshot, as a service and as a route."""

from typing import Any

from core.app_context import app_context
from core.decorators import module
from fastapi import APIRouter

router = APIRouter()


@router.get("/modules")
async def modules() -> dict[str, Any]:
    """Everything that runs: modules with state, services, settings, routes; the log's end."""
    return app_context.snapshot().to_dict()


@module("core.framework")
class FrameworkService:
    """The running system as plain data."""

    MODULE_DESCRIPTION = "The running system, as data"

    async def snapshot(self) -> dict[str, Any]:
        """Return the snapshot as JSON-ready data."""
        return self.app_context.snapshot().to_dict()
