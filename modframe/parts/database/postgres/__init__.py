"""The wing for PostgreSQL: one schema of a server for each module database."""
