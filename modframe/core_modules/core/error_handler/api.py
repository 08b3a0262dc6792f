"""The errors of all modules as a place: its registration and its routes."""

from typing import Annotated, Any

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
from core.error_utils import Result
from core.module_base import DataIntegrityModule
from fastapi import APIRouter, Query

from .api_schemas import CodeExplanation, ErrorGroup, ErrorGroupWithErrors, RecordedError
from .settings import ErrorHandlerSettings

MODULE_ID = "core.error_handler"
router = APIRouter()

ModuleId = Annotated[str | None, Query(description="Only this module's; orders is standard.orders")]
Since = Annotated[str | None, Query(description="Only newer ones: 10m, 2h, 1d, or a time in UTC")]
Text = Annotated[str | None, Query(description="Only those with this text, in whichever case")]
Limit = Annotated[int, Query(ge=1, description="How many at most")]

FILTERS = [
    ServiceParam("module_id", "str", "Only this module's", required=False),
    ServiceParam("since", "str | datetime", "Only newer ones: '10m', '2h', a time", required=False),
    ServiceParam("text", "str", "Only those with this text, in whichever case", required=False),
]
STATUSES = {"INVALID_TIME": 400, "UNKNOWN_FINGERPRINT": 404, "UNKNOWN_CODE": 404}
LIMIT = ServiceParam("limit", "int", "How many at most; 100 if left out", required=False)


def _service() -> Any:
    return app_context.get_service(f"{MODULE_ID}.service")


@router.get("/errors", response_model=list[RecordedError])
async def get_errors(
    module_id: ModuleId = None, since: Since = None, text: Text = None, limit: Limit = 100
) -> Result:
    """List recorded errors, the newest first."""
    return await _service().errors(module_id, since, text, limit)


@router.get("/errors/groups", response_model=list[ErrorGroup])
async def get_groups(
    module_id: ModuleId = None, since: Since = None, text: Text = None, limit: Limit = 100
) -> Result:
    """List the kinds of recorded errors with their numbers, the one that came last first."""
    return await _service().groups(module_id, since, text, limit)


@router.get("/errors/groups/{fingerprint}", response_model=ErrorGroupWithErrors)
async def get_group(fingerprint: str, limit: Limit = 100) -> Result:
    """Show one kind of errors, with the newest of them."""
    return await _service().group(fingerprint, limit)


@router.get("/errors/codes/{code}", response_model=CodeExplanation)
async def get_code(code: str) -> Result:
    """Explain a code that modframe gives."""
    return await _service().explain(code)


@inject_dependencies("app_context")
@register_service(
    f"{MODULE_ID}.service",
    methods=[
        ServiceMethod(
            name="initialize",
            description="Take over the settings; called once, in phase 2",
            params=[],
            returns=ServiceReturn("Result", "Success, or why the settings are not there"),
            examples=[ServiceExample("initialize()", "Result.success(...)")],
            tags=["phase2", "initialization"],
        ),
        ServiceMethod(
            name="errors",
            description="The recorded errors of all modules, the newest first",
            params=[*FILTERS, LIMIT],
            returns=ServiceReturn("Result", "Its data: a list of errors as dictionaries"),
            examples=[
                ServiceExample(
                    "errors('orders', since='2h', text='timeout', limit=10)",
                    "Result.success([{'time': ..., 'code': ..., 'place': ..., ...}, ...])",
                )
            ],
            tags=["errors", "monitoring"],
        ),
        ServiceMethod(
            name="groups",
            description="The kinds of recorded errors with their numbers, the last one first",
            params=[*FILTERS, LIMIT],
            returns=ServiceReturn("Result", "Its data: a list of groups as dictionaries"),
            examples=[
                ServiceExample(
                    "groups(since='1d')",
                    "Result.success([{'fingerprint': ..., 'count': 12, ...}, ...])",
                )
            ],
            tags=["errors", "monitoring"],
        ),
        ServiceMethod(
            name="group",
            description="One kind of errors, and the newest of them under 'errors'",
            params=[ServiceParam("fingerprint", "str", "What names the kind"), LIMIT],
            returns=ServiceReturn("Result", "Its data: the group; or UNKNOWN_FINGERPRINT"),
            examples=[
                ServiceExample(
                    "group('5f0c4e1b2a99')",
                    "Result.success({'count': 12, 'errors': [...], ...})",
                )
            ],
            tags=["errors", "monitoring"],
        ),
        ServiceMethod(
            name="explain",
            description="What a code that modframe gives means, and what to do",
            params=[ServiceParam("code", "str", "A code, a rule, or the name of an exception")],
            returns=ServiceReturn("Result", "Its data: code, what, why, cure; or UNKNOWN_CODE"),
            examples=[
                ServiceExample(
                    "explain('SETTINGS_UNAVAILABLE')",
                    "Result.success({'what': ..., 'why': ..., 'cure': ...})",
                )
            ],
            tags=["errors", "help"],
        ),
    ],
    priority=100,
)
@require_services(["core.settings.service"])
@initialization_sequence("setup_infrastructure", phase="phase1")
@phase2_operations("initialize_phase2")
@auto_service_creation(service_class="ErrorHandlerService")
@register_api_endpoints(router_name="router")
@register_database(database_name=None)
@enforce_data_integrity(strict_mode=True, anti_mock=True)
@module_health_check(check_function=None)
@graceful_shutdown(method="cleanup_resources", timeout=30)
@force_shutdown(method="force_cleanup", timeout=5)
class ErrorHandlerModule(DataIntegrityModule):
    """Registers the error handler, and starts and stops its service."""

    MODULE_ID = MODULE_ID
    MODULE_VERSION = "1.0.0"
    MODULE_DESCRIPTION = "The errors of all modules: recorded, grouped, explained"
    MODULE_ERROR_STATUS = STATUSES

    def setup_infrastructure(self) -> None:
        """Phase 1: register the settings model."""
        self.app_context.register_pydantic_model(self.MODULE_ID, ErrorHandlerSettings)

    async def initialize_phase2(self) -> Result:
        """Phase 2: start the service; core.settings, which it requires, is up."""
        return await self.service_instance.initialize()

    async def cleanup_resources(self) -> None:
        """Stop gracefully, within the timeout."""
        if self.service_instance:
            await self.service_instance.cleanup_resources()

    def force_cleanup(self) -> None:
        """Stop at once, after the graceful stop took too long."""
        if self.service_instance:
            self.service_instance.force_cleanup()
