"""The service that shows the running system as plain data."""

from typing import Any

from core.error_utils import Result


class FrameworkService:
    """The running system as plain data; it keeps nothing, and asks its context at each call."""

    def __init__(self, app_context: Any = None) -> None:
        self.app_context = app_context
        self.initialized = False

    async def initialize(self) -> Result:
        """Make the service ready; called once, in phase 2."""
        self.initialized = True
        return Result.success()

    async def snapshot(self) -> Result:
        """Return everything that runs; its data is ready for JSON."""
        return Result.success(data=self.app_context.snapshot().to_dict())

    async def services(self, tag: str | None = None, text: str | None = None) -> Result:
        """Return the live services and what their methods say.

        Args:
            tag: Only methods with this tag, and their services.
            text: Only methods in whose words, or their service's, all these words occur.
        """
        return Result.success(data=self.app_context.services(tag, text).to_dict())

    async def cleanup_resources(self) -> None:
        """Stop gracefully: there is nothing to close."""
        self.initialized = False

    def force_cleanup(self) -> None:
        """Stop at once, without waiting."""
        self.initialized = False
