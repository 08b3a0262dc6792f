"""The running system over HTTP: its registration and its routes."""

from typing import Any

from core.app_context import app_context
from core.decorators import (
    ServiceExample,
    ServiceMethod,
    ServiceParam,
    ServiceReturn,
    auto_service_creation,
    enforce_data_integrity,
    force_shutdown,
    graceful_shutdown,
    initialization_sequence,
    inject_dependencies,
    module_health_check,
    phase2_operations,
    register_api_endpoints,
    register_database,
    register_service,
    require_services,
)
from core.logging import get_framework_logger
from core.module_base import DataIntegrityModule
from fastapi import APIRouter, Query

from .api_schemas import ServicesResponse

MODULE_ID = "core.framework"
logger = get_framework_logger(MODULE_ID)
router = APIRouter()


def _service() -> Any:
    return app_context.get_service(f"{MODULE_ID}.service")


@router.get("/modules")
async def modules() -> dict[str, Any]:
    """Everything that runs: modules with state, services, settings, routes; the log's end."""
    result = await _service().snapshot()
    found: dict[str, Any] = result.data
    return found


@router.get("/services", response_model=ServicesResponse)
async def services(
    tag: str | None = Query(None, description="Only methods with this tag"),
    text: str | None = Query(None, description="Only methods whose words have all of these"),
) -> Any:
    """The live services and what their methods say: parameters, returns, examples, tags."""
    result = await _service().services(tag, text)
    return result.data


@inject_dependencies("app_context")
@register_service(
    "core.framework.service",
    methods=[
        ServiceMethod(
            name="initialize",
            description="Make the service ready; called once, in phase 2",
            params=[],
            returns=ServiceReturn("Result", "Success"),
            examples=[ServiceExample("initialize()", "Result.success(...)")],
            tags=["phase2", "initialization"],
        ),
        ServiceMethod(
            name="snapshot",
            description="Everything that runs",
            params=[],
            returns=ServiceReturn("Result", "Its data: the snapshot, ready for JSON"),
            examples=[ServiceExample("snapshot()", "Result.success({'modules': [...], ...})")],
            tags=["status", "monitoring"],
        ),
        ServiceMethod(
            name="services",
            description="The live services and what their methods say",
            params=[
                ServiceParam("tag", "str", "Only methods with this tag", required=False),
                ServiceParam(
                    "text", "str", "Only methods whose words have all of these", required=False
                ),
            ],
            returns=ServiceReturn("Result", "Its data: {'services': [...]}, ready for JSON"),
            examples=[
                ServiceExample("services(tag='records')", "Result.success({'services': [...]})")
            ],
            tags=["catalogue"],
        ),
    ],
    priority=10,
)
@require_services([])
@initialization_sequence("setup_infrastructure", phase="phase1")
@phase2_operations("initialize_phase2")
@auto_service_creation(service_class="FrameworkService")
@register_api_endpoints(router_name="router")
@register_database(database_name=None)
@enforce_data_integrity(strict_mode=True, anti_mock=True)
@module_health_check(check_function=None)
@graceful_shutdown(method="cleanup_resources", timeout=30)
@force_shutdown(method="force_cleanup", timeout=5)
# modframe: ignore[MF301] it has nothing to set
class FrameworkModule(DataIntegrityModule):
    """Registers the service that shows the running system."""

    MODULE_ID = MODULE_ID
    MODULE_VERSION = "1.0.0"
    MODULE_DESCRIPTION = "The running system, as data"

    service_instance: Any

    def setup_infrastructure(self) -> None:
        """Phase 1: nothing to prepare, as the snapshot is made when it is asked for."""
        logger.debug("registered")

    async def initialize_phase2(self) -> Any:
        """Phase 2: start the service."""
        return await self.service_instance.initialize()

    async def cleanup_resources(self) -> None:
        """Stop gracefully, within the timeout."""
        if self.service_instance:
            await self.service_instance.cleanup_resources()

    def force_cleanup(self) -> None:
        """Stop at once, after the graceful stop took too long."""
        if self.service_instance:
            self.service_instance.force_cleanup()
