"""What the routes take and give."""

from datetime import date

from pydantic import BaseModel, Field


class NewBook(BaseModel):
    title: str = Field(min_length=1, max_length=200, examples=["Middlemarch"])
    author: str = Field(min_length=1, max_length=100, examples=["George Eliot"])


class Loan(BaseModel):
    reader: str = Field(min_length=1, max_length=100, examples=["Ada"])


class BookResponse(BaseModel):
    id: int
    title: str
    author: str
    reader: str | None = None
    due: date | None = None