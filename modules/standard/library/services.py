"""The lending desk."""

from datetime import UTC, datetime, timedelta

from core.error_utils import Result
from core.logging import get_framework_logger

from .database import LibraryDatabase
from .settings import LibrarySettings

MODULE_ID = "standard.library"
logger = get_framework_logger(MODULE_ID)


class LibraryService:
    def __init__(self, app_context=None):
        self.app_context = app_context
        self.database = LibraryDatabase()
        self.settings = None

    async def initialize(self) -> Result:
        settings_service = self.app_context.get_service("core.settings.service")
        found = await settings_service.get_typed_settings(MODULE_ID, LibrarySettings)
        if found.success:
            self.settings = found.data
            logger.info("the desk is open", extra={"loan_days": self.settings.loan_days})
        return found

    async def get_status(self) -> Result:
        return Result.success(data={"status": "open" if self.settings else "closed"})

    async def add_book(self, title: str, author: str) -> Result:
        return await self.database.add(title, author)

    async def books(self) -> Result:
        return await self.database.books()

    async def lend(self, book_id: int, reader: str) -> Result:
        due = datetime.now(UTC) + timedelta(days=self.settings.loan_days)
        return await self.database.lend(book_id, reader, due.date(), self.settings.max_loans)

    async def take_back(self, book_id: int) -> Result:
        return await self.database.take_back(book_id)

    async def cleanup_resources(self):
        self.settings = None
        logger.info("the desk is closed")

    def force_cleanup(self):
        self.settings = None