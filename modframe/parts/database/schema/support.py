"""Says what an engine can't do of what models ask for; for `Databases.apply` and `check`.

Comes in: an engine and models. Goes out: notes about what it does in its own way. What it can't do
at all is a `SchemaConflictError`, which nothing was changed for.
"""

from __future__ import annotations

from sqlalchemy import MetaData

from ..backend import Backend
from ..errors import SchemaConflictError


def check_support(database: str, backend: Backend, metadata: MetaData) -> tuple[str, ...]:
    """Return what the engine does in its own way, as sentences.

    Raises:
        SchemaConflictError: If the engine can't do something that the models ask for.
    """
    remarks = list(backend.remarks(metadata))
    refused = [remark for remark in remarks if remark.refused]
    if not refused:
        return tuple(str(remark) for remark in remarks)
    raise SchemaConflictError(
        f"database {database!r} is kept by {backend.title}, which can't do what the models say: "
        + "; ".join(map(str, refused)),
        cure="nothing was changed: change the models, or let another engine keep the database by "
        "DATABASE_ENGINE",
        database=database,
        table=refused[0].table,
        column=refused[0].column,
        differences=tuple(map(str, refused)),
    )
