"""Keeps SQLAlchemy's own suite out of this run; ``test_compliance.py`` starts a run for it."""

collect_ignore = ["compliance"]
