"""SQLAlchemy's suite for dialects, collected by a run of its own."""

from sqlalchemy.testing.suite import *  # noqa: F403 - the way that SQLAlchemy describes
