"""The service of the error handler: finds, groups and explains the errors of all modules."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from core.error_utils import Result

from modframe.codes import explain, unknown_code
from modframe.observe import Wanted

from .settings import ErrorHandlerSettings

MODULE_ID = "core.error_handler"


class ErrorHandlerService:
    """Answers from data/logs/errors.jsonl, which modframe writes. Files are read on a thread."""

    def __init__(self, app_context: Any = None) -> None:
        self.app_context = app_context
        self.settings = ErrorHandlerSettings()

    async def initialize(self) -> Result:
        """Take over the settings; called once, in phase 2."""
        settings_service = self.app_context.get_service("core.settings.service")
        found = await settings_service.get_typed_settings(MODULE_ID, ErrorHandlerSettings)
        if found.success:
            self.settings = found.data
        return found

    async def errors(
        self,
        module_id: str | None = None,
        since: str | datetime | None = None,
        text: str | None = None,
        limit: int = 100,
    ) -> Result:
        """Return the recorded errors as dictionaries, the newest first."""
        recorded = self.app_context.errors
        return await self._read(
            lambda: recorded.find(
                Wanted.of(module_id, since=since, text=text), limit=self._at_most(limit)
            )
        )

    async def groups(
        self,
        module_id: str | None = None,
        since: str | datetime | None = None,
        text: str | None = None,
        limit: int = 100,
    ) -> Result:
        """Return the kinds of errors with their numbers, the one that came last first."""
        recorded = self.app_context.errors
        return await self._read(
            lambda: recorded.groups(
                Wanted.of(module_id, since=since, text=text), limit=self._at_most(limit)
            )
        )

    async def group(self, fingerprint: str, limit: int = 100) -> Result:
        """Return one kind of errors, and the newest of them under ``errors``."""
        recorded, wanted = self.app_context.errors, Wanted(fingerprint=fingerprint)
        found = await self._read(lambda: recorded.groups(wanted, limit=1))
        if not fingerprint or not found.data:
            return Result.error(
                "UNKNOWN_FINGERPRINT",
                f"no error that is kept has the fingerprint {fingerprint!r}; groups() has them all",
            )
        errors = await self._read(lambda: recorded.find(wanted, limit=self._at_most(limit)))
        return Result.success(data={**found.data[0], "errors": errors.data})

    async def explain(self, code: str) -> Result:
        """Return what a code that modframe gives means, how it comes about, and what to do."""
        page = explain(code)
        if page is None:
            return Result.error("UNKNOWN_CODE", unknown_code(code))
        return Result.success(data=page.to_dict())

    def _at_most(self, limit: int) -> int:
        return max(0, min(limit, self.settings.most))

    async def _read(self, read: Callable[[], list[Any]]) -> Result:
        try:
            found = await self.app_context.tasks.thread(read)
        except ValueError as error:  # what was asked for is no time
            return Result.error("INVALID_TIME", str(error))
        return Result.success(data=[one.to_dict() for one in found])

    async def cleanup_resources(self) -> None:
        """Stop gracefully: nothing is open between two questions."""

    def force_cleanup(self) -> None:
        """Stop at once: nothing is open between two questions."""
