"""Settings of all modules, as a service and over HTTP: values, sources, preferences."""

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
from fastapi import APIRouter, Body, Query

from .api_schemas import SettingResponse
from .settings import CoreSettings

MODULE_ID = "core.settings"
router = APIRouter()

MODULE = ServiceParam("module_id", "str", "The module's id, for example 'standard.orders'")
KEY = ServiceParam("key", "str", "The name of the setting")
ANY_KEY = ServiceParam("key", "str", "The name of the setting; all without it", required=False)
UNAVAILABLE = "an error says why: SETTINGS_UNAVAILABLE, NO_SETTINGS, UNKNOWN_SETTING"
REFUSED = (
    f"{UNAVAILABLE}, SECRET_SETTING, INVALID_SETTINGS, CHANGE_REFUSED, PREFERENCES_UNAVAILABLE"
)
REFUSED_NOW = f"{UNAVAILABLE}, INVALID_SETTINGS, CHANGE_REFUSED"

Session = Annotated[
    bool, Query(description="For this session only: not kept, and above preferences")
]

STATUSES = {
    "SETTINGS_UNAVAILABLE": 404,
    "NO_SETTINGS": 404,
    "UNKNOWN_SETTING": 404,
    "SECRET_SETTING": 403,
    "INVALID_SETTINGS": 422,
    "CHANGE_REFUSED": 409,
    "PREFERENCES_UNAVAILABLE": 503,
}
"""Code of an error → what a route answers with."""


def _service() -> Any:
    return app_context.get_service(f"{MODULE_ID}.service")


def _without_values(result: Result) -> Result:
    """Return a refusal without the values that were sent: one may have been meant for a secret."""
    if result.success or result.code != "INVALID_SETTINGS":
        return result
    reasons = "; ".join((result.details or {}).get("reasons", ["the values can't be kept"]))
    return Result.error(result.code, f"Nothing was changed. {reasons}")


# -- routes; those that change something need the server's token ----------------------------------


@router.get("/{module_id}", response_model=dict[str, SettingResponse])
async def get_settings(module_id: str) -> Any:
    """Every setting of a module with its value and its source."""
    return await _service().explain(module_id)


@router.get("/{module_id}/json-schema")
async def get_schema(module_id: str) -> Any:
    """The JSON schema of a module's settings."""
    return await _service().schema(module_id)


@router.get("/{module_id}/{key}", response_model=SettingResponse)
async def get_setting(module_id: str, key: str) -> Any:
    """One setting with its value and its source."""
    explained = await _service().explain(module_id)
    if explained.success and key not in explained.data:
        return Result.error("UNKNOWN_SETTING", f"{module_id} has no setting {key!r}")
    return Result.success(explained.data[key]) if explained.success else explained


@router.put("/{module_id}", response_model=dict[str, SettingResponse])
async def put_settings(module_id: str, values: dict[str, Any], *, session: Session = False) -> Any:
    """Set several preferences of a module, `{key: value}`, or for this session: all or none."""
    service = _service()
    set_all = service.set_session_values if session else service.set_preferences
    return _without_values(await set_all(module_id, values))


@router.put("/{module_id}/{key}", response_model=SettingResponse)
async def put_setting(
    module_id: str, key: str, body: Annotated[Any, Body()], *, session: Session = False
) -> Any:
    """Set a preference, or for this session; the body is `{"value": ...}`, or the value itself."""
    value = body["value"] if isinstance(body, dict) and body.keys() == {"value"} else body
    service = _service()
    set_one = service.set_session_value if session else service.set_preference
    result = _without_values(await set_one(module_id, key, value))
    return Result.success(next(iter(result.data.values()))) if result.success else result


@router.delete("/{module_id}", status_code=204, response_model=None)
async def delete_settings(module_id: str, *, session: Session = False) -> Any:
    """Clear all preferences of a module, or take back all that is set for this session."""
    service = _service()
    clear = service.clear_session_value if session else service.clear_preference
    return await clear(module_id)


@router.delete("/{module_id}/{key}", status_code=204, response_model=None)
async def delete_setting(module_id: str, key: str, *, session: Session = False) -> Any:
    """Clear a preference, or what is set for this session; the next lower source counts again."""
    service = _service()
    clear = service.clear_session_value if session else service.clear_preference
    return await clear(module_id, key)


# -- the module -----------------------------------------------------------------------------------


