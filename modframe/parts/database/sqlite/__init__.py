"""SQLite, for many small transactions: its driver, its dialect, its files."""
