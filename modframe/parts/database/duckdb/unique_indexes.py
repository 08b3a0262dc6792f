"""Makes unique constraints unique indexes, for `DuckDB.adapt`.

DuckDB forgets the name of a constraint, and can neither add nor drop one; an index does the same,
has a name, and comes and goes.
"""

from __future__ import annotations

from sqlalchemy import Index, MetaData, Table, UniqueConstraint


def index_uniques(metadata: MetaData) -> None:
    """Put a unique index in the place of each unique constraint of the models."""
    for table in metadata.tables.values():
        uniques = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
        for constraint in sorted(uniques, key=lambda each: each._creation_order):
            _index(table, constraint)


def _index(table: Table, constraint: UniqueConstraint) -> None:
    table.constraints.discard(constraint)
    columns = "_".join(column.name.lower() for column in constraint.columns)
    name = constraint.name if isinstance(constraint.name, str) else f"{table.name}_{columns}_key"
    index = Index(str(name), *constraint.columns, unique=True)
    rule = getattr(constraint, "_ddl_if", None)
    if rule is not None:
        index.ddl_if(rule.dialect, rule.callable_, rule.state)
