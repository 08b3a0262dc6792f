"""`DatabaseSession`: a session that refuses models of other databases; made by `IntegritySession`.

SQLAlchemy asks it for an engine whenever a model is queried or written. Which database a model
belongs to stands in its metadata.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.orm import Mapper, Session

from ..base import database_of
from ..database import Database
from ..errors import WrongDatabaseError
from ..tracking import Tracked, watch_sessions


class DatabaseSession(Session):
    """A session on one database.

    Attributes:
        tracked: What it does, and what it would lose if it were closed now.
    """

    def __init__(self, *arguments: Any, database: Database, purpose: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.database = database
        self.tracked = Tracked(self, purpose, database)

    def get_bind(self, mapper: Any = None, **bind_arguments: Any) -> Engine | Connection:
        """Return the engine, as SQLAlchemy's own does.

        Raises:
            WrongDatabaseError: If the model belongs to another database.
        """
        if mapper is not None:
            self._check(mapper if isinstance(mapper, Mapper) else inspect(mapper))
        return super().get_bind(mapper, **bind_arguments)

    def _check(self, mapper: Mapper[Any]) -> None:
        metadata = getattr(mapper.class_, "metadata", None)
        wanted = database_of(metadata) if metadata is not None else None
        here = self.database.name
        if wanted is None or wanted == here:
            return
        model, purpose = mapper.class_.__name__, self.tracked.purpose
        raise WrongDatabaseError(
            f"session {purpose!r} is on database {here!r}, and the model {model} belongs to "
            f"database {wanted!r}; two databases can't commit together, so one would keep its rows "
            "if the other failed",
            cure=f"use the model in a session on {wanted!r}, after this one was committed, or give "
            "both modules the same DATABASE_NAME",
            database=here, purpose=purpose, model=model, wanted=wanted,
        )  # fmt: skip


watch_sessions(DatabaseSession)
