"""What the routes of the error handler give."""

from typing import Any

from pydantic import BaseModel, Field


class RecordedError(BaseModel):
    """One failure, as a line of errors.jsonl has it."""

    time: str = Field(..., description="When, in UTC; of several, the time of the last one")
    module_id: str = Field(..., description="The module that failed")
    message: str = Field(..., description="What was being done, and what went wrong")
    generation: int | None = Field(None, description="The generation, if one was live")
    code: str | None = Field(None, description="A stable code; /errors/codes/{code} explains some")
    place: str | None = Field(None, description="The file, the cell and the line")
    correlation_id: str | None = Field(None, description="The request that it belongs to")
    fingerprint: str | None = Field(None, description="The same for failures of one kind")
    type: str = Field("", description="The exception's type")
    traceback: str = Field("", description="The exception's traceback, trimmed to module code")
    count: int = Field(1, description="How many failures it stands for")
    fields: dict[str, Any] = Field({}, description="More facts")


class ErrorGroup(BaseModel):
    """The failures of one kind."""

    fingerprint: str = Field(..., description="What names the group")
    module_id: str = Field(..., description="The module that failed")
    code: str | None = Field(None, description="Their code")
    type: str = Field("", description="The exception's type")
    place: str | None = Field(None, description="Where the newest one happened")
    message: str = Field(..., description="What the newest one says")
    correlation_id: str | None = Field(None, description="The request of the newest one")
    count: int = Field(..., description="How many there were")
    first: str = Field(..., description="When the first one was, of those that are kept")
    last: str = Field(..., description="When the last one was")
    generations: dict[str, int] = Field(..., description="How many there were by generation")


class ErrorGroupWithErrors(ErrorGroup):
    """The failures of one kind, and the newest of them one by one."""

    errors: list[RecordedError] = Field(..., description="The newest ones, the newest first")


class CodeExplanation(BaseModel):
    """The page of a code."""

    code: str = Field(..., description="The code")
    what: str = Field(..., description="What it means")
    why: str = Field(..., description="How it comes about")
    cure: str = Field(..., description="What to do")
