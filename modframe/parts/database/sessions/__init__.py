"""Sessions on module databases: what they change, what they lose, and what they may not do."""
