"""The errors of revisions; raised in this room only."""

from __future__ import annotations

from ..errors import DatabaseError


class RevisionError(DatabaseError):
    """Raised, in one of its kinds, when revisions can't be read, written or run.

    Attributes:
        module_id: The module that they belong to.
    """

    rule = "revision"
    module_id: str


class RevisionFileError(RevisionError):
    """Raised when a revision's file can't be executed or lacks what a revision must say.

    Attributes:
        file: The file, from the module's folder.
        line: Line in that file, from 1; 0 if unknown.
    """

    file: str
    line: int


class RevisionOrderError(RevisionError):
    """Raised when revisions have no order: several last ones, a missing parent, a circle.

    Attributes:
        files: The files that the fault is about.
    """

    files: tuple[str, ...]


class UnknownRevisionError(RevisionError, ValueError):
    """Raised when there is no revision of a name, or none that it can mean here."""

    revision: str


class DatabaseAheadError(RevisionError):
    """Raised when a database is at a revision that the module's files don't have.

    Attributes:
        revisions: The ids that the database has recorded.
    """

    revisions: tuple[str, ...]


class RevisionRunningError(RevisionError):
    """Raised when another process runs revisions on the database for longer than the wait.

    Attributes:
        holder: The process id of the other process; ``None`` if it is not known.
        waited: Seconds waited.
    """

    holder: int | None
    waited: float


class RevisionFailedError(RevisionError):
    """Raised when a revision fails; the database is as it was before the command.

    Attributes:
        file: The revision's file, from the module's folder.
        line: The line that failed, from 1; 0 if unknown.
    """

    file: str
    line: int
