"""Read-only SQL over all module databases: a query comes in, rows go out."""
