"""The operations on books; each is one session and gives a Result."""

from datetime import date

from core.app_context import app_context
from core.error_utils import Result
from sqlalchemy import func, select

from .db_models import DATABASE_NAME, Book


def _session(purpose: str):
    return app_context.database.integrity_session(DATABASE_NAME, purpose)


def _as_data(book: Book) -> dict:
    return {name: getattr(book, name) for name in ("id", "title", "author", "reader", "due")}


class LibraryDatabase:
    async def add(self, title: str, author: str) -> Result:
        """A new book; one that is there already is given as it is."""
        async with _session("add") as session:
            same = select(Book).where(Book.title == title, Book.author == author)
            book = await session.scalar(same)
            if book is None:
                book = Book(title=title, author=author)
                session.add(book)
                await session.commit()
            return Result.success(data=_as_data(book))

    async def books(self) -> Result:
        async with _session("books") as session:
            found = await session.scalars(select(Book).order_by(Book.id))
            return Result.success(data=[_as_data(book) for book in found])

    async def lend(self, book_id: int, reader: str, due: date, most: int) -> Result:
        async with _session("lend") as session:
            book = await session.get(Book, book_id)
            if book is None:
                return Result.error("NOT_FOUND", f"There is no book {book_id}")
            if book.reader is not None:
                return Result.error("LENT", f"{book.title} is with another reader")
            loans = select(func.count()).where(Book.reader == reader)
            if await session.scalar(loans) >= most:
                return Result.error("TOO_MANY", f"{reader} has {most} books", {"most": most})
            book.reader, book.due = reader, due
            await session.commit()
            return Result.success(data=_as_data(book))

    async def take_back(self, book_id: int) -> Result:
        async with _session("take back") as session:
            book = await session.get(Book, book_id)
            if book is None:
                return Result.error("NOT_FOUND", f"There is no book {book_id}")
            book.reader = book.due = None
            await session.commit()
            return Result.success(data=_as_data(book))