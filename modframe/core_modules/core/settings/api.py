"""Settings of all modules, as a service: their values, and the source of each value."""

from core.decorators import ServiceMethod, ServiceParam, ServiceReturn, module, register_service
from core.error_utils import Result

from modframe.errors import ModframeError

MODULE = ServiceParam("module_id", "str", "The module's id, for example 'standard.orders'")


@module("core.settings")
@register_service(
    "core.settings.service",
    methods=[
        ServiceMethod(
            "get_typed_settings",
            "The settings of a module as an instance of its model",
            params=[MODULE, ServiceParam("model", "type[BaseModel]", "The settings model")],
            returns=ServiceReturn("Result", "Its data is the instance"),
        ),
        ServiceMethod(
            "explain",
            "Every setting of a module with its value and its source; secrets are masked",
            params=[MODULE],
            returns=ServiceReturn("Result", "Its data: {key: {'value', 'source'}}"),
        ),
    ],
)
class SettingsService:
    """Settings of modules; they are resolved when their module is loaded."""

    MODULE_DESCRIPTION = "Settings with their sources"

    async def get_typed_settings(self, module_id: str, model: type) -> Result:
        """Return the settings of a module as an instance of ``model``."""
        try:
            return Result.success(self.app_context.module_settings(module_id).typed(model))
        except ModframeError as error:
            return Result.error("SETTINGS_UNAVAILABLE", str(error))

    async def explain(self, module_id: str) -> Result:
        """Return each setting as ``{"value", "source"}``."""
        try:
            return Result.success(self.app_context.module_settings(module_id).explain())
        except ModframeError as error:
            return Result.error("SETTINGS_UNAVAILABLE", str(error))
