"""The table of books; one that is lent has a reader and a day it is due."""

from core.database import get_database_base
from sqlalchemy import Column, Date, Integer, String

DATABASE_NAME = "library"
LibraryBase = get_database_base(DATABASE_NAME)


class Book(LibraryBase):
    __tablename__ = "books"

    id = Column(Integer, primary_key=True)
    title = Column(String(200), nullable=False)
    author = Column(String(100), nullable=False)
    reader = Column(String(100))
    due = Column(Date)