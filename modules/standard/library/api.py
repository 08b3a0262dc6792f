"""The library module: its routes, and what it registers."""

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
from core.logging import get_framework_logger
from core.module_base import DataIntegrityModule
from fastapi import APIRouter, HTTPException

from .api_schemas import BookResponse, Loan, NewBook
from .settings import LibrarySettings

logger = get_framework_logger("standard.library")
router = APIRouter()

BOOK = ServiceParam("book_id", int, "The book's number")
OF_BOOK = ServiceReturn("Result", "Its data: the book as a dictionary")


def _desk():
    return app_context.get_service("standard.library.service")


def _data_of(result: Result):
    if not result.success:
        status = 404 if result.code == "NOT_FOUND" else 409
        raise HTTPException(status_code=status, detail=result.message)
    return result.data


@router.get("/status")
async def get_status() -> dict:
    return _data_of(await _desk().get_status())


@router.get("/books")
async def get_books() -> list[BookResponse]:
    return _data_of(await _desk().books())


@router.post("/books", status_code=201)
async def add_book(book: NewBook) -> BookResponse:
    return _data_of(await _desk().add_book(book.title, book.author))


@router.put("/books/{book_id}/loan")
async def lend(book_id: int, loan: Loan) -> BookResponse:
    return _data_of(await _desk().lend(book_id, loan.reader))


@router.delete("/books/{book_id}/loan")
async def take_back(book_id: int) -> BookResponse:
    return _data_of(await _desk().take_back(book_id))


@inject_dependencies("app_context")
@register_service(
    "standard.library.service",
    methods=[
        ServiceMethod(
            name="initialize",
            description="Open the desk; called in phase 2",
            returns=ServiceReturn("Result", "Its data: the settings"),
            tags=["phase2"],
        ),
        ServiceMethod(
            name="get_status",
            description="Whether the desk is open",
            returns=ServiceReturn("Result", "Its data: {'status': 'open'}"),
            tags=["status"],
        ),
        ServiceMethod(
            name="add_book",
            description="Take a book in; one that is there already is given as it is",
            params=[ServiceParam("title", str), ServiceParam("author", str)],
            returns=OF_BOOK,
        ),
        ServiceMethod(
            name="books",
            description="All books, in the order they came",
            returns=ServiceReturn("Result", "Its data: a list of books as dictionaries"),
        ),
        ServiceMethod(
            name="lend",
            description="Give a book to a reader",
            params=[BOOK, ServiceParam("reader", str)],
            returns=OF_BOOK,
            examples=[ServiceExample("lend(1, 'Ada')", "Result.success({'id': 1, ...})")],
        ),
        ServiceMethod(
            name="take_back",
            description="Take a book back",
            params=[BOOK],
            returns=OF_BOOK,
        ),
    ],
    priority=100,
)
@require_services(["core.settings.service"])
@initialization_sequence("setup_infrastructure", phase="phase1")
@phase2_operations("initialize_phase2")
@auto_service_creation(service_class="LibraryService")
@register_api_endpoints(router_name="router")
@register_database(database_name="library")
@enforce_data_integrity(strict_mode=True, anti_mock=True)
@module_health_check(function="check_health", interval=60)
@graceful_shutdown(method="cleanup_resources", timeout=30)
@force_shutdown(method="force_cleanup", timeout=5)
class LibraryModule(DataIntegrityModule):
    MODULE_ID = "standard.library"
    MODULE_VERSION = "1.0.0"
    MODULE_DESCRIPTION = "Lends books to readers"

    def setup_infrastructure(self):
        """Phase 1."""
        self.app_context.register_pydantic_model(self.MODULE_ID, LibrarySettings)
        logger.info("the settings are registered")

    async def initialize_phase2(self):
        """Phase 2; a Result that is an error keeps the module from going live."""
        return await self.service_instance.initialize()

    async def check_health(self) -> bool:
        return (await self.service_instance.books()).success

    async def cleanup_resources(self):
        """Also called after a start that failed, maybe before there was a service."""
        if self.service_instance:
            await self.service_instance.cleanup_resources()

    def force_cleanup(self):
        if self.service_instance:
            self.service_instance.force_cleanup()