"""Drafts, sources, history and rollback: what a person works with around changes."""
