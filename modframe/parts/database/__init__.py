"""Module databases: models come in; sessions, schema changes and rows go out.

Only files of this room import DuckDB and SQLAlchemy; the room is imported when a database is used.
"""
