"""DuckDB, the default engine of module databases: its dialect, its one instance, its files."""
