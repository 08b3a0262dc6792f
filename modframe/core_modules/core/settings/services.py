"""The settings of all modules: their values, the source of each, and the preferences of people."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from core.error_utils import Result
from core.logging import get_framework_logger

from modframe.errors import ModframeError

MODULE_ID = "core.settings"
logger = get_framework_logger(MODULE_ID)


def failed(error: ModframeError) -> Result:
    """Return an error of modframe as a result; its code says what can be done about it."""
    code = getattr(error, "code", "SETTINGS_UNAVAILABLE")
    return Result.error(code, str(error), details=getattr(error, "details", None))


class SettingsService:
    """Reads the settings of modules, and keeps what people prefer."""

    def __init__(self, app_context: Any = None) -> None:
        """Keep the context; nothing starts before ``activate``."""
        self.app_context = app_context
        self.initialized = False

    async def initialize(self) -> Result:
        """Make the service ready; called once, in phase 2."""
        self.initialized = True
        return Result.success()

    async def activate(self) -> AsyncIterator[None]:
        """Follow what other kernels set, while this generation is the live one."""
        if not self.app_context.preferences.shared:
            return
        following = asyncio.create_task(self._follow(), name="preferences of other kernels")
        yield
        following.cancel()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self.app_context.settings.look_interval)
            await self.app_context.preferences.look()

    async def get_status(self) -> Result:
        """Report whether the service is ready."""
        status = "active" if self.initialized else "not_initialized"
        return Result.success({"status": status, "module": MODULE_ID})

    # -- read ---------------------------------------------------------------------------------

    async def get_typed_settings(self, module_id: str, model: type) -> Result:
        """Return the settings of a module as an instance of ``model``."""
        try:
            return Result.success(self.app_context.module_settings(module_id).typed(model))
        except ModframeError as error:
            return failed(error)

    async def explain(self, module_id: str) -> Result:
        """Return each setting as ``{"value", "source"}``; secrets are masked."""
        try:
            return Result.success(self.app_context.module_settings(module_id).explain())
        except ModframeError as error:
            return failed(error)

    async def schema(self, module_id: str) -> Result:
        """Return the JSON schema of a module's settings; ``{}`` if it has none."""
        try:
            return Result.success(self.app_context.module_settings(module_id).schema())
        except ModframeError as error:
            return failed(error)

    async def preferences(self, module_id: str) -> Result:
        """Return what people set for a module, ``{key: value}``, whether it counts or not."""
        try:
            return Result.success(await self.app_context.preferences.kept(module_id))
        except ModframeError as error:
            return failed(error)

    async def session_keys(self, module_id: str) -> Result:
        """Return the names of what was set for this session, ``[key]``; no values."""
        try:
            return Result.success(self.app_context.preferences.session_keys(module_id))
        except ModframeError as error:
            return failed(error)

    # -- change -------------------------------------------------------------------------------

    async def set_preference(self, module_id: str, key: str, value: Any) -> Result:
        """Set one preference; the data says what counts now, as `explain` does."""
        return await self.set_preferences(module_id, {key: value})

    async def set_preferences(self, module_id: str, mapping: dict[str, Any]) -> Result:
        """Set several preferences, checked as a whole, all or none."""
        try:
            explained = await self.app_context.preferences.set(module_id, mapping)
        except ModframeError as error:
            return failed(error)
        logger.info("preferences of %s were set: %s", module_id, ", ".join(explained))
        return Result.success(explained)

    async def clear_preference(self, module_id: str, key: str | None = None) -> Result:
        """Forget one preference, or all of a module; the module need not be live."""
        try:
            await self.app_context.preferences.clear(module_id, key)
        except ModframeError as error:
            return failed(error)
        logger.info("preferences of %s were cleared: %s", module_id, key or "all")
        return Result.success()

    async def set_session_value(self, module_id: str, key: str, value: Any) -> Result:
        """Set one setting until the app stops, also a secret; nothing keeps it."""
        return await self.set_session_values(module_id, {key: value})

    async def set_session_values(self, module_id: str, mapping: dict[str, Any]) -> Result:
        """Set several settings until the app stops, checked as a whole, all or none."""
        try:
            explained = await self.app_context.preferences.set_session(module_id, mapping)
        except ModframeError as error:
            return failed(error)
        logger.info("set for the session of %s: %s", module_id, ", ".join(explained))
        return Result.success(explained)

    async def clear_session_value(self, module_id: str, key: str | None = None) -> Result:
        """Take back what was set for this session, or all; the module need not be live."""
        try:
            await self.app_context.preferences.clear_session(module_id, key)
        except ModframeError as error:
            return failed(error)
        logger.info("taken back for the session of %s: %s", module_id, key or "all")
        return Result.success()

    # -- stop ---------------------------------------------------------------------------------

    async def cleanup_resources(self) -> None:
        """Stop gracefully; what `activate` started has ended by then."""
        self.initialized = False

    def force_cleanup(self) -> None:
        """Stop at once, after the graceful stop took too long."""
        self.initialized = False
