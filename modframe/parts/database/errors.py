"""The errors of the databases, a branch of modframe's tree; also in `modframe.errors`."""

from __future__ import annotations

from typing import ClassVar

from ...errors import Answer, ModframeError


class DatabaseError(ModframeError):
    """Raised, in one of its kinds, when a module database can't do what was asked.

    Attributes:
        retryable: Whether it is worth running the same again: nothing was written, and nothing has
            to be repaired first. What repeats calls, such as tenacity, can ask for it.
    """

    rule = "database"
    retryable: ClassVar[bool] = False
    database: str


class DatabaseNameError(DatabaseError, ValueError):
    """Raised when a name can't be used for a database, or there is no such database."""


class DatabaseEngineError(DatabaseError, ValueError):
    """Raised when there is no such engine, or its driver isn't installed."""

    engine: str


class DatabaseURLError(DatabaseError, ValueError):
    """Raised when the environment says where databases are in a way that can't be used."""


class DatabaseDefinitionError(DatabaseError):
    """Raised when a module's files define models or a database in a way that can't work.

    Attributes:
        file: The module's file, for example ``"db_models.py"``.
        line: Line in that file, from 1; 0 if unknown.
    """

    file: str
    line: int


class DatabaseSeedError(DatabaseError):
    """Raised when a module's ``seed(session)`` fails; nothing of it was kept.

    Attributes:
        file: The module's file; empty if the cause's traceback says it. ``line``: the line there.
    """

    module_id: str
    file: str
    line: int


class DatabaseRowsError(DatabaseError, ValueError):
    """Raised when rows in bulk don't fit the model of their table; none was written.

    Attributes:
        table: The table. ``column``: the column; empty if it is about none.
        row: The row, counted from 0; ``None`` if it is about all of them.
    """

    table: str
    column: str
    row: int | None


class DatabaseMoveError(DatabaseError):
    """Raised when a database can't be moved to another engine; it stays as it is."""


class DatabaseBackupError(DatabaseError):
    """Raised when a backup can't be made or restored; nothing was changed.

    ``path`` is its folder.
    """

    path: str


class DatabaseOpenError(DatabaseError):
    """Raised when a database can't be opened: its file, or its server and database, is ``path``."""

    path: str


class DatabaseLockedError(DatabaseOpenError):
    """Raised when somebody held a database's file, or a lock in it, for longer than the wait.

    Attributes:
        holder: The process id of the holder; ``None`` if it is not known.
        waited: Seconds waited; 0 if the engine waited.
    """

    holder: int | None
    waited: float


class DatabaseFileLostError(DatabaseOpenError):
    """Raised when a database's file was deleted or replaced while the app used it.

    ``deleted`` is true if no other file is in its place.
    """

    deleted: bool


class DatabaseClosedError(DatabaseError, RuntimeError):
    """Raised when databases are used after they were closed."""


class DatabaseLoopError(DatabaseError, RuntimeError):
    """Raised when databases are used on another event loop than the one they live on."""


class DatabaseForkedError(DatabaseError, RuntimeError):
    """Raised when a forked child uses the databases of its parent."""


class DatabaseConflictError(DatabaseError):
    """Raised when another session changed the same rows first; nothing was written.

    Where it leaves a route, the answer is 409 with ``Retry-After``.

    Attributes:
        purpose: What the session was for.
        tries: How often a transaction with ``retry`` ran.
    """

    retryable = True
    answer = Answer(
        409,
        "Another request changed the same data at the same time, and nothing was written. "
        "Send this one again",
        retry_after=1,
    )
    purpose: str
    tries: int = 1


MAKE_ROOM = (
    "free some room, or move the data folder to a larger disk (MODFRAME_DATA), then run it again; "
    "what was committed before is kept"
)
"""What to do where a disk is full."""


class DatabaseFullError(DatabaseError):
    """Raised when the disk of a database has no room left; nothing was written."""

    purpose: str


class DatabaseOpenFullError(DatabaseFullError, DatabaseOpenError):
    """Raised when a database can't be opened, for its disk has no room left."""


class DatabaseLostError(DatabaseError):
    """Raised when the connection to a database was lost, or its engine has shut down.

    What was not committed is not there. If it was lost during a commit, that may have succeeded.
    """

    purpose: str


class WrongDatabaseError(DatabaseError, ValueError):
    """Raised when a session on one database is used for a model of another one.

    Attributes:
        purpose: What the session was for.
        model: The model's name.
        wanted: The database that the model belongs to.
    """

    purpose: str
    model: str
    wanted: str


class NestedTransactionError(DatabaseError, RuntimeError):
    """Raised when a transaction is begun inside of another one, ``outer``, in the same task."""

    purpose: str
    outer: str


class UncommittedChangesError(DatabaseError):
    """Raised when a strict session ends with uncommitted changes; they were rolled back.

    Attributes:
        purpose: What the session was for.
        changes: What was not committed, for example ``("INSERT",)``.
    """

    purpose: str
    changes: tuple[str, ...]


class SchemaConflictError(DatabaseError):
    """Raised when models differ from the tables and adding to the tables can't solve it.

    Attributes:
        table: The first table that differs.
        column: The first column that differs; empty if the difference is one of the table.
        differences: All of them, as sentences.
    """

    table: str
    column: str
    differences: tuple[str, ...]


class MigrationError(DatabaseError, ValueError):
    """Raised when a migration asks for what there isn't, isn't allowed all that the models need, or
    is refused by the engine; nothing was changed."""


class RevisionMissingError(DatabaseError):
    """Raised when a module has revisions and no revision makes what its models need.

    Attributes:
        module_id: The module.
        differences: What is missing, such as ``add column orders.note``.
    """

    rule = "revision"
    module_id: str
    differences: tuple[str, ...]


class DatabaseBusyError(DatabaseError):
    """Raised when open sessions block a change of the schema for longer than the wait.

    ``purposes`` says what those sessions are for.
    """

    purposes: tuple[str, ...]


class QueryRefusedError(DatabaseError, ValueError):
    """Raised when ``sql`` gets anything but one reading statement."""

    query: str


class UnsupportedByDuckDBError(DatabaseError, NotImplementedError):
    """Raised when something is used that DuckDB doesn't have, such as savepoints."""