@inject_dependencies("app_context")
@register_service(
    "core.settings.service",
    methods=[
        ServiceMethod(
            name="initialize",
            description="Make the service ready; called once, in phase 2",
            params=[],
            returns=ServiceReturn("Result", "Success"),
            examples=[ServiceExample("initialize()", "Result.success(None)")],
            tags=["phase2", "initialization"],
        ),
        ServiceMethod(
            name="get_status",
            description="Whether the service is ready",
            params=[],
            returns=ServiceReturn("Result", "Its data: {'status', 'module'}"),
            examples=[ServiceExample("get_status()", "Result.success({'status': 'active', ...})")],
            tags=["status"],
        ),
        ServiceMethod(
            name="get_typed_settings",
            description="The settings of a module as an instance of its model",
            params=[MODULE, ServiceParam("model", "type[BaseModel]", "The settings model")],
            returns=ServiceReturn("Result", f"Its data is the instance; {UNAVAILABLE}"),
            examples=[
                ServiceExample(
                    "get_typed_settings('standard.orders', OrdersSettings)",
                    "Result.success(OrdersSettings(limit=3))",
                )
            ],
            tags=["settings"],
        ),
        ServiceMethod(
            name="explain",
            description="Every setting of a module with value and source; secrets are masked",
            params=[MODULE],
            returns=ServiceReturn("Result", "Its data: {key: {'value', 'source'}}"),
            examples=[
                ServiceExample(
                    "explain('standard.orders')",
                    "Result.success({'limit': {'value': 3, 'source': 'default'}})",
                )
            ],
            tags=["settings"],
        ),
        ServiceMethod(
            name="schema",
            description="The JSON schema of a module's settings",
            params=[MODULE],
            returns=ServiceReturn("Result", "Its data is the schema; {} without settings"),
            examples=[
                ServiceExample("schema('standard.orders')", "Result.success({'properties': ...})")
            ],
            tags=["settings"],
        ),
        ServiceMethod(
            name="preferences",
            description="What people set for a module, whether it counts or not",
            params=[MODULE],
            returns=ServiceReturn("Result", "Its data: {key: value}"),
            examples=[ServiceExample("preferences('standard.orders')", "Result.success({})")],
            tags=["preferences"],
        ),
        ServiceMethod(
            name="set_preference",
            description="Set one preference of a module, which wins over files and environment",
            params=[MODULE, KEY, ServiceParam("value", "Any", "A plain value, as JSON has them")],
            returns=ServiceReturn("Result", f"Its data: what counts now, as explain(); {REFUSED}"),
            examples=[
                ServiceExample(
                    "set_preference('standard.orders', 'limit', 5)",
                    "Result.success({'limit': {'value': 5, 'source': 'preference'}})",
                )
            ],
            tags=["preferences"],
        ),
        ServiceMethod(
            name="set_preferences",
            description="Set several preferences of a module, checked as a whole: all or none",
            params=[MODULE, ServiceParam("mapping", "dict[str, Any]", "Key to value")],
            returns=ServiceReturn("Result", f"Its data: what counts now, as explain(); {REFUSED}"),
            examples=[
                ServiceExample(
                    "set_preferences('standard.orders', {'low': 1, 'high': 5})",
                    "Result.success({'low': {'value': 1, 'source': 'preference'}, ...})",
                )
            ],
            tags=["preferences"],
        ),
        ServiceMethod(
            name="clear_preference",
            description="Forget one preference of a module, or all; the module need not be live",
            params=[MODULE, ANY_KEY],
            returns=ServiceReturn("Result", f"Success; {REFUSED}"),
            examples=[
                ServiceExample(
                    "clear_preference('standard.orders', 'limit')", "Result.success(None)"
                )
            ],
            tags=["preferences"],
        ),
        ServiceMethod(
            name="session_keys",
            description="The names of what was set for this session, without the values",
            params=[MODULE],
            returns=ServiceReturn("Result", "Its data: [key]"),
            examples=[ServiceExample("session_keys('standard.orders')", "Result.success([])")],
            tags=["session"],
        ),
        ServiceMethod(
            name="set_session_value",
            description="Set one setting until the app stops, also a secret; nothing keeps it",
            params=[MODULE, KEY, ServiceParam("value", "Any", "A plain value, as JSON has them")],
            returns=ServiceReturn(
                "Result", f"Its data: what counts now, as explain(); {REFUSED_NOW}"
            ),
            examples=[
                ServiceExample(
                    "set_session_value('standard.orders', 'limit', 5)",
                    "Result.success({'limit': {'value': 5, 'source': 'session'}})",
                )
            ],
            tags=["session"],
        ),
        ServiceMethod(
            name="set_session_values",
            description="Set several settings until the app stops, checked as a whole: all or none",
            params=[MODULE, ServiceParam("mapping", "dict[str, Any]", "Key to value")],
            returns=ServiceReturn(
                "Result", f"Its data: what counts now, as explain(); {REFUSED_NOW}"
            ),
            examples=[
                ServiceExample(
                    "set_session_values('standard.orders', {'low': 1, 'high': 5})",
                    "Result.success({'low': {'value': 1, 'source': 'session'}, ...})",
                )
            ],
            tags=["session"],
        ),
        ServiceMethod(
            name="clear_session_value",
            description="Take back what was set for this session, or all of a module",
            params=[MODULE, ANY_KEY],
            returns=ServiceReturn("Result", f"Success; {REFUSED_NOW}"),
            examples=[
                ServiceExample(
                    "clear_session_value('standard.orders', 'limit')", "Result.success(None)"
                )
            ],
            tags=["session"],
        ),
    ],
    priority=10,
)
@require_services([])
@initialization_sequence("setup_infrastructure", phase="phase1")
@phase2_operations("initialize_phase2")
@auto_service_creation(service_class="SettingsService")
@register_api_endpoints(router_name="router")
@register_database(database_name=None)
@enforce_data_integrity(strict_mode=True, anti_mock=True)
@module_health_check(check_function=None)
@graceful_shutdown(method="cleanup_resources", timeout=30)
@force_shutdown(method="force_cleanup", timeout=5)
class SettingsModule(DataIntegrityModule):
    """Registers the settings service, and starts and stops it."""

    MODULE_ID = MODULE_ID
    MODULE_VERSION = "1.0.0"
    MODULE_DESCRIPTION = "Settings of all modules with their sources, and people's preferences"
    MODULE_ERROR_STATUS = STATUSES

    def setup_infrastructure(self) -> None:
        """Phase 1: register the settings of the settings service."""
        self.app_context.register_pydantic_model(self.MODULE_ID, CoreSettings)

    async def initialize_phase2(self) -> Result:
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
