"""Module databases: models come in, sessions, schema changes and answers to SQL go out.

Imported lazily: DuckDB and SQLAlchemy are loaded by the files of this room and by no other.
"""
