"""What a person works with around changes: drafts, sources, history and
rollback."""
